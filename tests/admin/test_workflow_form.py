"""The form of a workflow: everything from when to then on one page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.forms import errors_on, fields_of
from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
)
from workflow_engine.models import Condition, ConditionGroup, Workflow

pytestmark = pytest.mark.django_db

ADD = reverse("admin:workflow_engine_workflow_add")


def page_of(workflow: Workflow) -> str:
    return reverse("admin:workflow_engine_workflow_change", args=[workflow.pk])


def whole_workflow() -> Workflow:
    workflow = WorkflowFactory(production=True, interval=1800)
    DetectorWorkflowFactory(workflow=workflow, detector__name="failed logins")
    group = ConditionGroupFactory(if_group=True, workflow=workflow, logic="any")
    config = {"path": "data.failed", "value": 5}
    ConditionFactory(group=group, type="gte", config=config, position=3)
    GroupActionFactory(group=group, action__name="email ops")
    return workflow


def saved_parts(workflow: Workflow) -> list[Any]:
    return [
        (
            group.role,
            group.logic,
            [(c.type, c.config) for c in group.conditions.order_by("position")],
            [(c.action.slug, c.delay) for c in group.carried.order_by("position")],
        )
        for group in workflow.groups.order_by("role", "position")
    ]


def test_add__a_whole_workflow_in_one_save(editor: Client) -> None:
    detector, action = DetectorFactory(), ActionFactory(slug="email-ops")
    production = EnvironmentFactory(name="production")
    fields = fields_of(
        editor.get(ADD),
        **{
            "name": "Tell the team",
            "slug": "tell-the-team",
            "environment": str(production.pk),
            "links-0-detector": str(detector.pk),
            "new-when-group-logic": "none",
            "new-when-0-path": "data.test",
            "new-when-0-type": "eq",
            "new-when-0-value": "true",
            "new-if-group-logic": "any",
            "new-if-0-path": "data.failed",
            "new-if-0-type": "gte",
            "new-if-0-value": "5",
            "new-if-1-path": "data.user",
            "new-if-1-type": "eq",
            "new-if-1-value": "root",
            "new-if-1-more": '{"ignore_case": true}',
            "new-if-then-0-action": str(action.pk),
            "new-if-then-0-delay": "300",
        },
    )

    response = editor.post(ADD, fields)

    assert response.status_code == 302, errors_on(response)
    workflow = Workflow.objects.get(slug="tell-the-team")
    assert list(workflow.detectors.all()) == [detector]
    user = {"path": "data.user", "value": "root", "ignore_case": True}
    assert saved_parts(workflow) == [
        (
            "if",
            "any",
            [("gte", {"path": "data.failed", "value": 5}), ("eq", user)],
            [("email-ops", 300)],
        ),
        ("when", "none", [("eq", {"path": "data.test", "value": True})], []),
    ]


def test_add__blank_groups_leave_nothing(editor: Client) -> None:
    fields = fields_of(editor.get(ADD), name="Later", slug="later")

    editor.post(ADD, fields)

    assert saved_parts(Workflow.objects.get(slug="later")) == []


def test_change__unchanged_page_changes_nothing(editor: Client) -> None:
    workflow = whole_workflow()
    before = saved_parts(workflow)
    untouched = Condition.objects.get().updated_at

    response = editor.post(page_of(workflow), fields_of(editor.get(page_of(workflow))))

    assert response.status_code == 302, errors_on(response)
    assert saved_parts(workflow) == before
    assert Condition.objects.get().updated_at == untouched


def test_change__adds_behind_the_last_and_edits_in_place(editor: Client) -> None:
    workflow = whole_workflow()
    group = workflow.groups.get()
    prefix = f"group-{group.pk}"
    fields = fields_of(
        editor.get(page_of(workflow)),
        **{
            f"{prefix}-group-logic": "all",
            f"{prefix}-0-value": "7",
            f"{prefix}-1-path": "subject",
            f"{prefix}-1-type": "exists",
        },
    )

    editor.post(page_of(workflow), fields)

    group.refresh_from_db()
    assert group.logic == "all"
    assert [(c.position, c.config) for c in group.conditions.order_by("position")] == [
        (3, {"path": "data.failed", "value": 7}),
        (4, {"path": "subject"}),
    ]


def test_change__second_if_stands_behind_the_first(editor: Client) -> None:
    workflow = whole_workflow()
    action = ActionFactory()
    fields = fields_of(
        editor.get(page_of(workflow)),
        **{
            "new-if-0-path": "subject",
            "new-if-0-type": "exists",
            "new-if-then-0-action": str(action.pk),
        },
    )

    editor.post(page_of(workflow), fields)

    positions = workflow.groups.filter(role="if").order_by("position")
    assert list(positions.values_list("position", flat=True)) == [0, 1]


def test_change__last_row_taken_out_removes_the_group(editor: Client) -> None:
    workflow = whole_workflow()
    prefix = f"group-{workflow.groups.get().pk}"
    fields = fields_of(editor.get(page_of(workflow)))
    fields |= {f"{prefix}-0-DELETE": "on", f"{prefix}-then-0-DELETE": "on"}

    editor.post(page_of(workflow), fields)

    assert not ConditionGroup.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("value", '{"a": 1}', "is not of type"),
        ("value", "", "is a required property"),
        ("path", "", "is a required property"),
        ("path", "nowhere.at.all", "nowhere"),
        ("more", "{", "Not JSON"),
        ("more", "[1]", "JSON object"),
        ("more", '{"colour": "red"}', "colour"),
    ],
)
def test_condition__refused_beside_its_field(
    editor: Client, field: str, value: str, sentence: str
) -> None:
    workflow = whole_workflow()
    prefix = f"group-{workflow.groups.get().pk}"
    fields = fields_of(editor.get(page_of(workflow)), **{f"{prefix}-0-{field}": value})

    response = editor.post(page_of(workflow), fields)

    formset = next(
        one.formset
        for one in response.context["inline_admin_formsets"]
        if one.formset.prefix == prefix
    )
    (errors,) = formset.errors[0].items()
    assert errors[0] == field
    assert sentence in errors[1][0]
    assert Condition.objects.get().config == {"path": "data.failed", "value": 5}


def test_condition__of_a_type_nobody_registered_is_kept(editor: Client) -> None:
    workflow = whole_workflow()
    Condition.objects.all().delete()
    group = workflow.groups.get()
    Condition(group=group, type="gone", config={"n": 1}).save_base(raw=True)

    response = editor.get(page_of(workflow))

    fields = fields_of(response)
    assert fields[f"group-{group.pk}-0-type"] == "gone"
    assert fields[f"group-{group.pk}-0-more"] == '{"n": 1}'


def test_every_event__asks_for_a_second_save(editor: Client) -> None:
    detector, action = DetectorFactory(), ActionFactory()
    fields = fields_of(
        editor.get(ADD),
        **{
            "name": "All",
            "slug": "all",
            "links-0-detector": str(detector.pk),
            "new-if-then-0-action": str(action.pk),
        },
    )

    first = editor.post(ADD, fields)
    written_at_first = Workflow.objects.exists()
    second = editor.post(ADD, fields_of(first))

    assert first.status_code == 200
    assert "save again" in first.content.decode()
    assert not written_at_first
    assert second.status_code == 302
    assert Workflow.objects.get().groups.get().carried.get().action == action


def test_every_event__known_before_is_not_asked_again(editor: Client) -> None:
    carried = GroupActionFactory()
    workflow = carried.group.workflow
    assert workflow is not None

    response = editor.post(
        page_of(workflow), fields_of(editor.get(page_of(workflow)), name="Other")
    )

    assert response.status_code == 302, errors_on(response)


def test_every_event__last_condition_taken_out(editor: Client) -> None:
    workflow = whole_workflow()
    prefix = f"group-{workflow.groups.get().pk}"
    fields = fields_of(editor.get(page_of(workflow)))

    response = editor.post(page_of(workflow), fields | {f"{prefix}-0-DELETE": "on"})

    assert "save again" in response.content.decode()
    assert Condition.objects.count() == 1


def test_summary__says_what_is_saved(editor: Client) -> None:
    workflow = whole_workflow()
    prefix = f"group-{workflow.groups.get().pk}"
    fields = fields_of(editor.get(page_of(workflow)), **{f"{prefix}-0-value": "{"})

    response = editor.post(page_of(workflow), fields | {"interval": "x"})

    sentence = (
        'WHEN "failed logins" is triggered, in production, '
        "IF any of: data.failed is at least 5, THEN email ops, "
        "at most once every 30 min per subject."
    )
    assert response.context["summary"] == sentence


def test_page__shows_the_last_decisions(editor: Client) -> None:
    workflow = whole_workflow()
    lines = [
        WorkflowDecisionFactory(workflow=workflow, outcome="held", reason="interval")
        for _ in range(11)
    ]

    text = editor.get(page_of(workflow)).content.decode()

    links = [f"decision/{line.decision.pk}/change/" for line in lines]
    assert [link in text for link in links] == [False] + [True] * 10
    assert "The action has acted within the interval." in text


def test_history__names_old_and_new(editor: Client) -> None:
    workflow = whole_workflow()
    prefix = f"group-{workflow.groups.get().pk}"
    fields = fields_of(editor.get(page_of(workflow)), **{f"{prefix}-0-value": "7"})

    editor.post(page_of(workflow), fields | {"interval": "600"})

    page = reverse("admin:workflow_engine_workflow_history", args=[workflow.pk])
    text = editor.get(page).content.decode()
    assert "Interval: 1800 → 600" in text
    assert "Value: 5 → 7" in text


def test_two_editors__the_later_one_is_shown_what_changed(editor: Client) -> None:
    workflow = whole_workflow()
    mine = fields_of(editor.get(page_of(workflow)), name="Mine")
    theirs = fields_of(
        editor.get(page_of(workflow)),
        **{
            "interval": "60",
            "new-if-0-path": "subject",
            "new-if-0-type": "exists",
        },
    )
    editor.post(page_of(workflow), theirs)

    first = editor.post(page_of(workflow), mine)
    name_at_first = Workflow.objects.get().name
    second = editor.post(page_of(workflow), fields_of(first))

    assert "changed since you opened the page" in first.content.decode()
    assert "Interval: 1800 → 60" in first.content.decode()
    assert name_at_first != "Mine"
    assert second.status_code == 302, errors_on(second)
    assert Workflow.objects.get().name == "Mine"
    assert workflow.groups.count() == 2


@pytest.mark.parametrize("seen", ["", "yesterday", "2026-01-01T00:00:00"])
def test_two_editors__whatever_the_hidden_field_says(editor: Client, seen: str) -> None:
    workflow = whole_workflow()
    fields = fields_of(editor.get(page_of(workflow)), _seen=seen, name="Mine")

    response = editor.post(page_of(workflow), fields)

    assert response.status_code == (200 if seen else 302)


def test_reader__sees_all_and_saves_nothing(reader: Client) -> None:
    workflow = whole_workflow()

    page = reader.get(page_of(workflow))
    refused = reader.post(page_of(workflow), {"name": "Mine"})

    text = page.content.decode()
    assert "data.failed is at least 5" in text
    assert 'name="_save"' not in text
    assert refused.status_code == 403
