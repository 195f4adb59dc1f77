"""The forms of rows with a kind: detectors and actions."""

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
)
from workflow_engine.models import Action, Condition, Detector

pytestmark = pytest.mark.django_db

#: What a kind of action asks for.
WHOLE: dict[str, dict[str, str]] = {
    "email": {
        "config__to": "a@example.org",
        "config__subject": "s",
        "config__text": "t",
    },
    "log": {"config__message": "m"},
    "webhook": {"config__url": "https://hooks.example.org"},
}


def add_page(model: str, kind: str) -> str:
    return reverse(f"admin:workflow_engine_{model}_add") + f"?kind={kind}"


def page_of(row: Any) -> str:
    name = f"admin:workflow_engine_{row._meta.model_name}_change"
    return reverse(name, args=[row.pk])


@pytest.mark.parametrize("model", ["detector", "action"])
def test_add__first_asks_for_the_kind(editor: Client, model: str) -> None:
    page = reverse(f"admin:workflow_engine_{model}_add")

    asked = editor.get(page).content.decode()
    unknown = editor.get(f"{page}?kind=nothing").content.decode()

    assert "?kind=" in asked
    assert "?kind=" in unknown


def test_add__threshold_field_by_field(editor: Client) -> None:
    page = add_page("detector", "threshold")
    fields = fields_of(
        editor.get(page),
        name="Disk",
        slug="disk",
        event_type="disk.usage",
        config__path="data.percent",
        config__op='"gte"',
        config__levels='{"high": 95}',
        config__resolve="70.5",
        config__breaches="2",
        config__repeat="true",
    )

    response = editor.post(page, fields)

    assert response.status_code == 302, errors_on(response)
    detector = Detector.objects.get()
    assert detector.kind == "threshold"
    assert detector.config == {
        "path": "data.percent",
        "op": "gte",
        "levels": {"high": 95},
        "resolve": 70.5,
        "breaches": 2,
        "repeat": True,
    }


def test_add__email_with_lines_and_text(editor: Client) -> None:
    page = add_page("action", "email")
    fields = fields_of(
        editor.get(page),
        name="Ops",
        slug="email-ops",
        config__to="a@example.org\r\n\r\nb@example.org",
        config__subject="{{ subject }}",
        config__text="first\r\n  second",
    )

    response = editor.post(page, fields)

    assert response.status_code == 302, errors_on(response)
    assert Action.objects.get().config == {
        "to": ["a@example.org", "b@example.org"],
        "subject": "{{ subject }}",
        "text": "first\n  second",
    }


@pytest.mark.parametrize(
    ("kind", "filled", "field", "sentence"),
    [
        ("email", {"config__to": "nobody"}, "config__to", "no e-mail address"),
        ("email", {"config__to": ""}, "config__to", "required"),
        ("email", {"config__text": "{{ a b }}"}, "config__text", "text"),
        ("log", {"config__message": ""}, "config__message", "required"),
        ("webhook", {"config__headers": "{"}, "config__headers", "Not JSON"),
        ("webhook", {"config__url": "ftp://x"}, "config__url", "url"),
    ],
)
def test_config__refused_beside_its_field(
    editor: Client, kind: str, filled: dict[str, str], field: str, sentence: str
) -> None:
    page = add_page("action", kind)
    given = {"name": "A", "slug": "a", **WHOLE[kind], **filled}
    fields = fields_of(editor.get(page), **given)

    response = editor.post(page, fields)

    errors = response.context["adminform"].form.errors
    assert sentence in " ".join(errors[field])
    assert not Action.objects.exists()


def test_config__broken_json_is_told_once(editor: Client) -> None:
    page = add_page("detector", "threshold")
    filled = {
        "name": "D",
        "slug": "d",
        "event_type": "a.b",
        "config__path": "data.n",
        "config__op": '"gt"',
        "config__levels": "{",
    }

    response = editor.post(page, fields_of(editor.get(page), **filled))

    errors = response.context["adminform"].form.errors
    assert list(errors) == ["config__levels"]
    assert len(errors["config__levels"]) == 1
    assert "Not JSON" in errors["config__levels"][0]


def test_change__unchanged_page_changes_nothing(editor: Client) -> None:
    action = ActionFactory(config={"level": "info", "message": " two\nlines "})
    before = action.config

    response = editor.post(page_of(action), fields_of(editor.get(page_of(action))))

    action.refresh_from_db()
    assert response.status_code == 302, errors_on(response)
    assert action.config == before


def test_change__row_of_a_kind_nobody_registered_opens(editor: Client) -> None:
    action = Action(slug="old", name="Old", kind="gone", config={"n": 1})
    action.save_base(raw=True)

    response = editor.get(page_of(action))

    assert "gone (not registered)" in response.content.decode()
    assert fields_of(response)["config_others"] == '{"n": 1}'


def test_reader__sees_the_configuration_without_secrets(reader: Client) -> None:
    action = ActionFactory(config={"level": "info", "message": "hello"})
    secret = {"url": "https://hooks.example.org", "headers": {"X-Token": "hunter2"}}
    Action.objects.filter(pk=action.pk).update(kind="webhook", config=secret)

    text = reader.get(page_of(action)).content.decode()

    assert "https://hooks.example.org" in text
    assert "hunter2" not in text


def test_trigger__made_with_the_detector(editor: Client) -> None:
    page = add_page("detector", "event")
    fields = fields_of(
        editor.get(page),
        **{
            "name": "Failed",
            "slug": "failed",
            "event_type": "login.*",
            "new-trigger-group-logic": "any",
            "new-trigger-0-path": "data.failed",
            "new-trigger-0-type": "gte",
            "new-trigger-0-value": "5",
            "new-trigger-0-result": "75",
            "new-trigger-1-path": "data.user",
            "new-trigger-1-type": "changed",
        },
    )

    response = editor.post(page, fields)

    assert response.status_code == 302, errors_on(response)
    group = Detector.objects.get().groups.get()
    assert (group.role, group.logic) == ("trigger", "any")
    assert list(
        group.conditions.order_by("position").values_list("type", "result")
    ) == [
        ("gte", 75),
        ("changed", None),
    ]


def test_trigger__detection_does_not_exist_there(editor: Client) -> None:
    detector = DetectorFactory()
    group = ConditionGroupFactory(trigger=True, detector=detector)
    ConditionFactory(group=group)
    prefix = f"group-{group.pk}"
    fields = fields_of(
        editor.get(page_of(detector)), **{f"{prefix}-0-path": "detection.change"}
    )

    response = editor.post(page_of(detector), fields)

    (formset,) = [one.formset for one in response.context["inline_admin_formsets"]]
    assert "trigger group" in formset.errors[0]["path"][0]
    assert Condition.objects.get().config["path"] == "data.amount"


def test_trigger__no_priorities_for_a_threshold(editor: Client) -> None:
    response = editor.get(add_page("detector", "threshold"))

    assert "new-trigger-0-result" not in fields_of(response)


@pytest.mark.parametrize(
    ("event_type", "source", "is_asked"),
    [("*", "", True), ("*", "/shop", False), ("order.*", "", False)],
)
def test_every_event__asks_for_a_second_save(
    editor: Client, event_type: str, source: str, is_asked: bool
) -> None:
    page = add_page("detector", "event")
    fields = fields_of(
        editor.get(page), name="All", slug="all", event_type=event_type, source=source
    )

    first = editor.post(page, fields)

    assert Detector.objects.exists() != is_asked
    if is_asked:
        editor.post(page, fields_of(first))
        assert Detector.objects.get().event_type == "*"
