"""Figures by the hour, the day and for ever; who writes them; records of forgets; the pages."""

from django.db import migrations, models, router


def keep_minutes_alone(apps, schema_editor):
    """Delete the figures that the table had no place for: without a size they would collide."""
    using = schema_editor.connection.alias
    buckets = apps.get_model('workflow_engine', 'MetricBucket')
    if router.allow_migrate_model(using, buckets):
        buckets.objects.using(using).exclude(size='minute').delete()


class Migration(migrations.Migration):

    dependencies = [
        ('workflow_engine', '0002_cache_rows'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='metricbucket',
            name='wfe_metric_bucket',
        ),
        migrations.RenameField(
            model_name='metricbucket', old_name='access', new_name='scope',
        ),
        migrations.RenameField(
            model_name='metricbucket', old_name='minute', new_name='at',
        ),
        migrations.AddField(
            model_name='metricbucket',
            name='size',
            field=models.CharField(choices=[('minute', 'minute'), ('hour', 'hour'), ('day', 'day'), ('ever', 'ever')], default='minute', max_length=6, verbose_name='size'),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name='CacheForget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True, verbose_name='at')),
                ('access', models.CharField(max_length=64, verbose_name='access')),
                ('cause', models.CharField(help_text='Such as save:workflow; the part behind : is a model.', max_length=64, verbose_name='cause')),
                ('count', models.BigIntegerField(help_text='Null: all of the access.', null=True, verbose_name='entries')),
                ('keys', models.TextField(blank=True, verbose_name='keys')),
                ('is_cut', models.BooleanField(default=False, verbose_name='not all keys are named')),
                ('rows', models.TextField(blank=True, help_text='Primary keys, as far as they are known.', verbose_name='rows')),
                ('author', models.CharField(blank=True, help_text='Who saved it in the admin.', max_length=150, verbose_name='by')),
            ],
            options={
                'verbose_name': 'forgotten entries',
                'verbose_name_plural': 'forgotten entries',
            },
        ),
        migrations.CreateModel(
            name='MetricSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Host, process id and when it began to count.', max_length=200, unique=True, verbose_name='process')),
                ('release', models.CharField(blank=True, help_text='Version of the app and RELEASE of the project.', max_length=128, verbose_name='release')),
                ('started_at', models.DateTimeField(verbose_name='began to count')),
                ('flushed_at', models.DateTimeField(db_index=True, verbose_name='last wrote')),
                ('expected_at', models.DateTimeField(help_text='Null: it had nothing more to write.', null=True, verbose_name='expected')),
                ('cache_use', models.CharField(blank=True, choices=[('used', 'in use'), ('given_up', 'given up')], help_text='Of a process whose entries are in Redis.', max_length=16, verbose_name='cache')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
            ],
            options={
                'verbose_name': 'source of metrics',
                'verbose_name_plural': 'sources of metrics',
            },
        ),
        migrations.CreateModel(
            name='Pause',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(help_text='Null: until somebody ends it.', null=True, verbose_name='until')),
                ('by', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('why', models.CharField(blank=True, max_length=200, verbose_name='why')),
            ],
            options={
                'verbose_name': 'pause',
                'verbose_name_plural': 'pauses',
            },
        ),
        migrations.CreateModel(
            name='Cache',
            fields=[
            ],
            options={
                'verbose_name': 'cache',
                'verbose_name_plural': 'cache',
                'proxy': True,
                'default_permissions': ('view', 'change'),
                'indexes': [],
                'constraints': [],
            },
            bases=('workflow_engine.metricbucket',),
        ),
        migrations.CreateModel(
            name='Dashboard',
            fields=[
            ],
            options={
                'verbose_name': 'dashboard',
                'verbose_name_plural': 'dashboard',
                'proxy': True,
                'default_permissions': ('view', 'change'),
                'indexes': [],
                'constraints': [],
            },
            bases=('workflow_engine.metricbucket',),
        ),
        migrations.AlterField(
            model_name='metricbucket',
            name='at',
            field=models.DateTimeField(help_text='Its first moment.', verbose_name='from'),
        ),
        migrations.AlterField(
            model_name='metricbucket',
            name='scope',
            field=models.CharField(blank=True, help_text='Name of an access, an outcome, a kind of action.', max_length=64, verbose_name='scope'),
        ),
        migrations.AddConstraint(
            model_name='metricbucket',
            constraint=models.UniqueConstraint(fields=('size', 'at', 'counter', 'scope', 'reason'), name='wfe_metric_bucket'),
        ),
        migrations.AddIndex(
            model_name='cacheforget',
            index=models.Index(fields=['access', '-at'], name='wfe_forget_access'),
        ),
        migrations.AddConstraint(
            model_name='pause',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='wfe_pause_only'),
        ),
        migrations.AddIndex(
            model_name='workitem',
            index=models.Index(condition=models.Q(('state', 'dead')), fields=['finished_at'], name='wfe_item_dead'),
        ),
        migrations.RunPython(migrations.RunPython.noop, keep_minutes_alone),  # first, backwards
    ]
