"""A secret that an event carries is kept nowhere."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib import admin
from django.core import serializers
from django.test import Client
from django.urls import reverse

from tests.handlers import Outbox
from tests.processing.world import Carry, World
from workflow_engine import actions, registry
from workflow_engine.detectors import register_detector
from workflow_engine.exceptions import Permanent
from workflow_engine.models import (
    ActionHealth,
    Decision,
    Delivery,
    Firing,
    WorkflowDecision,
    WorkItem,
)
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.decisions import bounded
from workflow_engine.processing.redact import (
    REDACTED,
    leads_to_secret,
    redact,
    shorten,
)
from workflow_engine.processing.rehearsal import explain
from workflow_engine.types.detection import opened
from workflow_engine.types.trace import to_detail

SECRET = "hunter2-and-more"  # noqa: S105 - the point of it


def _everything() -> str:
    """Return all that is kept of what ran, as text."""
    from_models = [
        serializers.serialize("json", model.objects.all())
        for model in (Decision, WorkflowDecision, Delivery, WorkItem, ActionHealth)
    ]
    return "\n".join(from_models)


def test_secret__of_an_event_that_fired(world: World, outbox: Outbox) -> None:
    world.detector("logins", trigger=["data.password exists"])
    world.workflow("tell", "logins", when=[f'data.password eq "{SECRET}"'])
    data = {"password": SECRET, "nested": [{"api_token": SECRET}]}

    outcome = world.one(data=data)
    world.run()

    assert outcome.reason == "sent"
    assert outbox.actions == ["email"]
    kept = _everything()
    assert Delivery.objects.exists()
    assert WorkflowDecision.objects.exists()
    assert SECRET not in kept
    assert REDACTED in kept


def test_secret__on_no_page_of_the_admin(
    world: World, outbox: Outbox, admin_client: Client
) -> None:
    world.detector("logins", trigger=["data.password exists"])
    world.workflow("tell", "logins", when=["data.password exists"])
    world.one(password=SECRET)
    world.run()

    pages = {}
    for model in (Decision, Firing, Delivery, WorkItem):
        if admin.site.is_registered(model):
            row = model.objects.get()
            name = f"admin:workflow_engine_{model._meta.model_name}_change"
            answer = admin_client.get(reverse(name, args=[row.pk]))
            pages[model.__name__] = (answer.status_code, answer.content.decode())

    assert {"Decision", "Delivery"} <= pages.keys()
    assert {status for status, _ in pages.values()} == {200}
    assert "data.password" in pages["Decision"][1]
    assert [name for name, (_, page) in pages.items() if SECRET in page] == []


def test_secret__of_a_condition_that_failed(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}
    world.detector("logins", trigger=["data.password gt 5"])
    world.detector("other")
    world.workflow("tell", "other", when=["data.password gt 5"])

    world.one(password=SECRET)
    buffer.flush()

    assert Decision.objects.get().reason == "condition_error"
    assert SECRET not in _everything()


def test_secret__of_a_firing_that_failed(world: World, outbox: Outbox) -> None:
    world.detector("logins")
    world.workflow("tell", "logins")
    error = Permanent(f"password={SECRET}", response={"headers": {"Cookie": SECRET}})
    outbox.fail("email", error)

    world.one(password=SECRET)
    world.run()

    item = WorkItem.objects.get()
    assert item.state == "dead"
    item.payload.pop("event")  # a dead item keeps its event, for another try
    item.save()
    assert SECRET not in _everything()


def test_secret__of_an_event_waiting_for_a_slow_answer(world: World) -> None:
    world.detector("logins")
    slow = {"type": "t_slow"}
    world.workflow("tell", "logins", when=[slow], carries=[])
    world.workflow("told", "logins", when=["data.password exists", slow])

    world.one(password=SECRET)
    assert SECRET in json.dumps(WorkItem.objects.all()[0].payload)
    world.run_until(10)

    assert SECRET not in _everything()


WORDS = "{{ subject }}: {{ data.password }}, {{ data }}, {{ detection.value }}"
ACTIONS: dict[str, dict[str, Any]] = {
    "log": {"message": WORDS},
    "email": {"to": ["a@example.com"], "subject": WORDS, "text": WORDS, "html": WORDS},
    "webhook": {
        "url": "https://hooks.invalid/in",
        "headers": {"X-Words": WORDS},
        "body": {"words": [WORDS]},
    },
    "task": {"task": "shop.refund", "kwargs": {"words": WORDS}},
}


@pytest.mark.parametrize("kind", ACTIONS)
def test_secret__in_the_texts_of_an_action(
    world: World, settings: Any, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.WORKFLOW_ENGINE = {"TASK_ACTIONS": ["shop.refund"]}
    world.detector("logins")
    world.action("tell", kind=kind, config=ACTIONS[kind])
    world.workflow("told", "logins", carries=["tell"])

    world.one(password=SECRET, subject="cart-7")
    world.run()

    item = WorkItem.objects.get()
    item.payload.pop("event", None)  # a dead item keeps its event, for another try
    item.save()
    kept = _everything()
    assert f"cart-7: {REDACTED}, " in json.dumps(Delivery.objects.get().request)
    assert SECRET not in kept
    assert SECRET not in caplog.text
    assert SECRET not in repr([vars(record) for record in caplog.records])


MEASURED = 987_654_321


@pytest.mark.parametrize("path", ["data.token", "data.tokens.-1.n", 'data."a.token"'])
def test_secret__that_a_detector_measured(
    world: World, outbox: Outbox, path: str
) -> None:
    world.threshold("hot", path=path)
    world.action("tell", kind="log", config={"message": "was {{ detection.value }}"})
    conditions = ["detection.value gt 7", 'detection."value" gt 8', "detection exists"]
    slow = {"type": "t_slow"}
    world.workflow("now", "hot", when=conditions, carries=["tell"])
    world.workflow("later", "hot", when=[*conditions, slow], carries=["tell"])
    world.workflow("held", "hot", carries=[Carry(action="tell", delay=3600)])
    world.workflow("error", "hot", when=['detection.value gt "x"', *conditions])
    given = {"token": MEASURED, "tokens": [{"n": MEASURED}], "a.token": MEASURED}

    world.one("e1", data=given)
    told = explain(world.event("e2", data=given), world.clock.now())
    world.run_until(10)
    world.one("e3", data={"token": 0, "tokens": [{"n": 0}], "a.token": 0})
    world.run_until(4000)

    assert {i.state for i in WorkItem.objects.all()} == {"done", "cancelled"}
    assert {i.kind for i in WorkItem.objects.all()} == {"act", "evaluate"}
    assert {tuple(i.payload) for i in WorkItem.objects.filter(kind="act")} == {()}
    assert str(MEASURED) not in _everything()
    kept = WorkflowDecision.objects.filter(workflow_slug="now").first()
    assert kept is not None
    seen = [c["seen"] for c in kept.detail["when"]["conditions"]]
    assert seen[:2] == [REDACTED, REDACTED]
    messages = {delivery.request["message"] for delivery in Delivery.objects.all()}
    assert messages == {f"was {REDACTED}"}
    lines = [bounded(to_detail(line)) for line in told.detectors]
    lines += [bounded(to_detail(line)) for line in told.workflows]
    assert lines[0]["detector"] == "hot"
    assert str(MEASURED) not in json.dumps(lines)


def test_secret__not_where_a_measured_value_is_none(world: World) -> None:
    world.threshold("hot")
    world.workflow("now", "hot", when=["detection.value gt 7"])

    world.one(value=MEASURED)
    world.run()

    assert Decision.objects.get().detail["detectors"][0]["detection"]["value"] == (
        MEASURED
    )
    detail = WorkflowDecision.objects.get().detail
    assert detail["when"]["conditions"][0]["seen"] == MEASURED


def test_secret__quoted_by_a_detector_that_failed(world: World) -> None:
    def number(sample: Any, state: Any, config: Any) -> Any:
        return state, opened("low", float(sample.facts.get(config["path"])))

    register_detector("t_number", number, schema={})
    try:
        world.detector("logins", kind="t_number", path="data.password")
        world.detector("orders", kind="t_number", path="data.amount")

        world.one(password=SECRET, amount="many")
        buffer.flush()
    finally:
        registry.detectors.unregister("t_number")

    secret, plain = Decision.objects.get().detail["detectors"]
    assert (secret["reason"], secret["note"]) == ("detector_error", REDACTED)
    assert plain["note"] == "ValueError: could not convert string to float: 'many'"


class Quoting:
    """An action that quotes what it was given when it is prepared."""

    def prepare(self, firing: actions.Firing, config: Any) -> Any:
        raise ValueError(f"password={firing.event.data['password']}")

    def send(self, prepared: Any) -> None:
        raise AssertionError


def test_secret__quoted_by_an_action_that_explain_prepares(world: World) -> None:
    actions.register_action("t_quoting", schema={})(Quoting)
    world.detector("logins")
    try:
        world.action("quote", kind="t_quoting")
        world.workflow("tell", "logins", carries=["quote"])

        trace = explain(world.event(password=SECRET), world.clock.now())
    finally:
        registry.actions.unregister("t_quoting")

    (fate,) = trace.workflows[0].actions
    assert fate.note == f"would fail: ValueError: password={REDACTED}"


def test_secret__words_are_a_setting(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"REDACT_KEYS": ["iban"]}
    world.detector("orders")
    world.workflow("tell", "orders", when=["data.customer.IBAN_old exists"])

    world.one(data={"customer": {"IBAN_old": SECRET}, "password": "kept"})
    world.run()

    assert SECRET not in _everything()
    assert Decision.objects.get().event["data"].get("password") == "kept"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"Password": 1}, {"Password": REDACTED}),
        ({"user": {"old_token": [1]}}, {"user": {"old_token": REDACTED}}),
        ([{"cookie": None}], [{"cookie": REDACTED}]),
        ({"note": "my password"}, {"note": "my password"}),
        ({"a": ("x\0", 1)}, {"a": ["x\ufffd", 1]}),
        (7, 7),
        (None, None),
    ],
)
def test_redact__by_key(value: Any, kept: Any) -> None:
    assert redact(value) == kept


@pytest.mark.parametrize(
    ("path", "leads"),
    [
        ("data.password", True),
        ("data.user.*.API_TOKEN", True),
        ("data.*.token.value", True),
        ('data."the.secret"', True),
        ("data.amount", False),
        ("not a path: token", True),
    ],
)
def test_leads_to_secret__at_any_segment(path: str, leads: bool) -> None:
    assert leads_to_secret(path) is leads


def test_shorten__keeps_the_beginning() -> None:
    assert shorten("short") == "short"
    assert shorten("x" * 400, 10) == '"xxxxxxxxx…'
    assert shorten([1] * 400, 10) == "[1,1,1,1,1…"


def test_bounded__of_a_long_line_loses_its_values(world: World) -> None:
    conditions = [
        {
            "type": "eq",
            "path": f"data.key-{n}",
            "seen": "x" * 200,
            "wanted": "y" * 200,
            "verdict": "no",
        }
        for n in range(200)
    ]

    kept = bounded({"when": {"conditions": conditions}})

    assert len(json.dumps(kept).encode()) <= 32_768
    first = kept["when"]["conditions"][0]
    assert first == {"type": "eq", "path": "data.key-0", "verdict": "no"}


def test_bounded__of_a_line_that_is_long_without_values(world: World) -> None:
    conditions = [
        {"type": "eq", "path": f"data.{'k' * 200}-{n}", "verdict": "no"}
        for n in range(500)
    ]

    kept = bounded({"reason": "when", "when": {"conditions": conditions}})

    assert len(json.dumps(kept).encode()) <= 32_768
    assert kept["reason"] == "when"


def test_decision__of_a_workflow_with_a_thousand_conditions(world: World) -> None:
    world.detector("orders")
    many = [f'data.{"k" * 100}{n} ne "{"v" * 100}"' for n in range(400)]
    world.workflow("tell", "orders", when=[*many, "data.on eq true"], logic="any")

    world.one(on=True)

    detail = WorkflowDecision.objects.get().detail
    assert len(json.dumps(detail).encode()) <= 32_768
    assert detail["reason"] == "sent"


@pytest.mark.parametrize(
    "text", ["x" * 60_000, "ü" * 20_000, '"' * 30_000, "\x01" * 10_000, "😀" * 9000]
)
def test_decision__keeps_eight_kilobytes_of_an_event(world: World, text: str) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    world.one(text=text, subject="s" * 200)

    event = Decision.objects.get().event
    assert len(json.dumps(event, ensure_ascii=False).encode()) <= 8192
    assert event["subject"] == "s" * 200
    assert event["data"].startswith('{"text":"')
