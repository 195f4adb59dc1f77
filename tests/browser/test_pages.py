"""The pages in a real browser: under a strict policy, without scripts, narrow and dark."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from tests.admin.traces import decided
from tests.browser.screen import Screen
from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorStateFactory,
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from workflow_engine.admin import PAGES
from workflow_engine.models import Workflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NARROW = 320


def address(model: str, page: str, *args: Any) -> str:
    return reverse(f"admin:workflow_engine_{model}_{page}", args=args)


def rules() -> Workflow:
    workflow = WorkflowFactory(name="Tell the team", production=True, interval=1800)
    detector = DetectorFactory(name="Failed logins", slug="failed-logins")
    DetectorWorkflowFactory(workflow=workflow, detector=detector)
    DetectorStateFactory(detector=detector, subject="cart-7", opened=True)
    trigger = ConditionGroupFactory(trigger=True, detector=detector)
    ConditionFactory(group=trigger, config={"path": "data.failed", "value": 5})
    when = ConditionGroupFactory(workflow=workflow, logic="none")
    ConditionFactory(group=when, config={"path": "data.test", "value": True})
    group = ConditionGroupFactory(if_group=True, workflow=workflow, logic="any")
    config = {"path": "data.failed", "value": 5}
    ConditionFactory(group=group, type="gte", config=config)
    carried = GroupActionFactory(group=group, action__name="E-mail the team", delay=300)
    FiringFactory(workflow=workflow, action=carried.action, detector=detector)
    return workflow


def test_workflow__made_by_keyboard_without_scripts(plain_screen: Screen) -> None:
    DetectorFactory(slug="failed-logins", name="Failed logins")
    ActionFactory(slug="email-ops", name="email ops")

    plain_screen.open(address("workflow", "add"))
    plain_screen.type("name", "Tell the team")
    plain_screen.type("slug", "tell-the-team")
    plain_screen.type("links-0-detector", "Failed")
    plain_screen.type("new-if-0-path", "data.failed")
    plain_screen.type("new-if-0-type", "is at least")
    plain_screen.type("new-if-0-value", "5")
    plain_screen.type("new-if-then-0-action", "email")
    plain_screen.enter("_continue")

    sentence = (
        'WHEN "Failed logins" is triggered, IF all of: data.failed is at least 5, '
        "THEN email ops, at most once every 30 min per subject."
    )
    assert sentence in plain_screen.text()
    assert plain_screen.complaints() == []
    assert Workflow.objects.get().detectors.get().slug == "failed-logins"


def test_workflow__second_save_without_scripts(plain_screen: Screen) -> None:
    DetectorFactory(name="Failed logins")
    ActionFactory(slug="email-ops")

    plain_screen.open(address("workflow", "add"))
    plain_screen.type("name", "All")
    plain_screen.type("slug", "all")
    plain_screen.type("links-0-detector", "Failed")
    plain_screen.type("new-if-then-0-action", "email")
    plain_screen.enter("_save")
    asked = plain_screen.text()
    plain_screen.enter("_save")

    assert "save again" in asked
    assert Workflow.objects.get().slug == "all"


@pytest.mark.parametrize("page", ["workflow", "detector", "action", "decision"])
def test_page__narrow_and_dark(screen: Screen, page: str) -> None:
    workflow = rules()
    decision = decided(workflow)
    pks = {
        "workflow": workflow.pk,
        "detector": workflow.detectors.get().pk,
        "action": workflow.firings.get().action_id,
        "decision": decision.pk,
    }

    screen.open(address(page, "change", pks[page]))
    screen.shoot(f"{page}-1280")
    screen.shoot(f"{page}-dark", dark=True)
    width = screen.shoot(f"{page}-320", width=NARROW)

    assert width <= NARROW
    assert screen.complaints() == []


@pytest.mark.parametrize("model", PAGES, ids=lambda m: m.__name__)
def test_list__says_nothing_on_the_console(screen: Screen, model: Any) -> None:
    decided(rules())

    screen.open(address(model._meta.model_name, "changelist"))
    screen.shoot(f"{model._meta.model_name}-list-1280")
    width = screen.shoot(f"{model._meta.model_name}-list-320", width=NARROW)

    assert width <= NARROW
    assert screen.complaints() == []


def test_decision__read_without_scripts(plain_screen: Screen) -> None:
    decision = decided(rules())

    plain_screen.open(address("decision", "change", decision.pk))

    assert "stopped here" in plain_screen.text()
    assert plain_screen.complaints() == []
