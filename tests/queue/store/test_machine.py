"""The store against a model in plain Python, in orders nobody wrote down."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.queue.items import NOW, draft
from workflow_engine import queue
from workflow_engine.models import WorkItem

WAITS = {1: 10, 2: 30, 3: 90, 4: 270}  # seconds of back-off without jitter
HANDOFF, LEASE = timedelta(seconds=30), timedelta(seconds=120)
ERROR = ValueError("no such address")

which = st.integers(0, 3)  # of the items, by age
lag = st.integers(0, 1)  # how far the caller's token or attempt is behind


@dataclass
class Item:
    """What the row should say."""

    due_at: datetime
    max_attempts: int
    state: str = "scheduled"
    rev: int = 1
    token: int = 0
    sends: int = 0
    attempts: int = 0
    lease_ends_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    payload: dict[str, Any] = field(default_factory=lambda: dict(draft().payload))

    def move(self, state: str, **changes: Any) -> None:
        self.state = state
        self.rev += 1
        if state not in {"sent", "running"}:
            self.lease_ends_at = None
        for name, value in changes.items():
            setattr(self, name, value)

    def end(self, state: str, now: datetime) -> None:
        self.move(state, finished_at=now)
        if state != "dead":
            self.payload = {"workflow": 7}

    def fail(self, now: datetime, due_at: datetime) -> None:
        if self.cancel_requested_at:
            self.end("cancelled", now)
        elif self.attempts >= self.max_attempts:
            self.end("dead", now)
        else:
            self.move("scheduled", due_at=due_at)

    def wait(self, due_at: datetime) -> datetime:
        return due_at + timedelta(seconds=WAITS.get(self.attempts, 0))


class StoreMachine(RuleBasedStateMachine):
    """Each rule does the same to the row and to the model."""

    @initialize()
    def start(self) -> None:
        WorkItem.objects.all().delete()
        self.now = NOW
        self.items: dict[int, Item] = {}
        self.begun: set[tuple[int, int]] = set()

    def _pick(self, n: int) -> tuple[int, Item]:
        ids = sorted(self.items)
        if not ids:
            self.enqueue(direct=True, seconds=0, max_attempts=2)
            ids = sorted(self.items)
        item_id = ids[n % len(ids)]
        return item_id, self.items[item_id]

    @rule(
        direct=st.booleans(),
        seconds=st.sampled_from([-60, 0, 60]),
        max_attempts=st.integers(1, 4),
    )
    def enqueue(self, direct: bool, seconds: int, max_attempts: int) -> None:
        if len(self.items) > 3:
            return
        due_at = self.now + timedelta(seconds=seconds)
        made = draft(due_at=due_at, max_attempts=max_attempts)
        item = queue.enqueue(made, now=self.now, direct=direct)
        expected = Item(due_at=due_at, max_attempts=max_attempts)
        if direct and seconds <= 0:
            expected.state = "sent"
            expected.token = expected.sends = 1
            expected.lease_ends_at = self.now + HANDOFF
        self.items[item.id] = expected

    @rule(seconds=st.sampled_from([1, 31, 121, 400]))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def claim(self) -> None:
        claimed = {one.pair for one in queue.claim(now=self.now, limit=10)}
        expected = set()
        for item_id, item in self.items.items():
            if item.state == "scheduled" and item.due_at <= self.now:
                item.move(
                    "sent",
                    token=item.token + 1,
                    sends=1,
                    lease_ends_at=self.now + HANDOFF,
                )
                expected.add((item_id, item.token))
        assert claimed == expected

    @rule()
    def resend(self) -> None:
        sent = {one.pair for one in queue.resend(now=self.now, limit=10)}
        expected = set()
        for item_id, item in self.items.items():
            if item.state == "sent" and self._is_over(item):
                lease = min(HANDOFF * 2**item.sends, timedelta(hours=1))
                item.move("sent", sends=item.sends + 1, lease_ends_at=self.now + lease)
                expected.add((item_id, item.token))
        assert sent == expected

    @rule()
    def lapse(self) -> None:
        lapsed = queue.lapse(now=self.now, limit=10, random=lambda: 0.0)
        expected = {}
        for item_id, item in self.items.items():
            if item.state == "running" and self._is_over(item):
                item.fail(self.now, item.wait(self.now))
                expected[item_id] = item.state
        assert lapsed == expected

    @rule(n=which, lag=lag)
    def begin(self, n: int, lag: int) -> None:
        item_id, item = self._pick(n)
        pair = (item_id, item.token - lag)
        begun = queue.begin([pair], now=self.now, worker="worker-1")
        is_legal = item.state == "sent" and lag == 0
        if is_legal:
            assert pair not in self.begun, "a token is begun at most once"
            self.begun.add(pair)
            item.move(
                "running",
                attempts=item.attempts + 1,
                lease_ends_at=self.now + LEASE,
            )
        assert [one.attempt for one in begun] == [item.attempts] * is_legal

    @rule(n=which, lag=lag)
    def renew(self, n: int, lag: int) -> None:
        item_id, item = self._pick(n)
        pair = (item_id, item.token - lag)
        renewed = queue.renew([pair], now=self.now, worker="worker-1")
        expected = {}
        if item.state == "running" and lag == 0:
            item.move("running", lease_ends_at=self.now + LEASE)
            expected = {pair: item.cancel_requested_at is not None}
        assert renewed == expected

    @rule(n=which, lag=lag, behind=lag)
    def finish(self, n: int, lag: int, behind: int) -> None:
        item_id, item = self._pick(n)
        token, attempt = item.token - lag, item.attempts - behind
        counts = queue.finish(item_id, token, attempt, now=self.now)
        is_legal = (
            item.state in {"running", "scheduled"}
            and lag == behind == 0
            and item.attempts >= 1
        )
        if is_legal:
            item.end("done", self.now)
        assert counts == is_legal

    @rule(n=which, lag=lag, behind=lag)
    def release(self, n: int, lag: int, behind: int) -> None:
        item_id, item = self._pick(n)
        state = queue.release(
            item_id,
            item.token - lag,
            item.attempts - behind,
            now=self.now,
            error=ERROR,
            random=lambda: 0.0,
        )
        if item.state == "running" and lag == behind == 0:
            item.fail(self.now, item.wait(self.now))
            assert state == item.state
        else:
            assert state is None

    @rule(n=which, lag=lag)
    def give_up(self, n: int, lag: int) -> None:
        item_id, item = self._pick(n)
        queue.give_up(item_id, item.token - lag, now=self.now, error=ERROR)
        if item.state == "running" and lag == 0:
            item.end("cancelled" if item.cancel_requested_at else "dead", self.now)

    @rule(n=which, lag=lag)
    def interrupt(self, n: int, lag: int) -> None:
        item_id, item = self._pick(n)
        queue.interrupt([(item_id, item.token - lag)], now=self.now)
        if item.state == "running" and lag == 0:
            self._go_on(item, item.attempts - 1, self.now)

    @rule(n=which, lag=lag, resets=st.booleans())
    def put_off(self, n: int, lag: int, resets: bool) -> None:
        item_id, item = self._pick(n)
        due_at = self.now + timedelta(seconds=5)
        queue.put_off(
            item_id,
            item.token - lag,
            now=self.now,
            due_at=due_at,
            resets_attempts=resets,
        )
        if item.state == "running" and lag == 0:
            self._go_on(item, 0 if resets else item.attempts - 1, due_at)

    @rule(n=which, lag=lag)
    def unsend(self, n: int, lag: int) -> None:
        item_id, item = self._pick(n)
        queue.unsend([(item_id, item.token - lag)])
        if item.state == "sent" and lag == 0:
            item.move("scheduled")

    @rule(n=which)
    def cancel(self, n: int) -> None:
        item_id, item = self._pick(n)
        answer = queue.cancel(item_id, now=self.now)
        if item.state == "running":
            wished = item.cancel_requested_at or self.now
            item.move("running", cancel_requested_at=wished)
            assert answer == "requested"
        elif item.state in {"scheduled", "sent"}:
            item.end("cancelled", self.now)
            assert answer == "cancelled"
        else:
            assert answer == "too_late"

    @rule(n=which, seconds=st.sampled_from([0, 45]))
    def reschedule(self, n: int, seconds: int) -> None:
        item_id, item = self._pick(n)
        due_at = self.now + timedelta(seconds=seconds)
        queue.reschedule(item_id, now=self.now, due_at=due_at)
        if item.state == "scheduled":
            item.move("scheduled", due_at=due_at)

    @rule(n=which)
    def retry(self, n: int) -> None:
        item_id, item = self._pick(n)
        queue.retry([item_id], now=self.now)
        if item.state == "dead":
            item.move(
                "scheduled",
                token=item.token + 1,
                attempts=0,
                due_at=self.now,
                finished_at=None,
            )

    @invariant()
    def rows_say_what_the_model_says(self) -> None:
        names = list(Item.__dataclass_fields__)
        rows = {found["id"]: found for found in WorkItem.objects.values("id", *names)}
        for item_id, item in self.items.items():
            found = rows.pop(item_id)
            assert {name: found[name] for name in names} == vars(item)
        assert rows == {}

    def _is_over(self, item: Item) -> bool:
        return item.lease_ends_at is not None and item.lease_ends_at < self.now

    def _go_on(self, item: Item, attempts: int, due_at: datetime) -> None:
        if item.cancel_requested_at:
            item.end("cancelled", self.now)
        else:
            item.move("scheduled", attempts=attempts, due_at=due_at)


@pytest.mark.django_db
def test_store__does_what_the_model_does_in_any_order() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=hypothesis_settings(
            max_examples=40, stateful_step_count=40, deadline=None
        ),
    )
