"""A pause: items are accepted, none is claimed or begun, and none is lost."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft, item_in, row
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from tests.waiting import wait_until
from workflow_engine import clock as clocks
from workflow_engine import queue
from workflow_engine.clock import ManualClock
from workflow_engine.exceptions import InvalidPause
from workflow_engine.models import Pause, WorkItem
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import Begun, Dispatcher, Pair, Runner, StoreReader
from workflow_engine.queue.pausing import current, pause, resume

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
END = NOW + 10 * MINUTE


class Kept:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    def __call__(self, pairs: Sequence[Pair]) -> None:
        self.pairs += pairs


def _facts(item: WorkItem) -> dict[str, Any]:
    names = ("state", "token", "attempts", "due_at", "lease_ends_at", "worker")
    return {name: getattr(row(item.pk), name) for name in names}


@pytest.mark.django_db
def test_claim__nothing_in_a_pause_and_all_at_its_end() -> None:
    items = [item_in("scheduled", subject=f"cart-{n}") for n in range(3)]
    pause(now=NOW, until=END, by="anna", why="deploy")

    before = queue.claim(now=END - SECOND, limit=10)
    after = queue.claim(now=END, limit=10)

    assert before == []
    assert {one.id for one in after} == {item.pk for item in items}


@pytest.mark.django_db
def test_begin__message_that_arrives_in_a_pause_is_neither_lost_nor_an_attempt() -> (
    None
):
    item = item_in("sent")
    pause(now=NOW, until=END)

    begun = queue.begin([(item.pk, 1)], now=END - SECOND, worker="worker-2")

    (claimed,) = queue.claim(now=END, limit=10)
    (again,) = queue.begin([claimed.pair], now=END, worker="worker-2")
    old = queue.begin([(item.pk, 1)], now=END, worker="worker-3")
    assert (begun, old) == ([], [])
    assert (claimed.pair, again.attempt) == ((item.pk, 2), 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "lasting", [None, 10 * MINUTE], ids=["until resumed", "10 min"]
)
@pytest.mark.parametrize("resends", [0, 6], ids=["sent once", "sent again and again"])
def test_begin__given_back_as_it_was(lasting: timedelta | None, resends: int) -> None:
    item, now = item_in("sent"), NOW
    for _ in range(resends):
        now += HOUR
        queue.resend(now=now, limit=10)
    pause(now=now, until=None if lasting is None else now + lasting)

    queue.begin([(item.pk, 1)], now=now + MINUTE, worker="worker-2")

    assert _facts(item) == {
        "state": "scheduled",
        "token": 1,
        "attempts": 0,
        "due_at": NOW,
        "lease_ends_at": None,
        "worker": "",
    }


@pytest.mark.django_db
def test_resend__nothing_in_a_pause() -> None:
    item = item_in("sent")
    pause(now=NOW, until=END)

    before = queue.resend(now=END - SECOND, limit=10)
    after = queue.resend(now=END, limit=10)

    assert before == []
    assert [one.pair for one in after] == [(item.pk, 1)]


@pytest.mark.django_db
def test_pause__what_runs_is_renewed_and_ends_as_usual() -> None:
    item = item_in("running")
    pause(now=NOW)

    renewed = queue.renew([(item.pk, 1)], now=NOW + MINUTE, worker="worker-1")
    is_done = queue.finish(item.pk, 1, 1, now=NOW + MINUTE)

    assert (renewed, is_done) == ({(item.pk, 1): False}, True)


@pytest.mark.django_db
def test_pause__items_are_accepted() -> None:
    pause(now=NOW)

    enqueued = queue.enqueue_many([draft(), draft(key="k")], now=NOW, direct=True)

    assert [one.created for one in enqueued] == [True, True]
    assert WorkItem.objects.live().count() == 2


@pytest.mark.django_db
def test_resume__says_whether_a_pause_lasted() -> None:
    pause(now=NOW, until=END)
    found = current(NOW)

    answers = (resume(now=NOW), resume(now=NOW))

    assert found is not None
    assert found.until == END
    assert answers == (True, False)
    assert current(NOW) is None


@pytest.mark.django_db
def test_pause__second_one_takes_the_place_of_the_first() -> None:
    pause(now=NOW, until=END, by="anna", why="deploy")
    pause(now=NOW + MINUTE, by="ben")

    found = current(END + MINUTE)

    assert found is not None
    assert (found.since, found.until) == (NOW + MINUTE, None)
    assert (found.by, found.why) == ("ben", "")
    assert Pause.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        {"until": NOW},
        {"until": END.replace(tzinfo=None)},
        {"why": "x" * 201},
    ],
    ids=["over already", "no time zone", "too long"],
)
def test_pause__refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidPause):
        pause(now=NOW, **given)

    assert current(NOW) is None


@pytest.mark.django_db
def test_pass__no_claim_is_tried_in_a_pause_and_the_next_pass_is_at_its_end(
    django_assert_num_queries: Any,
) -> None:
    clock, send = ManualClock(NOW + MINUTE), Kept()
    dispatcher = Dispatcher(send=send, clock=clock, reader=StoreReader())
    scheduled, sent = item_in("scheduled"), item_in("sent", subject="cart-2")
    pause(now=NOW, until=END)

    with django_assert_num_queries(3):  # what is coming, lost runs, what is coming
        dispatcher.run_once()
    foreseen = dispatcher.next_due()
    clock.move_to(END)
    dispatcher.run_once()

    assert foreseen == END
    assert sorted(send.pairs) == sorted([(scheduled.pk, 1), (sent.pk, 1)])


@pytest.mark.django_db
def test_pass__pause_that_somebody_has_to_end_foresees_nothing() -> None:
    clock = ManualClock(NOW)
    dispatcher = Dispatcher(send=Kept(), clock=clock, reader=StoreReader())
    item_in("scheduled")
    pause(now=NOW)

    dispatcher.run_once()

    assert dispatcher.next_due() is None


@pytest.mark.django_db
def test_pass__pause_that_begins_after_the_look_holds() -> None:
    class PausedBetween(StoreReader):
        def take(self, **given: Any) -> Any:
            pause(now=NOW, until=END)
            return super().take(**given)

    item, send = item_in("scheduled"), Kept()
    dispatcher = Dispatcher(send=send, clock=ManualClock(NOW), reader=PausedBetween())

    dispatcher.run_once()

    assert (send.pairs, dispatcher.next_due()) == ([], END)
    assert row(item.pk).state == "scheduled"


@pytest.mark.django_db(transaction=True)
def test_execute__direct_item_in_a_pause_waits_and_is_carried_out() -> None:
    """Two runners; the pause comes between the claim of one and the begin."""
    clock, send = ManualClock(NOW), Kept()
    dispatchers = [
        Dispatcher(send=send, clock=clock, reader=StoreReader()) for _ in range(2)
    ]
    executor = Executor(clock, send=None, send_task=None)
    items = queue.enqueue_many(
        [draft(kind="unknown", subject=f"cart-{n}") for n in range(2)],
        now=NOW,
        direct=False,
    )
    dispatchers[0].run_once()  # claims and sends both
    elsewhere(lambda: pause(now=NOW, until=NOW + 3 * SECOND)).result(LIMIT_SECONDS)

    clock.move_to(NOW + SECOND)
    begun_in_pause = executor.execute(send.pairs)
    sent_in_pause = [one.run_once() for one in dispatchers]
    clock.move_to(NOW + 3 * SECOND)
    sent_after = [one.run_once() for one in dispatchers]
    begun_after = executor.execute(send.pairs[2:])

    assert (begun_in_pause, sent_in_pause) == (0, [0, 0])
    assert (sent_after, begun_after) == ([2, 0], 2)
    assert {row(one.id).attempts for one in items} == {1}


class Apart:
    """A runner, and a worker whose clock is behind."""

    def __init__(self, *, behind: timedelta) -> None:
        self._clock, self._behind, self._send = ManualClock(NOW), behind, Kept()
        self._dispatcher = Dispatcher(
            send=self._send, clock=self._clock, reader=StoreReader()
        )
        self.sent_at: list[datetime] = []
        self.begun: list[Begun] = []

    def go(self, at: datetime) -> datetime | None:
        """Send and begin while there is anything to send, and no time passes.

        Return when the runner looks again.
        """
        self._clock.move_to(at)
        while self._dispatcher.run_once():
            self.sent_at.append(at)
            assert len(self.sent_at) <= 10, "the items circle"
            pairs, self._send.pairs = self._send.pairs, []
            self.begun += queue.begin(pairs, now=at - self._behind, worker="worker-2")
        return self._dispatcher.next_due()


@pytest.mark.django_db
def test_end__items_go_to_and_fro_once_a_second_while_a_worker_is_behind() -> None:
    """To the runner the pause is over; to the worker it lasts for two seconds more."""
    items = [item_in("scheduled", subject=f"cart-{n}") for n in range(2)]
    apart = Apart(behind=2 * SECOND)
    pause(now=NOW, until=END)

    next_at = apart.go(END)
    while not apart.begun and next_at is not None:
        next_at = apart.go(next_at)

    assert apart.sent_at == [END, END + SECOND, END + 2 * SECOND]
    assert {(one.id, one.token, one.attempt) for one in apart.begun} == {
        (item.pk, 3, 1) for item in items
    }


@pytest.mark.django_db
def test_resume__what_goes_to_and_fro_is_begun_a_second_later() -> None:
    """However far behind the worker is, and however long past the end is."""
    item, apart = item_in("scheduled"), Apart(behind=24 * HOUR)
    pause(now=NOW, until=END)

    next_at = apart.go(END + HOUR)
    resume(now=END - 23 * HOUR)
    apart.go(END + HOUR + SECOND)

    assert next_at == END + HOUR + SECOND
    assert apart.sent_at == [END + HOUR, next_at]
    assert [(one.id, one.attempt) for one in apart.begun] == [(item.pk, 1)]


class CountingReader(StoreReader):
    """Counts the looks."""

    def __init__(self) -> None:
        self.looks = 0

    def coming(self) -> Any:
        self.looks += 1
        return super().coming()


@pytest.fixture
def runner(settings: Any) -> Iterator[tuple[Runner, CountingReader, Kept]]:
    """Return a runner that would poll once in a minute."""
    settings.WORKFLOW_ENGINE = {"POLL_SECONDS": 60}
    reader, send = CountingReader(), Kept()
    runner = Runner(send=send, reader=reader)
    yield runner, reader, send
    runner.stop(LIMIT_SECONDS)


@pytest.mark.django_db(transaction=True)
def test_runner__sleeps_through_the_pause_and_wakes_at_its_end(
    runner: tuple[Runner, CountingReader, Kept],
) -> None:
    loop, reader, send = runner
    now = clocks.now()
    (item,) = queue.enqueue_many([draft()], now=now, direct=False)
    pause(now=now, until=now + 0.3 * SECOND)

    loop.start()
    wait_until(lambda: bool(send.pairs), "it was sent", limit_seconds=LIMIT_SECONDS)

    assert send.pairs == [(item.id, 1)]
    assert reader.looks <= 5  # two for a pass; one more if a timer rang early
