"""What the cache keeps in the database, and the triggers that notice every change of a rule."""

import django.db.models.functions.datetime
from django.db import migrations, models, router

from workflow_engine.models.cache_triggers import install, uninstall


def _has_tables(apps, using):
    outbox = apps.get_model('workflow_engine', 'CacheOutbox')
    return router.allow_migrate_model(using, outbox)


def install_triggers(apps, schema_editor):
    using = schema_editor.connection.alias
    if _has_tables(apps, using):
        install(using)


def uninstall_triggers(apps, schema_editor):
    using = schema_editor.connection.alias
    if _has_tables(apps, using):
        uninstall(using)


class Migration(migrations.Migration):

    dependencies = [
        ('workflow_engine', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CacheOutbox',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=128, verbose_name='table')),
                ('rows', models.JSONField(help_text='Null: everything that depends on the table.', null=True, verbose_name='rows')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='created')),
            ],
            options={
                'verbose_name': 'owed forget',
                'verbose_name_plural': 'owed forgets',
            },
        ),
        migrations.CreateModel(
            name='CacheGeneration',
            fields=[
                ('id', models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('generation', models.BigIntegerField(verbose_name='generation')),
                ('bumped_by', models.BigIntegerField(help_text='Number of the transaction.', null=True, verbose_name='bumped by')),
            ],
            options={
                'verbose_name': 'cache generation',
                'verbose_name_plural': 'cache generations',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='wfe_cache_generation_only')],
            },
        ),
        migrations.CreateModel(
            name='MetricBucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.DateTimeField(verbose_name='minute')),
                ('access', models.CharField(blank=True, max_length=64, verbose_name='access')),
                ('counter', models.CharField(max_length=64, verbose_name='counter')),
                ('reason', models.CharField(blank=True, max_length=64, verbose_name='reason')),
                ('count', models.BigIntegerField(verbose_name='count')),
                ('total', models.FloatField(default=0.0, verbose_name='total')),
                ('highest', models.FloatField(default=0.0, verbose_name='highest')),
            ],
            options={
                'verbose_name': 'metric',
                'verbose_name_plural': 'metrics',
                'constraints': [models.UniqueConstraint(fields=('minute', 'access', 'counter', 'reason'), name='wfe_metric_bucket')],
            },
        ),
        migrations.RunPython(install_triggers, uninstall_triggers),
    ]
