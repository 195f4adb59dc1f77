"""Proxies, children and models of a project: whoever is saved, its row is heard of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.apps.registry import Apps
from django.core.management import call_command
from django.db import connection, models, transaction
from django.test import TestCase

from tests.caches.coherence.recording import Recording
from tests.factories import (
    ActionFactory,
    ConditionFactory,
    DetectorFactory,
    WorkflowFactory,
)
from tests.receivers.answers import answers, changed, not_forgotten
from workflow_engine.caches import CacheMapping, Dependency, Direct, Resolved, Row
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import MOST_KEYS
from workflow_engine.caches.question import Question
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Action, Detector, Workflow
from workflow_engine.models.rules import rows_changed, rows_will_change
from workflow_engine.receivers import connect, disconnect

in_test_case = pytest.mark.django_db
real = pytest.mark.django_db(transaction=True)


def question(name: str, model: type[models.Model], on: Dependency[int]) -> Any:
    return Question(
        CacheMapping(name, str),
        load=lambda keys: dict.fromkeys(keys, 0),
        depends_on={model: on},
        value_type=int,
    )


@pytest.fixture
def hearing() -> Iterator[Callable[..., Recording]]:
    """Return a coherence that hears of what given questions depend on."""
    made: list[Recording] = []

    def hear(*questions: Any) -> Recording:
        among = Declared()
        for one in questions:
            among.add(one)
        made.append(recording := Recording(among))
        disconnect()
        connect(among, lambda: recording)
        return recording

    yield hear
    for recording in made:
        disconnect(recording.declared)
    connect()


@in_test_case
def test_proxy__is_heard(recording: Recording) -> None:
    class Watcher(Detector):
        class Meta:
            proxy = True
            app_label = "workflow_engine"
            apps = Apps()

    connect(recording.declared, lambda: recording)
    row = DetectorFactory()
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        Watcher.objects.filter(pk=row.pk).update(event_type="other.type")
        saved = Watcher.objects.get(pk=row.pk)
        saved.enabled = False
        saved.save()

    assert len(changed(before)) == 2
    assert not_forgotten(recording, changed(before)) == set()
    before = answers()
    recording.clear()

    with TestCase.captureOnCommitCallbacks(execute=True):
        saved.delete()

    assert not_forgotten(recording, changed(before)) == set()


@in_test_case
def test_proxy__a_question_that_names_it(hearing: Callable[..., Recording]) -> None:
    class Named(Detector):
        class Meta:
            proxy = True
            app_label = "workflow_engine"
            apps = Apps()

    itself: Direct[int] = Direct(("id",), lambda row: {row["id"]})
    recording = hearing(question("named", Named, itself))

    with TestCase.captureOnCommitCallbacks(execute=True):
        row = DetectorFactory()

    assert recording.keys("named") == {row.pk}


@pytest.fixture
def special(recording: Recording) -> Iterator[type[Any]]:
    """Yield a child of Detector, with its table."""

    class Special(Detector):
        note = models.CharField(max_length=10)

        class Meta:
            app_label = "workflow_engine"
            apps = Apps()

    connect(recording.declared, lambda: recording)
    with connection.schema_editor() as editor:
        editor.create_model(Special)
    yield Special
    with connection.schema_editor() as editor:
        editor.delete_model(Special)


def moved(row: Any) -> None:
    """Move a row, unseen."""
    models.QuerySet(Detector).filter(pk=row.pk).update(event_type="third.type")


def write_child(row: Any) -> None:
    row.event_type = "other.type"
    row.save()


def update_children(row: Any) -> None:
    type(row).objects.filter(note="a").update(event_type="other.type")


def delete_child(row: Any) -> None:
    row.delete()


@real
@pytest.mark.parametrize("write", [write_child, update_children, delete_child])
def test_child__is_heard(
    recording: Recording, special: type[Any], write: Callable[[Any], None]
) -> None:
    row = special(slug="s", event_type="order.failed", kind="event", note="a")
    before = answers()
    row.save()
    created = changed(before)
    assert len(created) == 2
    assert not_forgotten(recording, created) == set()
    moved(row)
    before = answers()
    recording.clear()

    write(row)

    assert ("third.type", "") in recording.keys("detector_ids_by_route")
    assert len(changed(before)) >= 2
    assert not_forgotten(recording, changed(before)) == set()
    models.QuerySet(special).delete()


def broken(*_: Any) -> set[int]:
    raise LookupError


@real
@pytest.mark.parametrize("in_block", [False, True], ids=["autocommit", "atomic"])
@pytest.mark.parametrize(
    "dependency",
    [
        Direct(("id",), broken),
        Direct(("no_such_column",), lambda row: {row["no_such_column"]}),
        Resolved(("id",), broken),
        Resolved(("no_such_column",), broken),
    ],
    ids=["direct", "column", "resolved", "resolved-column"],
)
def test_function_that_raises__costs_its_access_only(
    hearing: Callable[..., Recording],
    dependency: Dependency[int],
    in_block: bool,
) -> None:
    itself: Direct[int] = Direct(("id",), lambda row: {row["id"]})
    recording = hearing(
        question("broken", Action, dependency), question("well", Action, itself)
    )
    counts.take()

    if in_block:
        with transaction.atomic():
            row = ActionFactory()
    else:
        row = ActionFactory()

    assert Action.objects.filter(pk=row.pk).exists()
    assert recording.whole == {"broken"}
    assert recording.keys("well") == {row.pk}
    figures = {(f.scope, f.counter, f.reason) for f in counts.take()}
    assert ("broken", "error", "resolve") in figures
    assert ("well", "error", "resolve") not in figures


@in_test_case
def test_bulk__more_than_can_be_named(recording: Recording) -> None:
    ids = tuple(range(MOST_KEYS + 1))

    with TestCase.captureOnCommitCallbacks(execute=True):
        rows_will_change.send(Detector, ids=ids, using="default")
        rows_changed.send(Detector, ids=ids, rows=(), using="default")

    assert recording.whole == {"detectors", "detector_ids_by_route"}


@in_test_case
def test_bulk__rows_that_begin_to_match_elsewhere(recording: Recording) -> None:
    rows = [DetectorFactory(event_type=f"{name}.type") for name in ("other", "third")]
    DetectorFactory()
    before = answers()
    others = models.F("slug")

    with TestCase.captureOnCommitCallbacks(execute=True):
        Workflow.objects.update(name=others)
        models.QuerySet.update(
            Detector.objects.filter(pk__in=[row.pk for row in rows]), source=""
        )
        Detector.objects.filter(event_type__in=["other.type", "third.type"]).update(
            event_type="order.failed"
        )

    assert not_forgotten(recording, changed(before)) == set()
    assert recording.keys("detectors") == {row.pk for row in rows}


def test_bulk__leaves_other_entries_alone(recording: Recording, db: None) -> None:
    rows = [DetectorFactory(event_type=f"t.{number}") for number in range(9)]

    with TestCase.captureOnCommitCallbacks(execute=True):
        Detector.objects.filter(pk__in=[row.pk for row in rows[:3]]).update(
            enabled=False
        )

    assert recording.keys("detectors") == {row.pk for row in rows[:3]}
    assert recording.keys("detector_ids_by_route") == {
        (row.event_type, "") for row in rows[:3]
    }


@real
def test_loaddata__links_before_their_workflow(
    recording: Recording, tmp_path: Path
) -> None:
    condition = ConditionFactory()
    WorkflowFactory()
    file = tmp_path / "rules.json"
    labels = [model._meta.label for model in recording.declared.models()]
    call_command("dumpdata", *labels, output=str(file))
    rows = json.loads(file.read_text())
    link = {
        "model": "workflow_engine.detectorworkflow",
        "pk": 5,
        "fields": {"detector": 7, "workflow": condition.group.workflow_id},
    }
    detector = {
        "model": "workflow_engine.detector",
        "pk": 7,
        "fields": {"slug": "d", "name": "d", "event_type": "other.type"}
        | {"kind": "event"},
    }
    file.write_text(json.dumps([link, detector, *reversed(rows)]))
    before = answers()
    models.QuerySet(Workflow).update(name="gone")
    models.QuerySet(type(condition)).update(position=98)
    before |= answers()
    recording.clear()

    call_command("loaddata", str(file), verbosity=0)

    differs = changed(before)
    assert {name for name, _ in differs} == {
        "detectors",
        "detector_ids_by_route",
        "workflow_ids_by_detector",
        "workflows",
    }
    assert not_forgotten(recording, differs) == set()


@in_test_case
def test_late_question__of_a_model_that_is_heard(
    hearing: Callable[..., Recording],
) -> None:
    asked: list[Sequence[Row]] = []

    def owners(rows: Sequence[Row], using: str) -> set[int]:
        asked.append(rows)
        return {1}

    itself: Direct[int] = Direct(("id",), lambda row: {row["id"]})
    recording = hearing(question("first", Action, itself))
    recording.declared.add(question("late", Action, Resolved(("slug",), owners)))

    with TestCase.captureOnCommitCallbacks(execute=True):
        row = ActionFactory()

    assert [one["slug"] for one in asked[0]] == [row.slug]
    assert recording.keys("late") == {1}
