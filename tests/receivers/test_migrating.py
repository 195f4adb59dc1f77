"""After `migrate` nothing is answered from before, and database triggers are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.test import override_settings

from tests.caches.coherence.recording import Recording
from tests.factories import WorkflowFactory
from workflow_engine.caches.coherence import reset
from workflow_engine.caches.declared import declared
from workflow_engine.lookups import workflows
from workflow_engine.models import CacheOutbox, Detector, Workflow
from workflow_engine.models.cache_triggers import install, missing, uninstall
from workflow_engine.receivers.migrating import after_migrate
from workflow_engine.receivers.watch import Watch

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_after_migrate__another_database() -> None:
    recording = Recording()

    after_migrate(Watch(declared, lambda: recording), using="reports")

    assert recording.settled == []


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
