"""One factory per model; a trait for each role a row plays in a test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import factory
from django.db import models
from factory.django import DjangoModelFactory

from workflow_engine import clock
from workflow_engine.models import (
    Action,
    ActionHealth,
    ActionInterval,
    Condition,
    ConditionGroup,
    Decision,
    Delivery,
    Detector,
    DetectorState,
    DetectorWorkflow,
    Environment,
    EventCount,
    EventReceipt,
    Firing,
    GroupAction,
    Workflow,
    WorkflowDecision,
    WorkItem,
)
from workflow_engine.types import Event

HOUR = timedelta(hours=1)


M = TypeVar("M", bound=models.Model)


class RowFactory(DjangoModelFactory[M]):
    """A factory of which mypy knows that calling it gives a row."""

    class Meta:
        abstract = True

    def __new__(cls, **attributes: Any) -> M:  # type: ignore[misc] # a row, as factories do
        return cls.create(**attributes)


class EnvironmentFactory(RowFactory[Environment]):
    """An environment; asked for a name that exists, it gives that row."""

    class Meta:
        model = Environment
        django_get_or_create = ("name",)

    name = factory.Sequence(lambda n: f"environment-{n}")


class DetectorFactory(RowFactory[Detector]):
    """Watches order.failed at any source, stateless."""

    class Meta:
        model = Detector

    class Params:
        disabled = factory.Trait(enabled=False)
        tracking = factory.Trait(config={"track": True})
        threshold = factory.Trait(
            kind="threshold",
            config={"path": "data.value", "op": "gt", "levels": {"high": 10}},
        )

    slug = factory.Sequence(lambda n: f"detector-{n}")
    name = factory.LazyAttribute(lambda row: row.slug.replace("-", " ").capitalize())
    event_type = "order.failed"
    kind = "event"
    config = factory.LazyFunction(dict)


class WorkflowFactory(RowFactory[Workflow]):
    """For every environment, without a limit."""

    class Meta:
        model = Workflow

    class Params:
        disabled = factory.Trait(enabled=False)
        snoozed = factory.Trait(
            snoozed_until=factory.LazyFunction(lambda: clock.now() + HOUR),
            snooze_note="until the release",
        )
        traced = factory.Trait(
            trace_until=factory.LazyFunction(lambda: clock.now() + HOUR)
        )
        production = factory.Trait(
            environment=factory.SubFactory(EnvironmentFactory, name="production")
        )

    slug = factory.Sequence(lambda n: f"workflow-{n}")
    name = factory.LazyAttribute(lambda row: row.slug.replace("-", " ").capitalize())
    interval = 0


class DetectorWorkflowFactory(RowFactory[DetectorWorkflow]):
    """A link."""

    class Meta:
        model = DetectorWorkflow

    detector = factory.SubFactory(DetectorFactory)
    workflow = factory.SubFactory(WorkflowFactory)


class ConditionGroupFactory(RowFactory[ConditionGroup]):
    """A when-group, unless it is asked to be another."""

    class Meta:
        model = ConditionGroup

    class Params:
        trigger = factory.Trait(
            role="trigger",
            workflow=None,
            detector=factory.SubFactory(DetectorFactory),
        )
        if_group = factory.Trait(role="if")

    role = "when"
    logic = "all"
    workflow = factory.SubFactory(WorkflowFactory)


class ConditionFactory(RowFactory[Condition]):
    """data.amount eq 1, in a when-group."""

    class Meta:
        model = Condition

    class Params:
        trigger = factory.Trait(
            group=factory.SubFactory(ConditionGroupFactory, trigger=True)
        )

    group = factory.SubFactory(ConditionGroupFactory)
    type = "eq"
    config = factory.LazyFunction(lambda: {"path": "data.amount", "value": 1})
    position = factory.Sequence(lambda n: n)


class ActionFactory(RowFactory[Action]):
    """Writes to the log."""

    class Meta:
        model = Action

    class Params:
        disabled = factory.Trait(enabled=False)

    slug = factory.Sequence(lambda n: f"action-{n}")
    name = factory.LazyAttribute(lambda row: row.slug.replace("-", " ").capitalize())
    kind = "log"
    config = factory.LazyFunction(lambda: {"level": "info", "message": "{{ subject }}"})


class GroupActionFactory(RowFactory[GroupAction]):
    """Carried by an if-group, at once."""

    class Meta:
        model = GroupAction

    class Params:
        escalation = factory.Trait(delay=1800)

    group = factory.SubFactory(ConditionGroupFactory, if_group=True)
    action = factory.SubFactory(ActionFactory)


class ActionHealthFactory(RowFactory[ActionHealth]):
    """An action that is well."""

    class Meta:
        model = ActionHealth

    class Params:
        paused = factory.Trait(
            failures=10,
            failing_since=factory.LazyFunction(lambda: clock.now() - HOUR),
            open_until=factory.LazyFunction(lambda: clock.now() + HOUR),
            last_error="500",
        )
        off = factory.Trait(off_at=factory.LazyFunction(clock.now))

    action = factory.SubFactory(ActionFactory)


class DetectorStateFactory(RowFactory[DetectorState]):
    """Seen, and all is well."""

    class Meta:
        model = DetectorState

    class Params:
        opened = factory.Trait(
            priority=75,
            changed_at=factory.LazyFunction(clock.now),
            episode=factory.LazyAttribute(
                lambda row: int(row.changed_at.timestamp() * 1_000_000)
            ),
        )

    detector = factory.SubFactory(DetectorFactory, threshold=True)
    subject = factory.Sequence(lambda n: f"cart-{n}")


class EventCountFactory(RowFactory[EventCount]):
    """One event in the first minute of 1970."""

    class Meta:
        model = EventCount

    counter = factory.Sequence(lambda n: f"condition:{n}")
    step = 60
    bucket = 0
    count = 1


class EventReceiptFactory(RowFactory[EventReceipt]):
    """The receipt of an event that was taken just now."""

    class Meta:
        model = EventReceipt

    key = factory.Sequence(lambda n: receipt_key(f"event-{n}"))
    received_at = factory.LazyFunction(clock.now)


class DecisionFactory(RowFactory[Decision]):
    """An event nobody watches."""

    class Meta:
        model = Decision

    class Params:
        fired = factory.Trait(outcome="fired", reason="sent")
        held = factory.Trait(outcome="held", reason="interval")
        failed = factory.Trait(
            outcome="failed", reason="condition_error", has_error=True
        )

    uuid = factory.LazyFunction(uuid4)
    event_source = "/shop"
    event_id = factory.Sequence(lambda n: f"event-{n}")
    event_type = "order.failed"
    event_time = factory.LazyFunction(clock.now)
    outcome = "no_match"
    reason = "no_detector"


class WorkflowDecisionFactory(RowFactory[WorkflowDecision]):
    """The line of a workflow that fired."""

    class Meta:
        model = WorkflowDecision

    decision = factory.SubFactory(DecisionFactory, fired=True)
    workflow = factory.SubFactory(WorkflowFactory)
    workflow_slug = factory.SelfAttribute("workflow.slug")
    outcome = "fired"
    reason = "sent"


class FiringFactory(RowFactory[Firing]):
    """Due now."""

    class Meta:
        model = Firing

    class Params:
        delayed = factory.Trait(
            due_at=factory.LazyFunction(lambda: clock.now() + HOUR), reason="waiting"
        )
        running = factory.Trait(state="running", attempts=1)
        retrying = factory.Trait(state="retrying", attempts=1)
        succeeded = factory.Trait(
            state="succeeded", attempts=1, finished_at=factory.LazyFunction(clock.now)
        )
        failed = factory.Trait(
            state="failed",
            reason="attempts_used",
            attempts=8,
            finished_at=factory.LazyFunction(clock.now),
        )
        cancelled = factory.Trait(
            state="cancelled",
            reason="resolved",
            finished_at=factory.LazyFunction(clock.now),
        )

    uuid = factory.LazyFunction(uuid4)
    trace_id = factory.LazyFunction(uuid4)
    event_source = "/shop"
    event_id = factory.Sequence(lambda n: f"event-{n}")
    subject = "cart-7"
    detector = factory.SubFactory(DetectorFactory)
    detector_slug = factory.SelfAttribute("detector.slug")
    workflow = factory.SubFactory(WorkflowFactory)
    workflow_slug = factory.SelfAttribute("workflow.slug")
    action = factory.SubFactory(ActionFactory)
    action_slug = factory.SelfAttribute("action.slug")
    priority = 50
    reason = "sent"


class DeliveryFactory(RowFactory[Delivery]):
    """A first attempt that went well."""

    class Meta:
        model = Delivery

    class Params:
        failed = factory.Trait(ok=False, status=500, error="500 from the endpoint")

    firing = factory.SubFactory(FiringFactory)
    attempt = 1
    ok = True
    status = 200


class ActionIntervalFactory(RowFactory[ActionInterval]):
    """Held for an hour from now."""

    class Meta:
        model = ActionInterval

    class Params:
        ended = factory.Trait(
            held_until=factory.LazyFunction(lambda: clock.now() - HOUR)
        )

    workflow = factory.SubFactory(WorkflowFactory)
    action = factory.SubFactory(ActionFactory)
    subject = factory.Sequence(lambda n: f"cart-{n}")
    held_until = factory.LazyFunction(lambda: clock.now() + HOUR)


class WorkItemFactory(RowFactory[WorkItem]):
    """Scheduled and due now. Written past the store, as the past of a test."""

    class Meta:
        model = WorkItem

    class Params:
        claimed = factory.Trait(
            token=1,
            sends=1,
            lease_ends_at=factory.LazyFunction(lambda: clock.now() + HOUR),
        )
        sent = factory.Trait(claimed=True, state="sent")
        running = factory.Trait(
            claimed=True, state="running", attempts=1, worker="worker-1"
        )
        ended = factory.Trait(
            token=1,
            sends=1,
            attempts=1,
            finished_at=factory.LazyFunction(clock.now),
        )
        done = factory.Trait(ended=True, state="done")
        cancelled = factory.Trait(ended=True, state="cancelled")
        dead = factory.Trait(ended=True, state="dead", attempts=8)

    kind = "act"
    lane = "act:log"
    subject = "cart-7"
    shard = 0
    due_at = factory.LazyFunction(clock.now)
    max_attempts = 8


def receipt_key(event_id: str, source: str = "/shop") -> str:
    """Return the key of the receipt of an event."""
    now = clock.now()
    event = Event(id=event_id, source=source, type="t", time=now, accepted_at=now)
    return event.key


FACTORIES: dict[type[models.Model], Any] = {
    built._meta.model: built
    for built in (
        ActionFactory,
        ActionHealthFactory,
        ActionIntervalFactory,
        ConditionFactory,
        ConditionGroupFactory,
        DecisionFactory,
        DeliveryFactory,
        DetectorFactory,
        DetectorStateFactory,
        DetectorWorkflowFactory,
        EnvironmentFactory,
        EventCountFactory,
        EventReceiptFactory,
        FiringFactory,
        GroupActionFactory,
        WorkItemFactory,
        WorkflowDecisionFactory,
        WorkflowFactory,
    )
}
