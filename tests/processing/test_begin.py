"""What a detector waits for before its first event."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import models

from tests.factories import DetectorFactory
from workflow_engine import clock
from workflow_engine.clock import ManualClock
from workflow_engine.models import Detector, DetectorState, WorkItem
from workflow_engine.processing.execution import Executor
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.queue import Dispatcher, StoreReader
from workflow_engine.types.event import Event

pytestmark = pytest.mark.django_db

EXPECTED = {"for": 300, "subjects": ["host-1", "host-2"], "priority": "high"}


def run_due(after_seconds: float) -> None:
    at = ManualClock(clock.now() + timedelta(seconds=after_seconds))
    executor = Executor(at, send=None, send_task=None)
    Dispatcher(send=executor.execute, clock=at, reader=StoreReader()).run_once()


def test_begin_watch__listed_subjects_never_heard_of() -> None:
    DetectorFactory(kind="absence", config=EXPECTED)

    run_due(after_seconds=301)

    states = DetectorState.objects.order_by("subject").values_list(
        "subject", "priority"
    )
    assert list(states) == [("host-1", 75), ("host-2", 75)]


def test_begin_watch__subject_heard_of_in_time() -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED)
    later = clock.now() + timedelta(seconds=200)
    event = Event(
        id="1",
        source="/hosts",
        type=detector.event_type,
        time=later,
        accepted_at=later,
        subject="host-1",
    )
    process([event], DatabaseLedger(), later)

    run_due(after_seconds=301)

    silent = DetectorState.objects.filter(priority=75).values_list("subject", flat=True)
    assert list(silent) == ["host-2"]


def test_begin_watch__saved_again() -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED)

    detector.save()

    assert WorkItem.objects.count() == 2
    assert DetectorState.objects.count() == 2


@pytest.mark.parametrize("kind", ["event", "absence"])
def test_begin_watch__nobody_expected(kind: str) -> None:
    DetectorFactory(kind=kind, config={"for": 300} if kind == "absence" else {})

    assert not WorkItem.objects.exists()


def test_begin_watch__switched_off() -> None:
    DetectorFactory(kind="absence", config=EXPECTED, enabled=False)

    assert not WorkItem.objects.exists()


def test_begin_watch__switched_on_as_a_list_of_rows() -> None:
    DetectorFactory(kind="absence", config=EXPECTED, enabled=False)
    DetectorFactory(kind="event", enabled=False)

    Detector.objects.update(enabled=True)

    assert WorkItem.objects.count() == DetectorState.objects.count() == 2


def test_begin_watch__switched_off_and_on_as_a_list_of_rows() -> None:
    DetectorFactory(kind="absence", config=EXPECTED)

    Detector.objects.update(enabled=False)
    Detector.objects.update(enabled=True)

    assert WorkItem.objects.count() == DetectorState.objects.count() == 2


def test_begin_watch__listed_by_an_update() -> None:
    detector = DetectorFactory(kind="absence", config={"for": 300})

    detector.config = EXPECTED
    Detector.objects.bulk_update([detector], ["config"])

    assert WorkItem.objects.count() == 2


@pytest.mark.parametrize("ignore_conflicts", [False, True])
def test_begin_watch__created_as_a_list_of_rows(ignore_conflicts: bool) -> None:
    rows = [DetectorFactory.build(kind="absence", config=EXPECTED) for _ in range(2)]

    Detector.objects.bulk_create(rows, ignore_conflicts=ignore_conflicts)

    assert WorkItem.objects.count() == DetectorState.objects.count() == 4


def test_begin_watch__configuration_that_cannot_be_read() -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED, enabled=False)
    rows: models.QuerySet[Detector] = models.QuerySet(Detector)
    rows.update(config={"subjects": ["host-1"]})  # as SQL by hand does

    Detector.objects.filter(pk=detector.pk).update(enabled=True)

    assert not WorkItem.objects.exists()


def test_begin_watch__subjects_of_an_environment() -> None:
    config = {**EXPECTED, "environment": "production"}
    detector = DetectorFactory(kind="absence", config=config)
    later = clock.now() + timedelta(seconds=200)
    event = Event(
        id="1",
        source="/hosts",
        type=detector.event_type,
        time=later,
        accepted_at=later,
        subject="host-1",
        environment="production",
    )
    process([event], DatabaseLedger(), later)

    run_due(after_seconds=301)

    states = DetectorState.objects.order_by("subject")
    assert list(states.values_list("environment", "subject", "priority")) == [
        ("production", "host-1", 0),
        ("production", "host-2", 75),
    ]


def test_begin_watch__subjects_that_are_no_longer_expected_there() -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED)

    moved = {"for": 300, "subjects": ["host-1"], "environment": "production"}
    detector.config = moved
    detector.save()
    run_due(after_seconds=301)

    states = DetectorState.objects.values_list("environment", "subject", "priority")
    assert list(states) == [("production", "host-1", 50)]


@pytest.mark.parametrize("known", ["heard", "open"])
def test_begin_watch__subject_that_is_known_stays(known: str) -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED)
    if known == "open":
        run_due(after_seconds=301)
    else:
        DetectorState.objects.update(last_seen_at=clock.now())

    detector.config = {"for": 300}
    detector.save()

    assert DetectorState.objects.count() == 2


def test_begin_watch__subject_listed_anew_is_waited_for_from_then() -> None:
    detector = DetectorFactory(kind="absence", config=EXPECTED)
    detector.config = {"for": 300}
    detector.save()
    WorkItem.objects.update(due_at=clock.now())  # as one of an older listing is

    detector.config = EXPECTED
    detector.save()
    run_due(after_seconds=1)
    early = set(DetectorState.objects.values_list("priority", flat=True))
    run_due(after_seconds=301)

    late = set(DetectorState.objects.values_list("priority", flat=True))
    assert (early, late) == ({0}, {75})
