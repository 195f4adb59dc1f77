"""Two workers, one event or one subject: whatever the order, each effect comes once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.processing.races import LIMIT_SECONDS, Gate, alone, at_once
from tests.processing.world import START, Carry, World, changes, reasons
from workflow_engine.models import ActionInterval, DetectorState, Firing, WorkItem
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROUNDS = 50


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return threads for two workers."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def _worker(*events: Event, now: datetime = START) -> Callable[[], list[Outcome]]:
    return lambda: process(events, DatabaseLedger(), now)


class _StopsAfterReading(DatabaseLedger):
    """Waits at a gate once it has read the states."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate
        self.locked: list[bool] = []

    def states(
        self, keys: Collection[SubjectKey], *, lock: bool = False
    ) -> dict[SubjectKey, State]:
        found = super().states(keys, lock=lock)
        self.locked.append(lock)
        self.gate.pass_once()
        return found


class _StopsBeforeCommit(DatabaseLedger):
    """Waits at a gate once everything is written."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def write(self, effects: Effects, now: datetime) -> None:
        super().write(effects, now)
        self.gate.pass_once()


@pytest.mark.parametrize("is_fresh", [True, False], ids=["fresh row", "expired row"])
def test_interval__one_of_two_workers_fires(
    world: World, pool: ThreadPoolExecutor, is_fresh: bool
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)

    for number in range(ROUNDS):
        subject = f"cart-{number}"
        if not is_fresh:
            world.at(0).one(subject=subject)
        world.at(300)
        events = [world.event(subject=subject) for _ in range(2)]
        now = world.clock.now()
        said = at_once(pool, [_worker(event, now=now) for event in events])
        outcomes = [one for found in said for one in found]
        assert sorted(reasons(outcomes)) == ["interval", "sent"]
        acted = Firing.objects.filter(subject=subject, decided_at=now)
        assert acted.count() == 1
        held = ActionInterval.objects.get(subject=subject)
        assert held.held_until == now + timedelta(seconds=300)


def test_duplicate__two_workers_and_one_event(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", interval=300)

    for number in range(ROUNDS):
        event = world.event(f"e{number}", subject=f"cart-{number}", value=11)
        said = at_once(pool, [_worker(event), _worker(event)])
        told = {reason for found in said for reason in reasons(found)}
        assert told in ({"sent", "duplicate_event"}, {"sent", "unchanged"})
        assert Firing.objects.filter(subject=event.subject).count() == 1
        assert WorkItem.objects.filter(subject=event.subject).count() == 1
        assert DetectorState.objects.get(subject=event.subject).version == 1


def test_duplicate__waits_for_the_commit_of_the_other(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    event, gate = world.event("e1"), Gate()
    first = pool.submit(
        alone, lambda: process([event], _StopsBeforeCommit(gate), START)
    )
    gate.wait_for_arrival()

    second = pool.submit(alone, _worker(event))
    gate.open()

    said = [*first.result(LIMIT_SECONDS), *second.result(LIMIT_SECONDS)]
    assert reasons(said) == ["sent", "duplicate_event"]
    assert Firing.objects.count() == 1


def test_state__two_workers_one_breach_each(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot")
    world.one("other", subject="cart-7", value=5)
    events = [world.event(f"e{n}", value=11) for n in range(2)]
    gate = Gate()
    ledger = _StopsAfterReading(gate)
    first = pool.submit(alone, lambda: process([events[0]], ledger, START))
    gate.wait_for_arrival()

    second = process([events[1]], DatabaseLedger(), START)
    gate.open()

    said = changes([*second, *first.result(LIMIT_SECONDS)])
    assert said == ["counting", "opened"]
    assert DetectorState.objects.get().version == 3
    assert Firing.objects.count() == 1
    assert ledger.locked == [False, False]


def test_state__two_workers_and_a_subject_never_seen(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot")

    for number in range(ROUNDS):
        subject = f"cart-{number}"
        events = [world.event(subject=subject, value=11) for _ in range(2)]
        said = at_once(pool, [_worker(event) for event in events])
        found = sorted(changes(outcome for one in said for outcome in one))
        assert found == ["counting", "opened"]
        assert DetectorState.objects.get(subject=subject).version == 2


class _AlwaysOvertaken(DatabaseLedger):
    """Loses every race it can lose: another event comes in after each unlocked read."""

    def __init__(self, come_first: Callable[[], object]) -> None:
        super().__init__()
        self.come_first = come_first
        self.locked: list[bool] = []

    def states(
        self, keys: Collection[SubjectKey], *, lock: bool = False
    ) -> dict[SubjectKey, State]:
        found = super().states(keys, lock=lock)
        self.locked.append(lock)
        if not lock:
            self.come_first()
        return found


def test_state__row_is_locked_after_five_lost_races(world: World) -> None:
    world.threshold("hot", breaches=100)
    world.one(value=11)
    ledger = _AlwaysOvertaken(lambda: world.one(value=11))

    (outcome,) = process([world.event(value=11)], ledger, START)

    assert outcome.detections[0].reason == "counting"
    assert ledger.locked == [False] * 5 + [True]
    state = DetectorState.objects.get()
    assert state.streaks == {"high": 7}
    assert state.version == 7


def test_batches__in_opposite_order_do_not_wait_for_each_other(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", interval=300)

    def batch(order: Sequence[str], values: Iterator[int]) -> list[Event]:
        value = next(values)
        return [world.event(subject=subject, value=value) for subject in order]

    subjects = [f"cart-{n}" for n in range(20)]
    values = iter([value for _ in range(10) for value in (11, 1)] * 2)
    for _ in range(10):
        forth, back = batch(subjects, values), batch(subjects[::-1], values)
        said = at_once(pool, [_worker(*forth), _worker(*back)])
        assert [len(one) for one in said] == [20, 20]


def test_resolve__cancels_or_lets_run_but_not_both(
    world: World, pool: ThreadPoolExecutor
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[Carry(action="page", delay=60)])

    for number in range(20):
        subject = f"cart-{number}"
        world.at(0).one(subject=subject, value=11)
        world.at(60)
        ends = world.event(subject=subject, value=1)
        pairs = world.claim()
        at_once(
            pool,
            [
                lambda pairs=pairs: world.executor.execute(pairs),  # type: ignore[misc] # bound now
                lambda ends=ends: len(process([ends], DatabaseLedger(), START)),  # type: ignore[misc] # bound now
            ],
        )
        firing = Firing.objects.select_related("item").get(subject=subject)
        assert (firing.state, firing.item.state) in {
            ("succeeded", "done"),
            ("cancelled", "cancelled"),
            ("cancelled", "done"),
        }
