"""The pages in a real browser: under a strict policy, without scripts, narrow and dark."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from tests.admin.traces import decided
from tests.browser.screen import Screen
from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DecisionFactory,
    DeliveryFactory,
    DetectorFactory,
    DetectorStateFactory,
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
    WorkItemFactory,
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
    workflow.firings.update(decision=decision.uuid)
    pks = {
        "workflow": workflow.pk,
        "detector": workflow.detectors.get().pk,
        "action": workflow.firings.get().action_id,
        "decision": decision.pk,
    }

    screen.open(address(page, "change", pks[page]))
    screen.shoot(f"{page}-1280")
    faults = screen.faults()
    screen.shoot(f"{page}-dark", dark=True)
    faults += screen.faults()
    width = screen.shoot(f"{page}-320", width=NARROW)

    assert not faults, "\n".join(faults)
    assert width <= NARROW
    assert screen.complaints() == []


def long_names() -> None:
    """Write rows of every list whose texts are as long as in life."""
    workflow = WorkflowFactory(
        name="Tell the on-call team of the shop",
        slug="tell-the-on-call-team-of-the-shop",
        snoozed=True,
        production=True,
    )
    detector = DetectorFactory(
        name="Orders that failed at the payment provider",
        slug="orders-that-failed-at-the-payment-provider",
        event_type="com.example.shop.order.payment_failed",
        source="https://shop.example/api/orders",
    )
    DetectorWorkflowFactory(detector=detector)
    DetectorWorkflowFactory(detector__slug="failed-logins-in-a-row", workflow=workflow)
    action = ActionFactory(name="Call the ticket system", slug="call-the-ticket-system")
    DetectorFactory(name="Everything", event_type="*")
    about = {"subject": "customer:b7a3d0f2/cart:4711", "environment": "production"}
    event_id = str(uuid.UUID(int=7))
    decision = DecisionFactory(
        event_id=event_id,
        event_type=detector.event_type,
        outcome="no_match",
        reason="workflow_disabled",
        has_error=True,
        **about,
    )
    WorkflowDecisionFactory(
        decision=decision,
        workflow_slug=workflow.slug,
        outcome="no_match",
        reason="workflow_disabled",
        has_error=True,
    )
    firing = FiringFactory(
        decision=decision,
        workflow_slug=workflow.slug,
        action_slug=action.slug,
        state="succeeded",
        reason="awaiting_trigger",
        attempts=8,
        **about,
    )
    DeliveryFactory(
        firing=firing,
        endpoint="https://tickets.example/api/v2/incidents",
        ok=False,
        status=503,
        error_class="requests.exceptions.ConnectionError",
        attempt=8,
        duration_ms=10_000,
    )
    WorkItemFactory(
        firing=firing,
        dead=True,
        subject=about["subject"],
        error_class="requests.exceptions.ConnectionError",
    )
    WorkItemFactory(running=True, worker="worker-17.shop.example:30211")


@pytest.mark.parametrize("model", PAGES, ids=lambda m: m.__name__)
def test_list__every_column_is_in_sight(screen: Screen, model: Any) -> None:
    rules()
    long_names()

    screen.open(address(model._meta.model_name, "changelist"))
    screen.shoot(f"{model._meta.model_name}-long-1280")

    assert screen.hidden() == 0


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
