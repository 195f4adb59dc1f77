"""The order of locks: firings, items, intervals by key; so nobody waits in a circle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection, transaction

from tests.processing.races import LIMIT_SECONDS, Gate, alone
from tests.processing.world import Carry, World, fates
from tests.waiting import wait_until
from workflow_engine.conf import options
from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Firing,
    FiringState,
    Holding,
    IntervalKey,
)
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.firings import end_firings
from workflow_engine.processing.ledger import DatabaseLedger, EpisodeKey
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.resolve import Told
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.reasons import Reason

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

LOST = "order.lost"
LATE = Carry(action="page", delay=60, on_resolve=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return threads for two workers."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


class _Stops(DatabaseLedger):
    """Waits at a gate once it has done what is named."""

    def __init__(self, gate: Gate, after: str) -> None:
        super().__init__()
        self.gate = gate
        self.after = after

    def told(self, episodes: Collection[EpisodeKey]) -> dict[EpisodeKey, list[Told]]:
        found = super().told(episodes)
        self._done("told")
        return found

    def acquire(
        self, wishes: Sequence[Acquisition], now: datetime
    ) -> dict[IntervalKey, Holding]:
        held = super().acquire(wishes, now)
        self._done("acquire")
        return held

    def write(self, effects: Effects, now: datetime) -> None:
        super().write(effects, now)
        self._done("write")

    def _done(self, step: str) -> None:
        if step == self.after:
            self.gate.pass_once()


def _second_begins_when_first_stands(
    pool: ThreadPoolExecutor,
    first: Callable[[DatabaseLedger], list[Outcome]],
    second: Callable[[], object],
    *,
    after: str,
) -> list[Outcome]:
    """Stop the first worker after a step until the second is done or waits for it."""
    gate = Gate()
    ahead = pool.submit(alone, lambda: first(_Stops(gate, after)))
    gate.wait_for_arrival()
    behind: Future[object] = pool.submit(alone, second)
    wait_until(
        lambda: behind.done() or _is_anybody_waiting(),
        "the second worker was done or met a lock of the first",
        limit_seconds=LIMIT_SECONDS,
    )
    gate.open()
    behind.result(LIMIT_SECONDS)
    return ahead.result(LIMIT_SECONDS)


def _is_anybody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        (count,) = cursor.fetchone()
    return bool(count)


def _rules(world: World) -> None:
    """Make what holds w1 until `hot` resolves, and what asks for w1 and w2.

    The event that resolves `hot` asks for w2, and one of type LOST for both.
    """
    world.threshold("hot")
    world.detector("calm", trigger=["data.value lt 5"])
    world.detector("lost", event_type=LOST)
    world.workflow("w1", "hot", "lost", carries=[LATE], interval=300)
    world.workflow("w2", "calm", "lost", interval=300)


def _judged(*events: Event) -> Callable[[DatabaseLedger], list[Outcome]]:
    now = events[0].accepted_at
    return lambda ledger: process(events, ledger, now)


def _held() -> Mapping[str, bool]:
    now = Firing.objects.latest("pk").decided_at
    return {
        row.workflow.slug: row.held_until > now
        for row in ActionInterval.objects.select_related("workflow")
    }


def test_publish__frees_one_interval_and_takes_a_higher_one(
    world: World, pool: ThreadPoolExecutor
) -> None:
    _rules(world)
    world.one(value=11)
    world.process(world.event(type=LOST, subject="other"))
    ends, asks = world.event(value=1), world.event(type=LOST)

    (outcome,) = _second_begins_when_first_stands(
        pool,
        _judged(ends),
        lambda: _judged(asks)(DatabaseLedger()),
        after="acquire",
    )

    assert fates(outcome)["w2"] == [("email", "sent")]
    first = Firing.objects.filter(subject="cart-7").earliest("pk")
    assert (first.state, first.reason) == ("cancelled", "resolved")
    assert _held() == {"w1": True, "w2": True}


def test_publish__frees_and_takes_where_no_row_is_yet(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.detector("calm", trigger=["data.value lt 5"])
    world.detector("lost", event_type=LOST)
    world.workflow("w1", "calm", "lost", interval=300)
    world.workflow("w2", "hot", "lost", carries=[LATE], interval=300)
    world.one(value=11)
    ends, asks = world.event(value=1), world.event(type=LOST)

    (outcome,) = _second_begins_when_first_stands(
        pool, _judged(ends), lambda: _judged(asks)(DatabaseLedger()), after="acquire"
    )

    assert fates(outcome)["w1"] == [("email", "sent")]
    assert _held() == {"w1": True, "w2": True}


def test_publish__cancels_a_firing_that_another_worker_ends(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.detector("calm", trigger=["data.value lt 5"])
    world.workflow("tell", "hot", "calm", carries=[LATE], interval=300)
    world.one(value=11)
    waiting = Firing.objects.get()

    def end() -> None:
        with transaction.atomic():
            end_firings(
                {waiting.uuid: "recorded"},
                FiringState.CANCELLED,
                Reason.SNOOZED,
                now=world.clock.now(),
                using=options.DATABASE,
            )

    (outcome,) = _second_begins_when_first_stands(
        pool, _judged(world.event(value=1)), end, after="acquire"
    )

    assert fates(outcome) == {"tell": [("page", "interval"), ("page", "not_told")]}
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("cancelled", "resolved")


def test_publish__a_batch_in_parts_takes_all_it_needs_in_order(
    world: World, pool: ThreadPoolExecutor
) -> None:
    _rules(world)
    world.one(value=11)
    batch = [world.event(value=1), world.event(type=LOST)]

    said = _second_begins_when_first_stands(
        pool,
        _judged(*batch),
        lambda: _judged(world.event(type=LOST))(DatabaseLedger()),
        after="acquire",
    )

    assert fates(said[0])["w2"] == [("email", "sent")]
    assert fates(said[1]) == {
        "w1": [("page", "waiting")],
        "w2": [("email", "interval")],
    }
    assert _held() == {"w1": True, "w2": True}


def test_resolve__firing_that_starts_meanwhile_is_told_of_the_end(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[LATE])
    world.one(value=11)
    world.at(60)
    pairs = world.claim()

    (outcome,) = _second_begins_when_first_stands(
        pool,
        _judged(world.event(value=1)),
        lambda: world.executor.execute(pairs),
        after="told",
    )

    assert fates(outcome) == {"tell": [("page", "sent")]}
    assert world.firings() == [
        ("page", "succeeded", "sent"),
        ("page", "due", "sent"),
    ]
