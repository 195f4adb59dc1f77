"""A secret that an event carries is kept nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib import admin
from django.core import serializers
from django.test import Client
from django.urls import reverse

from tests.handlers import Outbox
from tests.processing.world import World
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
