"""Execution: the kinds of item, and how one that is due is carried out.

    act       one attempt of a firing
    evaluate  a workflow judged again with the answers of slow conditions
    detect    a detector asked again because time has passed
    event     a durable event, processed like any other

A message carries ids and tokens. Only an item that `begin` returns is carried out, so a
message that comes twice, late or for nothing does no harm.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError

from workflow_engine import telemetry
from workflow_engine.actions import SendTask
from workflow_engine.clock import Clock
from workflow_engine.detectors import is_paused, pause
from workflow_engine.exceptions import Permanent
from workflow_engine.lookups import detectors
from workflow_engine.processing import telling
from workflow_engine.processing.acting import Actor
from workflow_engine.processing.again import (
    Answered,
    Ticked,
    ask,
    judge_evaluation,
    pause_of,
    tick,
)
from workflow_engine.processing.counting import count_begun
from workflow_engine.processing.effects import Evaluation
from workflow_engine.processing.items import (
    ACT,
    DETECT,
    EVALUATE,
    EVENT,
    DetectPayload,
    EvaluatePayload,
    EventPayload,
)
from workflow_engine.processing.judged import Judged
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.publish import Overtaken, is_written, publish
from workflow_engine.queue import (
    Begun,
    Send,
    begin,
    finish,
    give_up,
    put_off,
    release,
)
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.snapshots import Absent

logger = logging.getLogger(__name__)

EVALUATE_TOGETHER: Final = 100  # items whose slow conditions are asked in one call

P = TypeVar("P", bound=msgspec.Struct)
Away: TypeAlias = OperationalError | InterfaceError


class ItemLost(telemetry.Detour):
    """The item was given to another worker; what this one would write is rolled back."""


class Executor:
    """Carries out items; one for any number of calls and threads."""

    def __init__(
        self, clock: Clock, *, send: Send | None, send_task: SendTask | None
    ) -> None:
        """`send` takes items that become due; `send_task` hands Celery tasks to the broker."""
        self._clock = clock
        self._send = send
        self._send_task = send_task
        self._worker = f"{socket.gethostname()}:{os.getpid()}"[:200]

    def execute(self, pairs: Sequence[tuple[int, int]]) -> int:
        """Carry out the items of these ids and tokens; return how many were begun.

        The error of a database that is away rises after the others had their turn: the
        item keeps its lease and is taken up again when that has ended.
        """
        now = self._clock.now()
        begun = begin(pairs, now=now, worker=self._worker)
        count_begun(begun, now)
        waiting = [item for item in begun if item.kind == EVALUATE]
        errors: list[Away | None] = []
        for start in range(0, len(waiting), EVALUATE_TOGETHER):
            errors += self._evaluate(waiting[start : start + EVALUATE_TOGETHER])
        for item in begun:
            if item.kind != EVALUATE:
                errors.append(self._guard([item], partial(self._carry_out, item)))
        for error in errors:
            if error is not None:
                raise error
        return len(begun)

    def _guard(self, items: Sequence[Begun], work: Callable[[], None]) -> Away | None:
        """Do the work of items; return the error of a database that is away, not theirs.

        Any other error that no kind has answered is an error of the items.
        """
        facts = {"items": [item.id for item in items]}
        try:
            causes = map(telling.cause_of, items)
            with telemetry.span("execute", links=causes) as span:
                if span.is_told:
                    span.set(**telling.of_items(items))
                work()
        except ItemLost:
            logger.info(
                "An item was given to another worker.",
                extra={"action": "item_lost", **facts},
            )
        except (OperationalError, InterfaceError) as error:
            logger.exception(
                "The database failed an item.",
                extra={"action": "item_put_back", **facts},
            )
            return error
        except Exception as error:
            logger.exception(
                "An item failed.", extra={"action": "item_failed", **facts}
            )
            for item in items:
                self._release(item, error)
        return None

    def _carry_out(self, item: Begun) -> None:
        if item.kind == ACT:
            self._act(item)
        elif item.kind == DETECT:
            self._detect(item)
        elif item.kind == EVENT:
            self._process(item)
        else:
            message = f"no item of kind '{item.kind}' is known to this worker"
            self._release(item, LookupError(message))

    def _release(self, item: Begun, error: Exception) -> None:
        """Try again after the back-off, or end it when no attempt is left."""
        now = self._clock.now()
        release(item.id, item.token, item.attempt, now=now, error=error)

    def _act(self, item: Begun) -> None:
        Actor(self._clock, self._send_task).act(item)

    def _process(self, item: Begun) -> None:
        payload = self._payload(item, EventPayload)
        if payload is not None:
            now = self._clock.now()
            process([payload.event], DatabaseLedger(self._send), now)
            finish(item.id, item.token, item.attempt, now=now)

    def _evaluate(self, items: Sequence[Begun]) -> list[Away | None]:
        """Judge waiting workflows, their slow conditions asked together."""
        answered: list[tuple[Begun, Answered]] = []
        errors = [self._guard(items, lambda: answered.extend(self._answered(items)))]
        for item, answer in answered:
            errors.append(self._guard([item], partial(self._conclude, item, answer)))
        return errors

    def _answered(self, items: Sequence[Begun]) -> list[tuple[Begun, Answered]]:
        read = [(item, self._payload(item, EvaluatePayload)) for item in items]
        known = [(item, _evaluation(item, p)) for item, p in read if p is not None]
        ledger = DatabaseLedger(self._send)
        with telemetry.span("evaluate", evaluations=len(known)):
            answers = ask([evaluation for _, evaluation in known], ledger)
        return [(item, one) for (item, _), one in zip(known, answers, strict=True)]

    def _conclude(self, item: Begun, answer: Answered) -> None:
        """Write effects and finish together; a handler that raised is asked again later."""
        now = self._clock.now()
        ledger = DatabaseLedger(self._send)
        if answer.error is not None and not item.is_last_attempt:
            self._release(item, answer.error)
            return
        judged = judge_evaluation(answer, now)
        with ledger.transaction():
            self._publish(judged, {}, ledger, now)
            if not finish(item.id, item.token, item.attempt, now=now):
                raise ItemLost

    def _detect(self, item: Begun) -> None:
        payload = self._payload(item, DetectPayload)
        if payload is None:
            return
        key = (payload.detector, payload.environment, payload.subject)
        ledger = DatabaseLedger(self._send)
        while not self._ticked(item, key, ledger):
            pass  # another worker moved the state meanwhile; ask again from the new one

    def _ticked(self, item: Begun, key: SubjectKey, ledger: DatabaseLedger) -> bool:
        """Ask the detector and write what follows with the end of the item."""
        now = self._clock.now()
        detector = detectors.get(key[0])
        state = ledger.states([key]).get(key)
        ticked = None
        if state is not None and not isinstance(detector, Absent):
            pause_for = pause_of(detector)
            if pause_for is not None:
                return self._paused(item, {key: state}, ledger, now + pause_for)
            with telemetry.span("detect", detector_id=detector.id):
                ticked = tick(detector, key, state, now, item.due_at)
        if ticked is None:
            finish(item.id, item.token, item.attempt, now=now)
            return True
        try:
            with ledger.transaction():
                self._publish(ticked.judged, _moved(ticked, key), ledger, now)
                if not self._rearm(item, ticked, now):
                    raise ItemLost
        except Overtaken:
            return False
        return True

    def _paused(
        self,
        item: Begun,
        states: dict[SubjectKey, State],
        ledger: DatabaseLedger,
        until: datetime,
    ) -> bool:
        """Put off what cannot be asked now; False when another worker moved the state."""
        noted = {k: pause(state) for k, state in states.items() if not is_paused(state)}
        now = self._clock.now()
        with ledger.transaction():
            if noted and ledger.publish(noted):
                return False
            again = put_off(
                item.id, item.token, now=now, due_at=until, resets_attempts=True
            )
            if again is None:
                raise ItemLost
        return True

    @staticmethod
    def _rearm(item: Begun, ticked: Ticked, now: datetime) -> bool:
        if ticked.wake_at is None:
            return finish(item.id, item.token, item.attempt, now=now)
        due_at = ticked.wake_at
        again = put_off(
            item.id, item.token, now=now, due_at=due_at, resets_attempts=True
        )
        return again is not None

    @staticmethod
    def _publish(
        judged: Judged,
        states: dict[SubjectKey, State],
        ledger: DatabaseLedger,
        now: datetime,
    ) -> None:
        traces = publish([judged], states, ledger, now)
        ledger.keep([trace for trace in traces if not is_written(trace)])
        ledger.note(traces)

    def _payload(self, item: Begun, kind: type[P]) -> P | None:
        """Return what the item carries; one that cannot be read is dead at once."""
        try:
            return msgspec.convert(item.payload, kind)
        except msgspec.ValidationError as error:
            failure = Permanent(f"the payload cannot be read: {error}")
            give_up(item.id, item.token, now=self._clock.now(), error=failure)
            return None


def _evaluation(item: Begun, payload: EvaluatePayload) -> Evaluation:
    return Evaluation(
        workflow_id=payload.workflow,
        ifs=payload.ifs,
        event=payload.event,
        detection=payload.detection,
        due_at=item.due_at,
    )


def _moved(ticked: Ticked, key: SubjectKey) -> dict[SubjectKey, State]:
    return {key: ticked.state} if ticked.judged.moved else {}
