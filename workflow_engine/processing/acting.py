"""Acting: an item of kind `act`: one attempt of one firing, and what follows from it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction

from workflow_engine import actions, telemetry
from workflow_engine.actions import Attempt, SendTask
from workflow_engine.clock import Clock
from workflow_engine.conf import options
from workflow_engine.exceptions import HandlerMissing, Permanent, RetryAfter
from workflow_engine.models import (
    ActionHealth,
    Firing,
    FiringState,
    ItemState,
)
from workflow_engine.processing import telling
from workflow_engine.processing.circuit import (
    Admitted,
    admit,
    note_failure,
    note_success,
)
from workflow_engine.processing.counting import count_attempt, result_of_attempt
from workflow_engine.processing.deliveries import keep_delivery
from workflow_engine.processing.firings import end_firings, kind_of
from workflow_engine.processing.items import ActPayload
from workflow_engine.queue import (
    Begun,
    finish,
    give_up,
    put_off,
    release,
)
from workflow_engine.types.reasons import Reason

#: Between two looks at an unfinished trigger firing.
AWAIT_TRIGGER: Final = timedelta(seconds=5)
#: A firing that was due so long ago no longer waits for its endpoint.
ENDPOINT_PATIENCE: Final = timedelta(hours=24)
#: The longest that a handler may ask for.
LONGEST_WAIT: Final = timedelta(days=31)


class Actor:
    """Carries out firings, one attempt at a time."""

    def __init__(self, clock: Clock, send_task: SendTask | None) -> None:
        """`send_task` hands Celery tasks to the broker; None = there is none."""
        self._clock = clock
        self._send_task = send_task
        self._using: str = options.DATABASE

    def act(self, item: Begun) -> None:
        """Make one attempt; the item is finished, put off, released or dead afterwards."""
        now = self._clock.now()
        firing = (
            Firing.objects.using(self._using)
            .select_related("workflow", "action__health", "detector")
            .get(item=item.id)
        )
        stop = _stop_reason(firing, now)
        if stop is not None:
            self._end(item, firing, FiringState.CANCELLED, stop, now)
            return
        payload = self._payload(item, firing, now)
        if payload is None or self._awaits(item, firing, now):
            return
        admitted = self._admitted(item, firing, now)
        if admitted is None:
            return
        if not self._starts(firing):
            finish(item.id, item.token, item.attempt, now=now)
            return
        with telemetry.span("act", action_kind=kind_of(firing)) as span:
            attempt = self._attempt(payload, firing, now)
            if span.is_told:
                result = result_of_attempt(attempt.error)
                span.set(result=result, **telling.of_firing(firing))
        self._conclude(item, firing, attempt, now, admitted)

    def _payload(self, item: Begun, firing: Firing, now: datetime) -> ActPayload | None:
        """Return what the item carries; no later attempt can read what this one cannot."""
        try:
            return msgspec.convert(item.payload, ActPayload)
        except msgspec.ValidationError as error:
            told = f"the payload cannot be read: {error}"
            self._fail(item, firing, Reason.PERMANENT, told, now)
            return None

    def _starts(self, firing: Firing) -> bool:
        """Write that the attempt begins; False for a firing that was cancelled meanwhile.

        A failed one may start again: its item was given all its attempts once more, but
        the firing counts on, so that no two of its deliveries have one number.
        """
        firing.attempts += 1
        rows = Firing.objects.using(self._using).filter(pk=firing.pk)
        return bool(
            rows.exclude(state=FiringState.CANCELLED).update(
                state=FiringState.RUNNING,
                attempts=firing.attempts,
                reason=Reason.SENT.value,
                finished_at=None,
            )
        )

    def _awaits(self, item: Begun, firing: Firing, now: datetime) -> bool:
        """Whether the trigger firing decides first; a resolved message comes after it."""
        if firing.purpose != Firing.Purpose.RESOLVE:
            return False
        states = set(
            Firing.objects.using(self._using)
            .filter(
                detector=firing.detector_id,
                environment=firing.environment,
                subject=firing.subject,
                episode=firing.episode,
                workflow=firing.workflow_id,
                action=firing.action_id,
                purpose=Firing.Purpose.TRIGGER,
            )
            .values_list("state", flat=True)
        )
        if FiringState.SUCCEEDED in states:
            return False
        if states <= {FiringState.FAILED, FiringState.CANCELLED}:
            self._end(item, firing, FiringState.CANCELLED, Reason.NOT_TOLD, now)
        else:
            self._put_off(item, firing, now + AWAIT_TRIGGER, Reason.AWAITING_TRIGGER)
        return True

    def _admitted(self, item: Begun, firing: Firing, now: datetime) -> Admitted | None:
        """Let the attempt through the circuit; None = the item was put off or given up."""
        answer = admit(_health(firing), now, self._using)
        if isinstance(answer, Admitted):
            return answer
        if answer.until is None:
            self._fail(item, firing, Reason.ENDPOINT_OFF, "the action is off", now)
        elif now - firing.due_at > ENDPOINT_PATIENCE:
            self._fail(item, firing, Reason.ENDPOINT_OFF, "the circuit is open", now)
        else:
            self._put_off(item, firing, answer.until, Reason.CIRCUIT_OPEN)
        return None

    def _attempt(self, payload: ActPayload, firing: Firing, now: datetime) -> Attempt:
        action = firing.action
        if action is None or firing.workflow is None:  # _stop_reason has seen to it
            raise LookupError(f"firing {firing.uuid} has lost its rule")
        return actions.perform(
            action.kind,
            actions.Firing(
                uuid=str(firing.uuid),
                event=payload.event,
                detection=payload.detection,
                workflow_slug=firing.workflow.slug,
                workflow_name=firing.workflow.name,
                action_slug=action.slug,
                purpose="resolve" if firing.purpose == "resolve" else "trigger",
                attempt=firing.attempts,
                now=now,
                timeout_seconds=options.ACTION_SECONDS,
                send_task=self._send_task,
            ),
            action.config,
        )

    def _conclude(
        self,
        item: Begun,
        firing: Firing,
        attempt: Attempt,
        started: datetime,
        admitted: Admitted,
    ) -> None:
        """Write the delivery, the circuit, the item and the firing together."""
        now = self._clock.now()
        error = attempt.error
        with transaction.atomic(using=self._using):
            keep_delivery(firing, firing.attempts, attempt, started, self._using)
            count_attempt(kind_of(firing), attempt, self._using)
            if error is None:
                note_success(_health(firing), firing.action_slug, self._using)
                if finish(item.id, item.token, item.attempt, now=now):
                    self._ended(firing, FiringState.SUCCEEDED, Reason.SENT, now)
                return
            self._note_failure(firing, error, admitted, now)
            if isinstance(error, HandlerMissing):
                self._fail(item, firing, Reason.HANDLER_MISSING, error, now)
            elif isinstance(error, Permanent):
                self._fail(item, firing, Reason.PERMANENT, error, now)
            else:
                self._retry(item, firing, error, now)

    def _note_failure(
        self, firing: Firing, error: Exception, admitted: Admitted, now: datetime
    ) -> None:
        action, slug = firing.action_id, firing.action_slug
        if action is not None and not isinstance(error, HandlerMissing):
            note_failure(action, slug, error, admitted, now, self._using)

    def _retry(
        self, item: Begun, firing: Firing, error: Exception, now: datetime
    ) -> None:
        """Release the item; the store says whether an attempt is left or a cancel is wished."""
        due_at = now + _wait(error) if isinstance(error, RetryAfter) else None
        state = release(
            item.id, item.token, item.attempt, now=now, due_at=due_at, error=error
        )
        if state is ItemState.SCHEDULED:
            Firing.objects.using(self._using).filter(pk=firing.pk).update(
                state=FiringState.RETRYING
            )
        elif state is ItemState.DEAD:
            self._ended(firing, FiringState.FAILED, Reason.ATTEMPTS_USED, now)
        elif state is ItemState.CANCELLED:
            self._ended(firing, FiringState.CANCELLED, Reason.BY_HAND, now)

    def _put_off(
        self, item: Begun, firing: Firing, due_at: datetime, reason: Reason
    ) -> None:
        with transaction.atomic(using=self._using):
            self._lock(firing)
            now = self._clock.now()
            if put_off(item.id, item.token, now=now, due_at=due_at):
                Firing.objects.using(self._using).filter(pk=firing.pk).update(
                    reason=reason.value
                )

    def _fail(
        self,
        item: Begun,
        firing: Firing,
        reason: Reason,
        error: Exception | str,
        now: datetime,
    ) -> None:
        with transaction.atomic(using=self._using):
            self._lock(firing)
            failure = error if isinstance(error, Exception) else Permanent(error)
            if give_up(item.id, item.token, now=now, error=failure):
                self._ended(firing, FiringState.FAILED, reason, now)

    def _end(
        self,
        item: Begun,
        firing: Firing,
        state: FiringState,
        reason: Reason,
        now: datetime,
    ) -> None:
        """Finish the item without an attempt to reach the outside."""
        with transaction.atomic(using=self._using):
            self._lock(firing)
            if finish(item.id, item.token, item.attempt, now=now):
                self._ended(firing, state, reason, now)

    def _lock(self, firing: Firing) -> None:
        """Lock a firing before its item, as who cancels it does: no circle of waits."""
        rows = Firing.objects.using(self._using).select_for_update()
        rows.filter(pk=firing.pk).values_list("pk").first()

    def _ended(
        self, firing: Firing, state: FiringState, reason: Reason, now: datetime
    ) -> None:
        end_firings(
            {firing.uuid: kind_of(firing)}, state, reason, now=now, using=self._using
        )


def _stop_reason(firing: Firing, now: datetime) -> Reason | None:
    """Return why a firing that comes due is not carried out, or None."""
    detector_gone = firing.detector is None and firing.detector_slug != ""
    if firing.workflow is None or firing.action is None or detector_gone:
        return Reason.GONE
    rules = (firing.workflow, firing.action, firing.detector)
    if not all(rule.enabled for rule in rules if rule is not None):
        return Reason.DISABLED
    until = firing.workflow.snoozed_until
    return Reason.SNOOZED if until is not None and now < until else None


def _wait(error: RetryAfter) -> timedelta:
    """Return how long a handler asks to wait, within reason; not a number is no wait."""
    longest = LONGEST_WAIT.total_seconds()
    return timedelta(seconds=min(longest, max(0.0, error.seconds)))


def _health(firing: Firing) -> ActionHealth | None:
    return getattr(firing.action, "health", None)
