"""The public door: everything a project calls.

Rules are named by slug, or by a name that is unique; UnknownRule says that there is none,
or more than one.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import models, transaction

from workflow_engine import clock, embedded, tasks
from workflow_engine.actions import Attempt, register_action
from workflow_engine.conditions import register_condition
from workflow_engine.conf import options
from workflow_engine.detectors import register_detector
from workflow_engine.exceptions import InvalidPause, SubmitFailed, UnknownRule
from workflow_engine.models import Action, Detector, Workflow
from workflow_engine.processing import rehearsal
from workflow_engine.processing import replay as replaying
from workflow_engine.processing.acknowledge import acknowledge_subject
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.schedule import (
    cancel_work,
    enqueue_events,
    enqueue_workflow,
)
from workflow_engine.processing.testfire import fire_test, sample_event
from workflow_engine.queue import Cancellation, Send, pausing
from workflow_engine.rulefile import export_rules, import_rules
from workflow_engine.types.envelope import Limits, accept_all
from workflow_engine.types.event import JSON, Event
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.trace import Trace

__all__ = [
    "acknowledge",
    "cancel",
    "explain",
    "export_rules",
    "import_rules",
    "pause",
    "process_events",
    "register_action",
    "register_condition",
    "register_detector",
    "replay",
    "resume",
    "schedule",
    "snooze",
    "submit_event",
    "submit_events",
    "test_fire",
]

R = TypeVar("R", bound=models.Model)

logger = logging.getLogger(__name__)


def submit_event(
    event: Mapping[str, JSON] | None = None,
    *,
    durable: bool = False,
    **attributes: JSON,
) -> str:
    """Accept one event and return its id; it is handed over after the caller's commit.

    Args:
        event: The event as a CloudEvents object; or give its attributes by keyword, then
            `specversion` and `id` are filled in.
        durable: Write the event in the caller's own transaction, so that not even a kill
            between commit and broker loses it.
        attributes: type, source, subject, environment, time, data and extensions.

    Raises:
        InvalidEvent: Something is wrong with it; nothing was handed over.
        SubmitFailed: Neither the broker nor the database took it.
    """
    if event is not None and attributes:
        raise TypeError("give the event, or its attributes by keyword, not both")
    given = _filled_in(attributes) if event is None else event
    return submit_events([given], durable=durable)[0]


def _filled_in(attributes: dict[str, JSON]) -> dict[str, JSON]:
    given = {"specversion": "1.0", "id": str(_uuid7(clock.now())), **attributes}
    time = given.get("time")
    return {**given, "time": time.isoformat()} if isinstance(time, datetime) else given


def _uuid7(moment: datetime) -> uuid.UUID:
    """Return a UUID of version 7 (RFC 9562): milliseconds first, so that ids sort by time."""
    milliseconds = int(moment.timestamp() * 1000)
    head = (milliseconds << 16) | (0x7 << 12) | secrets.randbits(12)
    return uuid.UUID(int=(head << 64) | (0b10 << 62) | secrets.randbits(62))


def submit_events(
    events: Sequence[Mapping[str, JSON]], *, durable: bool = False
) -> list[str]:
    """Accept all of these events, or none, and return their ids; see `submit_event`."""
    accepted = _accepted(events)
    if durable:
        _write_durably(accepted)
    else:
        transaction.on_commit(partial(hand_over, accepted), using=options.DATABASE)
    return [event.id for event in accepted]


def process_events(events: Iterable[Mapping[str, JSON]]) -> list[Outcome]:
    """Judge events here and now, in batches, and return their outcomes in order."""
    accepted = _accepted(list(events))
    ledger = DatabaseLedger(_send_items())
    outcomes: list[Outcome] = []
    for start in range(0, len(accepted), options.EVENT_BATCH):
        batch = accepted[start : start + options.EVENT_BATCH]
        outcomes += process(batch, ledger, clock.now())
    return outcomes


def explain(event: Mapping[str, JSON]) -> Trace:
    """Return what would become of an event now: decide, write nothing, send nothing."""
    (accepted,) = _accepted([event])
    return rehearsal.explain(accepted, clock.now())


def replay(events: Iterable[Mapping[str, JSON]]) -> Iterator[Outcome]:
    """Yield what would have become of recorded events by the rules of now; writes nothing.

    The clock follows the events' own times; states, intervals and items start empty.
    """
    return replaying.replay(_accepted(list(events)))


def test_fire(
    action: str,
    event: Mapping[str, JSON] | None = None,  # noqa: PT028 - no test, whatever its name
    *,
    dry_run: bool = False,  # noqa: PT028
) -> Attempt:
    """Send one action for real, marked as a test, and return what came of it.

    Args:
        action: Slug, or a name that is unique.
        event: What the action speaks of; None = a built-in sample.
        dry_run: Stop before the last network or broker write.
    """
    now = clock.now()
    about = sample_event(now) if event is None else _accepted([event])[0]
    row = _named(Action, action)
    sender = tasks.send_task if tasks.uses_celery() else None
    return fire_test(row, about, now, send_task=sender, dry_run=dry_run)


test_fire.__test__ = False  # type: ignore[attr-defined] # its name is no test's


def snooze(workflow: str, until: datetime | timedelta, note: str = "") -> datetime:
    """Hold a workflow until a moment, or for a while; return the moment. It ends by itself.

    `note` says why, in at most 200 characters.

    Raises:
        UnknownRule: No workflow, or more than one, has the name.
        ValidationError: The note is too long.
        ValueError: The moment has no time zone.
    """
    ends = clock.now() + until if isinstance(until, timedelta) else until
    if ends.tzinfo is None:
        raise ValueError("until must be aware: give it a time zone")
    row = _named(Workflow, workflow)
    row.snoozed_until, row.snooze_note = ends, note
    row.clean_fields(exclude={f.name for f in row._meta.fields} - {"snooze_note"})
    row.save(update_fields=["snoozed_until", "snooze_note"])
    return ends


def acknowledge(detector: str, subject: str, environment: str = "") -> int:
    """Cancel the delayed firings of the open episode of a subject; return how many."""
    row = _named(Detector, detector)
    return acknowledge_subject((row.pk, environment, subject), clock.now())


def schedule(*, workflow: str, subject: str, due_at: datetime) -> int:
    """Judge a workflow at a moment, with a synthetic event; return the id of the item.

    Obeys the caller's transaction.
    """
    row = _named(Workflow, workflow)
    return enqueue_workflow(row.pk, subject, due_at, clock.now())


def cancel(item_id: int) -> bool:
    """Cancel an item and say whether it came in time: it has not begun, and never will.

    Obeys the caller's transaction.
    """
    return cancel_work(item_id, clock.now()) is Cancellation.CANCELLED


def pause(
    until: datetime | timedelta | None = None, *, by: str = "", why: str = ""
) -> datetime | None:
    """Let all items wait until a moment, or for a while; return the moment.

    Events and items are accepted all the while, what runs already ends as usual, and no
    attempt is lost. `until` None: it lasts until `resume`. A second pause takes the place
    of the first. `by` and `why` are shown to whoever wonders.

    Raises:
        InvalidPause: It would be over already or last beyond the year 9999, the moment has
            no time zone, or `why` has more than 200 characters.
    """
    now = clock.now()
    try:
        ends = now + until if isinstance(until, timedelta) else until
    except OverflowError as error:
        raise InvalidPause(
            "no calendar reaches so far; None lasts until resume"
        ) from error
    return pausing.pause(now=now, until=ends, by=by, why=why).until


def resume(*, by: str = "") -> bool:
    """End the pause of all items and say whether there was one."""
    return pausing.resume(now=clock.now(), by=by)


def _accepted(events: Sequence[Mapping[str, JSON]]) -> list[Event]:
    limits = Limits(
        max_bytes=options.EVENT_MAX_BYTES, ahead_seconds=options.EVENT_AHEAD_SECONDS
    )
    return accept_all(events, now=clock.now(), limits=limits)


def _send_items() -> Send:
    return tasks.send_items if tasks.uses_celery() else embedded.send_items


def hand_over(events: Sequence[Event]) -> None:
    """Give accepted events to the broker; without one, or with it away, to the database.

    Raises:
        SubmitFailed: Neither took them.
    """
    refused = "no broker took the events"
    if tasks.uses_celery():
        try:
            tasks.send_events(events)
        except SubmitFailed as error:
            refused = str(error)
            logger.warning(
                "The broker refused events, and they become items.",
                extra={"action": "hand_over", "events": len(events)},
            )
        else:
            return
    try:
        _write_durably(events)
    except DatabaseError as error:
        message = f"{refused}; nor did the database: {error}"
        raise SubmitFailed(message) from error


def _write_durably(events: Sequence[Event]) -> None:
    enqueue_events(events, clock.now(), _send_items())


def _named(model: type[R], name: str) -> R:
    rows: Any = model._default_manager.using(options.DATABASE)
    found = list(rows.filter(slug=name)[:1]) or list(rows.filter(name=name)[:2])
    noun = model._meta.verbose_name
    if not found:
        raise UnknownRule(f"there is no {noun} with slug or name '{name}'")
    if len(found) > 1:
        raise UnknownRule(f"more than one {noun} has the name '{name}'; give its slug")
    row: R = found[0]
    return row
