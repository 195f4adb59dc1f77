"""After `migrate` nothing is answered from before, and database triggers are there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.test import override_settings

from tests.caches.coherence.recording import Recording
from tests.factories import WorkflowFactory
from tests.models.outbox import run
from workflow_engine.caches.coherence import reset
from workflow_engine.caches.declared import declared
from workflow_engine.lookups import workflows
from workflow_engine.models import CacheOutbox, Detector, Workflow
from workflow_engine.models.cache_triggers import install, missing, uninstall
from workflow_engine.receivers.migrating import after_migrate
from workflow_engine.receivers.watch import Watch

pytestmark = pytest.mark.django_db(transaction=True)

# A test may not open connections of other names; a child may.
MIGRATE = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection, connections
connections.settings["owner"] = dict(connection.settings_dict)
call_command("migrate", database="owner", verbosity=0)
"""

AFTER = """
import django
django.setup()
from django.db import connection, connections
from tests.caches.coherence.recording import Recording
from workflow_engine.caches.declared import declared
from workflow_engine.receivers.migrating import after_migrate
from workflow_engine.receivers.watch import Watch
connections.settings["other"] = dict(connection.settings_dict, **GIVEN)
recording = Recording()
after_migrate(Watch(declared, lambda: recording), using="other")
print(sorted(recording.whole), recording.settled)
"""


def child(script: str, environment: dict[str, str], **given: Any) -> str:
    """Return what a process says that runs a script with GIVEN."""
    told = subprocess.run(
        [sys.executable, "-c", f"GIVEN = {given!r}\n{script}"],
        env=environment,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


@pytest.fixture(autouse=True)
def _as_new() -> Iterator[None]:
    reset()
    yield
    reset()
    if missing("default"):
        install("default")


def migrate() -> None:
    call_command("migrate", verbosity=0)


def renamed_unseen(workflow: Workflow, name: str) -> None:
    """Change a row as a migration may: no signal, and no database trigger."""
    uninstall("default")
    models.QuerySet(Workflow).filter(pk=workflow.pk).update(name=name)


def name_of(workflow: Workflow) -> str:
    found: Any = workflows.get(workflow.pk)
    return str(found.name)


def test_migrate__what_changed_unseen_is_seen() -> None:
    workflow = WorkflowFactory(name="old")
    before = [name_of(workflow), name_of(workflow)]
    renamed_unseen(workflow, "new")

    migrate()

    assert before == ["old", "old"]
    assert name_of(workflow) == "new"
    assert missing("default") == []
    assert not CacheOutbox.objects.exists()


@pytest.mark.postgres
def test_migrate__with_redis_away() -> None:
    workflow = WorkflowFactory(name="old")
    name_of(workflow)
    renamed_unseen(workflow, "new")
    away = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1"}}

    with override_settings(CACHES=away):
        migrate()
        owed = set(CacheOutbox.objects.values_list("source", "rows"))
        meanwhile = name_of(workflow)

    assert owed == {(model._meta.db_table, None) for model in declared.models()}
    assert meanwhile == "new"
    assert name_of(workflow) == "new"
    assert not CacheOutbox.objects.exists()


def test_after_migrate__everything_that_is_asked() -> None:
    recording = Recording()

    after_migrate(Watch(declared, lambda: recording), using="default")

    assert recording.whole == {question.name for question in declared}
    assert recording.causes == ["migrate"]


@pytest.mark.postgres
def test_migrate__by_another_alias_of_the_database(
    child_environment: dict[str, str],
) -> None:
    workflow = WorkflowFactory(name="old")
    before = [name_of(workflow), name_of(workflow)]
    renamed_unseen(workflow, "new")

    child(MIGRATE, child_environment)

    assert before == ["old", "old"]
    assert name_of(workflow) == "new"
    assert missing("default") == []
    assert not CacheOutbox.objects.exists()


@pytest.mark.postgres
@pytest.mark.parametrize("is_migrated", [True, False])
def test_after_migrate__another_database(
    child_environment: dict[str, str], is_migrated: bool
) -> None:
    run("CREATE SCHEMA wfe_test_second")
    if is_migrated:
        run(
            "CREATE TABLE wfe_test_second.workflow_engine_cacheoutbox"
            " (LIKE public.workflow_engine_cacheoutbox)"
        )
    try:
        path = {"options": "-c search_path=wfe_test_second"}
        told = child(AFTER, child_environment, OPTIONS=path)
    finally:
        run("DROP SCHEMA wfe_test_second CASCADE")

    assert told == "[] []"


@pytest.mark.postgres
def test_after_migrate__an_alias_that_cannot_tell_which_database_it_is(
    child_environment: dict[str, str],
) -> None:
    run("CREATE ROLE wfe_test_owner LOGIN")
    run("GRANT SELECT, INSERT ON workflow_engine_cacheoutbox TO wfe_test_owner")
    run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    try:
        told = child(AFTER, child_environment, USER="wfe_test_owner")
        owed = set(CacheOutbox.objects.values_list("source", "rows"))
    finally:
        run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        run("DROP OWNED BY wfe_test_owner")
        run("DROP ROLE wfe_test_owner")

    whole = sorted(question.name for question in declared)
    assert told == f"{whole} ['other']"
    assert owed == {(model._meta.db_table, None) for model in declared.models()}


def test_after_migrate__before_the_tables_are_there() -> None:
    recording = Recording()
    name = CacheOutbox._meta.db_table
    with connection.schema_editor() as editor:
        uninstall("default")
        editor.alter_db_table(CacheOutbox, name, "elsewhere")
    try:
        after_migrate(Watch(declared, lambda: recording), using="default")
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(CacheOutbox, "elsewhere", name)

    assert recording.settled == []
    assert Detector.objects.count() == 0
