"""The lists of rules: their columns, filters and what can be done to many."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DecisionFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
)
from workflow_engine import clock
from workflow_engine.admin import figures
from workflow_engine.admin.figures import figures_of, with_last_fired
from workflow_engine.models import Detector, Workflow

pytestmark = pytest.mark.django_db

LIST = reverse("admin:workflow_engine_workflow_changelist")
DETECTORS = reverse("admin:workflow_engine_detector_changelist")


def shown(client: Client, **query: str) -> list[Any]:
    response = client.get(LIST, query)
    return list(response.context["cl"].result_list)


def act(client: Client, action: str, *rows: Any, page: str = LIST) -> Any:
    chosen = [row.pk for row in rows]
    return client.post(page, {"action": action, "_selected_action": chosen})


def test_figures__counts_the_last_day_only(editor: Client) -> None:
    workflow = WorkflowFactory()
    old = clock.now() - timedelta(hours=25)
    FiringFactory.create_batch(2, workflow=workflow)
    FiringFactory(workflow=workflow, decided_at=old)
    FiringFactory(workflow=workflow, purpose="test")
    WorkflowDecisionFactory(workflow=workflow, outcome="held", reason="interval")
    WorkflowDecisionFactory(workflow=workflow)
    earlier = DecisionFactory(held=True, decided_at=old)
    WorkflowDecisionFactory(workflow=workflow, decision=earlier, outcome="held")

    (row,) = shown(editor)

    assert (row.figures.fired, row.figures.held) == ("2", "1")


def test_figures__never_fired(editor: Client) -> None:
    WorkflowFactory()

    (row,) = shown(editor)

    assert row.last_fired_at is None
    assert (row.figures.fired, row.figures.held) == ("0", "0")


def test_figures__beyond_what_is_counted() -> None:
    workflow = WorkflowFactory()
    rows = with_last_fired(Workflow.objects.all())
    firing = FiringFactory(workflow=workflow)
    line = WorkflowDecisionFactory(workflow=workflow, outcome="held")
    for index in range(figures.COUNTED + 1):
        firing.pk = line.pk = None
        firing.uuid = f"00000000-0000-0000-0000-{index:012d}"
        type(firing).objects.bulk_create([firing])
        type(line).objects.bulk_create([line])

    found = figures_of(list(rows), now=clock.now())

    assert found[workflow.pk].fired == "1000+"
    assert found[workflow.pk].held == "1000+"


def test_warnings__matches_every_event_and_does_nothing(editor: Client) -> None:
    bare = WorkflowFactory(name="1 bare")
    carried = GroupActionFactory(group__workflow__name="2 open")
    limited = GroupActionFactory(group__workflow__name="3 limited")
    DetectorWorkflowFactory(workflow=limited.group.workflow)
    ConditionFactory(group=ConditionGroupFactory(workflow=limited.group.workflow))

    rows = shown(editor)

    assert [row.pk for row in rows] == [
        bare.pk,
        carried.group.workflow_id,
        limited.group.workflow_id,
    ]
    claims = [(row.acts_always, row.is_linked, row.is_acting) for row in rows]
    assert claims == [(False, False, False), (True, False, True), (False, True, True)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"fired": "day"}, {"fired"}),
        ({"fired": "failed"}, {"fired"}),
        ({"fired": "never"}, {"quiet", "snoozed"}),
        ({"snoozed": "yes"}, {"snoozed"}),
        ({"snoozed": "no"}, {"quiet", "fired", "long ago"}),
        ({"enabled__exact": "1"}, {"fired", "long ago", "snoozed"}),
        ({"q": "failed-logins"}, {"fired"}),
    ],
    ids=str,
)
def test_filter(editor: Client, query: dict[str, str], names: set[str]) -> None:
    WorkflowFactory(name="quiet", enabled=False)
    WorkflowFactory(name="snoozed", snoozed=True)
    fired = WorkflowFactory(name="fired")
    FiringFactory(workflow=fired, failed=True)
    DetectorWorkflowFactory(workflow=fired, detector__slug="failed-logins")
    long_ago = clock.now() - timedelta(hours=25)
    FiringFactory(workflow=WorkflowFactory(name="long ago"), decided_at=long_ago)

    found = {row.name for row in shown(editor, **query)}

    assert found == names


def test_switch__disables_and_notes_it(editor: Client) -> None:
    workflow, other = WorkflowFactory(), WorkflowFactory()
    off = WorkflowFactory(enabled=False)

    act(editor, "disable", workflow, off)

    enabled = Workflow.objects.filter(enabled=True)
    assert list(enabled) == [other]
    entry = LogEntry.objects.get()
    assert entry.object_id == str(workflow.pk)
    assert "Enabled: true → false" in entry.get_change_message()


def test_switch__enables_detectors_too(editor: Client) -> None:
    detector = DetectorFactory(disabled=True)

    act(editor, "enable", detector, page=DETECTORS)

    assert Detector.objects.get().enabled


@pytest.mark.parametrize(("action", "hours"), [("snooze_hour", 1), ("snooze_shift", 8)])
def test_snooze__until_then(editor: Client, action: str, hours: int) -> None:
    workflow = WorkflowFactory()
    before = clock.now()

    act(editor, action, workflow)

    workflow.refresh_from_db()
    assert workflow.snoozed_until is not None
    late = workflow.snoozed_until - before - timedelta(hours=hours)
    assert timedelta(0) <= late < timedelta(minutes=1)


def test_snooze__ended(editor: Client) -> None:
    workflow = WorkflowFactory(snoozed=True)

    act(editor, "end_snooze", workflow)

    workflow.refresh_from_db()
    assert workflow.snoozed_until is None


def test_duplicate__has_everything_and_is_disabled(editor: Client) -> None:
    carried = GroupActionFactory(delay=60)
    workflow = carried.group.workflow
    assert workflow is not None
    condition = ConditionFactory(group=carried.group)
    link = DetectorWorkflowFactory(workflow=workflow)

    act(editor, "duplicate", workflow)
    act(editor, "duplicate", workflow)

    copies = Workflow.objects.exclude(pk=workflow.pk).order_by("pk")
    slugs = [f"{workflow.slug}-copy", f"{workflow.slug}-copy-2"]
    assert [copy.slug for copy in copies] == slugs
    for copy in copies:
        group = copy.groups.get()
        assert not copy.enabled
        assert list(copy.detectors.all()) == [link.detector]
        assert group.conditions.get().config == condition.config
        assert group.carried.get().delay == 60


def test_reader__is_offered_no_switch(reader: Client) -> None:
    workflow = WorkflowFactory()

    act(reader, "disable", workflow)

    workflow.refresh_from_db()
    assert workflow.enabled
