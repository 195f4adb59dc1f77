"""Processes that differ: without Redis beside some with it, and in another mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Cells, Process
from tests.factories import WorkflowFactory
from tests.queue.threads import elsewhere
from tests.races.writers import heard_by
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.verifier import verifier
from workflow_engine.lookups import workflows
from workflow_engine.models import CacheOutbox, Workflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture
def reader(cells: Cells) -> Process:
    return cells.process()


def name_of(reader: Process, workflow: Workflow) -> Any:
    return reader.get(workflows, workflow.pk).name


@pytest.fixture
def without_redis(reader: Process) -> Iterator[RowCoherence]:
    """Yield the coherence of who writes: a process without Redis."""
    made = RowCoherence("default", declared)
    with heard_by(made):
        yield made


@pytest.mark.postgres
def test_writer_without_redis__is_heard_at_the_next_sweep(
    reader: Process, without_redis: RowCoherence
) -> None:
    workflow = WorkflowFactory(name="old")
    reader.coherence.sweep()
    name_of(reader, workflow)

    workflow.name = "new"
    workflow.save()
    without_redis.sweep()
    owed = CacheOutbox.objects.count()
    swept = reader.coherence.sweep()

    assert owed == swept == 1
    assert name_of(reader, workflow) == "new"


@pytest.mark.postgres
def test_writer_with_redis__is_read_by_who_has_none(
    cells: Cells, reader: Process
) -> None:
    bare = RowCoherence("default", declared)

    def name() -> Any:
        found = LookUp(workflows, coherence=bare).get_many(workflows, [workflow.pk])
        return found[workflow.pk].name  # type: ignore[union-attr] # it is there

    with heard_by(reader.coherence):
        workflow = WorkflowFactory(name="old")
        before = [name(), name()]
        workflow.name = "new"
        workflow.save()

    assert before == ["old", "old"]
    assert name() == "new"


def test_mode__disabled_everywhere_and_enabled_again(
    cells: Cells, reader: Process, settings: Settings
) -> None:
    with heard_by(reader.coherence):
        workflow = WorkflowFactory(name="old")
        other = cells.process()
        for process in (reader, other) * 2:
            name_of(process, workflow)

        settings.WORKFLOW_ENGINE = {
            **settings.WORKFLOW_ENGINE,
            "CACHE_MODE": "disabled",
        }
        workflow.name = "new"
        workflow.save()
        meanwhile = name_of(other, workflow)
        settings.WORKFLOW_ENGINE = {
            **settings.WORKFLOW_ENGINE,
            "CACHE_MODE": "enabled",
        }

    assert meanwhile == "new"
    assert [name_of(one, workflow) for one in (reader, other)] == ["new"] * 2


def test_shadow__no_false_alarm_under_writes(
    cells: Cells,
    reader: Process,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_MODE": "shadow",
        "CACHE_VERIFY_GRACE_SECONDS": 0.1,
    }
    writer = cells.process()

    def read() -> None:
        for _ in range(40):
            name_of(reader, workflow)

    with heard_by(writer.coherence):
        workflow = WorkflowFactory(name="old")
        readers = [elsewhere(read) for _ in range(2)]
        for number in range(40):
            workflow.name = str(number)
            workflow.save()
        for one in readers:
            one.result(LIMIT_SECONDS)
    verifier.drain()

    assert [one for one in caplog.records if "stale" in one.message] == []


@pytest.mark.postgres
def test_sweep__the_earlier_row_commits_later(
    cells: Cells, reader: Process, settings: Settings
) -> None:
    bare = RowCoherence("default", declared)  # forgets nothing in Redis by itself
    gate = Gate("the first writer commits")
    first, second = WorkflowFactory(name="old"), WorkflowFactory(name="old")
    reader.coherence.sweep()
    for workflow in (first, second):
        name_of(reader, workflow)

    def rename(pk: int) -> None:
        Workflow.objects.filter(pk=pk).update(name="new")

    def slowly() -> None:
        with transaction.atomic():
            rename(first.pk)
            gate()

    with heard_by(bare):
        slow = elsewhere(slowly)
        gate.wait_until_reached()
        rename(second.pk)
        swept = [reader.coherence.sweep()]
        seen = [name_of(reader, one) for one in (first, second)]
        gate.open()
        slow.result(LIMIT_SECONDS)
    swept.append(reader.coherence.sweep())

    assert swept == [1, 1]
    assert seen == ["old", "new"]
    assert [name_of(reader, one) for one in (first, second)] == ["new", "new"]
