"""World: rules made from few words, events at a moment, and what came of them.

world.detector("orders")
world.workflow("tell", "orders", carries=["email"], interval=300)
world.process(world.event("e1", amount=9))
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.test import TestCase

from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.handlers import RECORDED
from workflow_engine.clock import ManualClock
from workflow_engine.models import (
    Action,
    ActionInterval,
    ConditionGroup,
    Decision,
    Detector,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    Workflow,
    WorkflowDecision,
    WorkItem,
)
from workflow_engine.processing.execution import Executor
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process, trace_events
from workflow_engine.queue import Pair, claim
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.trace import Trace

START = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
SHOP = "https://shop.example/api"
FAILED = "order.failed"
RUNS = 1000  # after so many rounds of due items something goes in a circle

#: Everything that processing writes; rules are not among it.
RUNNING_MODELS = (
    ActionInterval,
    Decision,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    WorkflowDecision,
    WorkItem,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Carry:
    """An action as an if-group carries it."""

    action: str
    delay: int = 0
    on_resolve: bool = False


@dataclass(frozen=True, kw_only=True)
class If:
    """An if-group: conditions, and what it carries."""

    conditions: Sequence[Any] = ()
    carries: Sequence[str | Carry] = ("email",)
    logic: str = "all"


class World:
    """One project: its rules, its clock, and the hands that carry out its items."""

    def __init__(self, *, backwards: bool = False) -> None:
        """Make the parts of a rule in order, or backwards: ids then fall with position."""
        self.backwards = backwards
        self.clock = ManualClock(START)
        self.sent: list[Pair] = []
        self._numbers = itertools.count()

    # Rules

    def detector(  # noqa: PLR0913 - the fields of a row
        self,
        slug: str,
        *,
        kind: str = "event",
        trigger: Sequence[Any] = (),
        logic: str = "all",
        event_type: str = FAILED,
        source: str = "",
        enabled: bool = True,
        **config: Any,
    ) -> Detector:
        """Make a detector; `config` is that of its kind."""
        row = DetectorFactory(
            slug=slug,
            kind=kind,
            event_type=event_type,
            source=source,
            enabled=enabled,
            config=config,
        )
        if trigger:
            group = ConditionGroupFactory(
                role="trigger", logic=logic, detector=row, workflow=None
            )
            self._conditions(group, trigger)
        return row

    def threshold(self, slug: str, **config: Any) -> Detector:
        """Make a detector that opens at a value above 10 and resolves at 10 or below."""
        given = {"path": "data.value", "op": "gt", "levels": {"high": 10}, **config}
        return self.detector(slug, kind="threshold", **given)

    def absence(self, slug: str, seconds: int, **given: Any) -> Detector:
        """Make a detector that opens when nothing came for so long."""
        config: dict[str, Any] = {"for": seconds, **given}
        return self.detector(slug, kind="absence", **config)

    def workflow(
        self,
        slug: str,
        *detectors: str,
        when: Sequence[Any] | None = None,
        logic: str = "all",
        ifs: Sequence[If] | None = None,
        carries: Sequence[str | Carry] = ("email",),
        environment: str | None = None,
        **fields: Any,
    ) -> Workflow:
        """Make a workflow linked to these detectors.

        Without `ifs` it has one if-group that always passes and carries `carries`.
        """
        row = WorkflowFactory(
            slug=slug,
            environment=EnvironmentFactory(name=environment) if environment else None,
            **fields,
        )
        for name in detectors:
            linked = Detector.objects.get(slug=name)
            DetectorWorkflowFactory(detector=linked, workflow=row)
        if when is not None:
            group = ConditionGroupFactory(role="when", logic=logic, workflow=row)
            self._conditions(group, when)
        groups = [If(carries=carries)] if ifs is None else ifs
        for position, one in self._placed(groups):
            self._if_group(row, position, one)
        return row

    def _if_group(self, workflow: Workflow, position: int, one: If) -> None:
        group = ConditionGroupFactory(
            role="if", logic=one.logic, workflow=workflow, position=position
        )
        self._conditions(group, one.conditions)
        for place, carried in self._placed(one.carries):
            carry = Carry(action=carried) if isinstance(carried, str) else carried
            GroupActionFactory(
                group=group,
                action=self.action(carry.action),
                delay=carry.delay,
                on_resolve=carry.on_resolve,
                position=place,
            )

    def action(self, slug: str, kind: str = RECORDED, **fields: Any) -> Action:
        """Return the action of this slug, made if it is not there."""
        found = Action.objects.filter(slug=slug).first()
        if found is not None:
            return found
        fields.setdefault("config", {"text": slug})
        return ActionFactory(slug=slug, kind=kind, **fields)

    def _conditions(self, group: ConditionGroup, conditions: Sequence[Any]) -> None:
        for position, one in self._placed(conditions):
            ConditionFactory(group=group, position=position, **condition(one))

    def _placed(self, parts: Sequence[T]) -> Sequence[tuple[int, T]]:
        """Return the parts with their positions, in the order in which to make them."""
        return list(enumerate(parts))[:: -1 if self.backwards else 1]

    # Time

    def at(self, seconds: float) -> World:
        """Move the clock to so many seconds after the start."""
        self.clock.move_to(START + timedelta(seconds=seconds))
        return self

    # Events

    def event(  # noqa: PLR0913 - the attributes of an event
        self,
        id: str = "",  # noqa: A002 - as the standard has it
        *,
        type: str = FAILED,  # noqa: A002 - as the standard has it
        source: str = SHOP,
        subject: str = "cart-7",
        environment: str = "",
        time: float | None = None,
        data: Any = None,
        **values: Any,
    ) -> Event:
        """Return an event that happens now, or `time` seconds after the start."""
        now = self.clock.now()
        return Event(
            id=id or f"event-{next(self._numbers)}",
            source=source,
            type=type,
            time=now if time is None else START + timedelta(seconds=time),
            accepted_at=now,
            subject=subject,
            environment=environment,
            data=values if data is None else data,
        )

    def process(self, *events: Event) -> list[Outcome]:
        """Judge a batch now; what is due at once waits in `sent`."""
        return self.committing(
            lambda: process(events, DatabaseLedger(self.send), self.clock.now())
        )

    def one(self, id: str = "", **attributes: Any) -> Outcome:  # noqa: A002 - as above
        """Judge one event now."""
        (outcome,) = self.process(self.event(id, **attributes))
        return outcome

    def trace(self, event: Event) -> Trace:
        """Judge one event now and return the whole trace."""
        (trace,) = self.committing(
            lambda: trace_events([event], DatabaseLedger(self.send), self.clock.now())
        )
        return trace

    # Items

    def send(self, pairs: Sequence[Pair]) -> None:
        """Take items in, as a broker would."""
        self.sent += pairs

    @property
    def executor(self) -> Executor:
        """What carries out items at the time of this world."""
        return Executor(self.clock, send=self.send, send_task=None)

    def execute(self, *pairs: Pair) -> int:
        """Carry out these items now."""
        return self.committing(lambda: self.executor.execute(pairs))

    def claim(self) -> list[Pair]:
        """Take what was sent, and what is due now."""
        taken, self.sent = self.sent, []
        due = self.committing(lambda: claim(now=self.clock.now(), limit=1000))
        return [*taken, *(one.pair for one in due)]

    def run(self) -> World:
        """Carry out everything that is due now, and what becomes due by that."""
        for _ in range(RUNS):
            pairs = self.claim()
            if not pairs:
                return self
            self.execute(*pairs)
        raise AssertionError("items become due for ever")

    def run_until(self, seconds: float) -> World:
        """Carry out items, each at its own time, up to a moment."""
        end = START + timedelta(seconds=seconds)
        for _ in range(RUNS):
            self.run()
            coming = WorkItem.objects.filter(state="scheduled", due_at__lte=end)
            first = coming.order_by("due_at").first()
            if first is None:
                self.clock.move_to(end)
                return self
            self.clock.move_to(max(first.due_at, self.clock.now()))
        raise AssertionError("items become due for ever")

    @staticmethod
    def committing(work: Callable[[], T]) -> T:
        """Do the work, and what it left for after the commit, also inside a test's block."""
        is_inside = connection.in_atomic_block
        hooks = TestCase.captureOnCommitCallbacks(execute=True)
        with hooks if is_inside else nullcontext():
            return work()

    # What is there

    def items(self, kind: str | None = None) -> list[WorkItem]:
        """Return the items that are to be carried out, the first due first."""
        live = WorkItem.objects.live().order_by("due_at", "pk")
        return list(live if kind is None else live.filter(kind=kind))

    def firings(self, **wanted: Any) -> list[tuple[str, str, str]]:
        """Return action, state and reason of firings, in the order they were decided."""
        rows = Firing.objects.filter(**wanted).order_by("pk")
        return [(row.action_slug, row.state, row.reason) for row in rows]

    @staticmethod
    def rows() -> dict[str, int]:
        """Return how many rows there are of everything that processing writes."""
        return {model.__name__: model.objects.count() for model in RUNNING_MODELS}


def condition(one: Any) -> dict[str, Any]:
    """Return the fields of a condition: "data.v gt 5", ("data.v gt 5", 75) or a dictionary.

    A dictionary has the `type`, perhaps a `result`, and else the configuration.
    """
    if isinstance(one, tuple):
        text, result = one
        return {**condition(text), "result": result}
    if isinstance(one, dict):
        rest = dict(one)
        kind, result = rest.pop("type"), rest.pop("result", None)
        return {"type": kind, "config": rest, "result": result}
    path, kind, *value = one.split(" ", 2)
    config = {"path": path}
    if value:
        config["value"] = json.loads(value[0])
    return {"type": kind, "config": config, "result": None}


def fates(outcome: Outcome) -> dict[str, list[tuple[str, str]]]:
    """Return action and reason of every carried action, by workflow."""
    return {
        line.workflow: [(one.action, one.reason.value) for one in line.actions]
        for line in outcome.workflows
    }


def reasons(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the reason of each outcome."""
    return [outcome.reason.value for outcome in outcomes]


def changes(outcomes: Iterable[Outcome]) -> list[str]:
    """Return what the first detector said of each event: its change, or the reason."""
    return [_said(outcome) for outcome in outcomes]


def _said(outcome: Outcome) -> str:
    first = outcome.detections[0]
    return first.change or str(first.reason)
