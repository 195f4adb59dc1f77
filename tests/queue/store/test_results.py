import logging
import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft, item_in, row
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models import Firing, WorkItem
from workflow_engine.queue import (
    Done,
    begin,
    cancel,
    claim,
    enqueue,
    finish,
    finish_many,
    give_up,
    interrupt,
    lapse,
    put_off,
    release,
    renew,
    retry,
)

HOUR = timedelta(hours=1)
ERROR = ValueError("no such address")


@pytest.mark.django_db
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["no jitter", "all jitter"])
def test_release__backs_off_and_is_dead_after_the_last_attempt(share: float) -> None:
    item = enqueue(draft(max_attempts=4), now=NOW, direct=True)
    now, token, waits = NOW, item.token, []

    for attempt in range(1, 5):
        begin([(item.id, token)], now=now, worker="worker-1")
        release(item.id, token, attempt, now=now, error=ERROR, random=lambda: share)
        waits.append((row(item.id).due_at - now).total_seconds())
        now = row(item.id).due_at
        for claimed in claim(now=now, limit=1):
            token = claimed.token

    longest = [10, 30, 90]
    assert waits[:3] == [pytest.approx(n * (1 - 0.2 * share)) for n in longest]
    assert row(item.id).state == "dead"
    assert (row(item.id).attempts, row(item.id).error_class) == (4, "ValueError")


@pytest.mark.django_db
def test_release__at_the_time_that_was_asked_for() -> None:
    item = item_in("running")

    state = release(
        item.pk, 1, 1, now=NOW, error=ERROR, due_at=NOW + timedelta(seconds=5)
    )

    assert state == "scheduled"
    assert row(item.pk).due_at == NOW + timedelta(seconds=5)


@pytest.mark.django_db
def test_release__of_another_attempt_is_refused() -> None:
    item = item_in("running")

    state = release(item.pk, 1, 2, now=NOW, error=ERROR)

    assert state is None
    assert row(item.pk).state == "running"


@pytest.mark.django_db
def test_give_up__dead_after_one_attempt() -> None:
    item = item_in("running")

    state = give_up(item.pk, 1, now=NOW, error=ERROR)

    assert (state, row(item.pk).attempts) == ("dead", 1)


@pytest.mark.django_db
def test_finish__late_but_nobody_else_was_given_it() -> None:
    item = item_in("running")
    lapse(now=NOW + HOUR, limit=10)

    counts = finish(item.pk, 1, 1, now=NOW + HOUR, result={"sent": 1})

    found = row(item.pk)
    assert counts
    assert (found.state, found.result) == ("done", {"sent": 1})
    assert claim(now=NOW + 2 * HOUR, limit=10) == []


@pytest.mark.django_db
def test_finish__late_and_somebody_else_has_it() -> None:
    item = item_in("running")
    lapse(now=NOW + HOUR, limit=10)
    (claimed,) = claim(now=NOW + 2 * HOUR, limit=10)

    late = finish(item.pk, 1, 1, now=NOW + 2 * HOUR)

    begin([claimed.pair], now=NOW + 2 * HOUR, worker="worker-2")
    assert not late
    assert claimed.token == 2
    assert finish(item.pk, 2, 2, now=NOW + 2 * HOUR)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["interrupted", "put off"])
def test_finish__refused_once_the_attempt_was_given_back(how: str) -> None:
    item = item_in("running")
    if how == "interrupted":
        interrupt([(item.pk, 1)], now=NOW)
    else:
        put_off(item.pk, 1, now=NOW, due_at=NOW + HOUR)

    late = [finish(item.pk, 1, attempt, now=NOW) for attempt in (0, 1)]

    assert late == [False, False]
    assert row(item.pk).state == "scheduled"


@pytest.mark.django_db
def test_finish_many__one_refused_does_not_touch_the_others(
    django_assert_num_queries: Any,
) -> None:
    mine, dead = item_in("running"), item_in("dead")
    last = item_in("running")

    with django_assert_num_queries(1):
        counted = finish_many(
            [
                Done(id=mine.pk, token=1, attempt=1, result=[1, "two", None]),
                Done(id=dead.pk, token=1, attempt=1),
                Done(id=last.pk, token=1, attempt=1),
            ],
            now=NOW,
        )

    assert counted == {(mine.pk, 1), (last.pk, 1)}
    assert row(mine.pk).result == [1, "two", None]
    assert WorkItem.objects.get(pk=last.pk, result__isnull=True).state == "done"
    assert row(dead.pk).state == "dead"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "result",
    [object(), {"value": float("nan")}, "x" * 4095, "\0"],
    ids=["no JSON", "nan", "long", "zero"],
)
def test_finish__result_that_cannot_be_kept(
    result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    item = item_in("running")

    with caplog.at_level(logging.WARNING):
        counts = finish(item.pk, 1, 1, now=NOW, result=result)

    assert counts
    assert (row(item.pk).state, row(item.pk).result) == ("done", None)
    assert "dropped" in caplog.text


@pytest.mark.django_db
def test_put_off__attempts_are_given_back_or_all_reset() -> None:
    attempts = {}

    for resets in (False, True):
        item = item_in("running")
        WorkItem.objects.filter(pk=item.pk).update(attempts=3)
        put_off(item.pk, 1, now=NOW, due_at=NOW + HOUR, resets_attempts=resets)
        attempts[resets] = row(item.pk).attempts

    assert attempts == {False: 2, True: 0}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({"event": {"id": "8c1"}, "detection": {"value": 7}, "n": 1}, {"n": 1}),
        ({"detection": {"value": 7}}, {}),
        (
            {"inner": {"event": 1, "detection": 2}},
            {"inner": {"event": 1, "detection": 2}},
        ),
        (["event", "detection"], ["event", "detection"]),
    ],
)
def test_payload__loses_event_and_detection_at_its_end(payload: Any, kept: Any) -> None:
    done, cancelled, dead = (item_in("running") for _ in range(3))
    WorkItem.objects.update(payload=payload)

    finish(done.pk, 1, 1, now=NOW)
    cancel(cancelled.pk, now=NOW)
    interrupt([(cancelled.pk, 1)], now=NOW)
    give_up(dead.pk, 1, now=NOW, error=ERROR)

    ended = [row(item.pk) for item in (done, cancelled, dead)]
    assert [item.state for item in ended] == ["done", "cancelled", "dead"]
    assert [item.payload for item in ended] == [kept, kept, payload]


@pytest.mark.django_db
def test_wish__beats_every_way_to_end_but_done() -> None:
    verbs: dict[str, Any] = {
        "release": lambda n: release(n, 1, 1, now=NOW, error=ERROR),
        "give_up": lambda n: give_up(n, 1, now=NOW, error=ERROR),
        "interrupt": lambda n: interrupt([(n, 1)], now=NOW)[n],
        "put_off": lambda n: put_off(n, 1, now=NOW, due_at=NOW + HOUR),
        "lapse": lambda n: lapse(now=NOW + HOUR, limit=10)[n],
    }
    states = {}

    for name, verb in verbs.items():
        item = item_in("running")
        cancel(item.pk, now=NOW)
        states[name] = (verb(item.pk), row(item.pk).state)
        assert row(item.pk).payload == {"workflow": 7}, name

    item = item_in("running")
    cancel(item.pk, now=NOW)
    states["finish"] = (finish(item.pk, 1, 1, now=NOW), row(item.pk).state)
    cancelled = ("cancelled", "cancelled")
    assert states == {**dict.fromkeys(verbs, cancelled), "finish": (True, "done")}


@pytest.mark.django_db
def test_retry__gives_all_attempts_again_under_a_new_token() -> None:
    dead, done = item_in("dead"), item_in("done")

    retried = retry([dead.pk, done.pk, dead.pk, 10**9], now=NOW + HOUR)

    (claimed,) = claim(now=NOW + HOUR, limit=10)
    (begun,) = begin([claimed.pair], now=NOW + HOUR, worker="worker-1")
    assert retried == [dead.pk]
    assert (begun.token, begun.attempt) == (3, 1)
    assert begun.payload == {"event": {"id": "8c1"}, "workflow": 7}


@pytest.mark.django_db
def test_begin__says_all_a_handler_needs() -> None:
    firing = Firing.objects.create(
        uuid=uuid.uuid4(), trace_id=uuid.uuid4(), action_slug="email-ops"
    )
    made = [
        draft(
            firing_id=firing.uuid, lane="act:email", subject="cart-7", max_attempts=1
        ),
        draft(dedupe_key="d"),
        draft(),
    ]
    pairs = [
        (item.id, item.token)
        for item in (enqueue(one, now=NOW, direct=True) for one in made)
    ]

    begun = begin(pairs[::-1], now=NOW + HOUR, worker="worker-1")[::-1]

    first = begun[0]
    assert [one.idempotency_key for one in begun] == [
        str(firing.uuid),
        "d",
        f"wi-{pairs[2][0]}",
    ]
    assert [(one.id, one.token) for one in begun] == pairs
    assert (first.kind, first.lane, first.subject) == ("act", "act:email", "cart-7")
    assert (first.attempt, first.max_attempts, first.is_last_attempt) == (1, 1, True)
    assert (first.firing_id, first.created_at) == (firing.uuid, NOW)
    assert first.lease_ends_at == NOW + HOUR + timedelta(seconds=120)
    assert not begun[1].is_last_attempt


@pytest.mark.django_db
def test_begin__the_same_pair_twice_in_one_call_begins_once() -> None:
    item = item_in("sent")

    begun = begin([(item.pk, 1), (item.pk, 1)], now=NOW, worker="worker-1")

    assert [one.attempt for one in begun] == [1]


@pytest.mark.django_db
def test_begin__worker_without_a_name_is_refused() -> None:
    item = item_in("sent")

    with pytest.raises(InvalidItem, match="worker"):
        begin([(item.pk, 1)], now=NOW, worker="")

    assert row(item.pk).state == "sent"


@pytest.mark.django_db
def test_renew__tells_of_the_wish() -> None:
    wished, other, lost = item_in("running"), item_in("running"), item_in("done")
    cancel(wished.pk, now=NOW)

    renewed = renew(
        [(wished.pk, 1), (other.pk, 1), (lost.pk, 1)], now=NOW, worker="worker-1"
    )

    assert renewed == {(wished.pk, 1): True, (other.pk, 1): False}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("cannot reach mail.example.com", "cannot reach mail.example.com"),
        ("api_token=abc123&page=2", "api_token=[redacted]&page=2"),
        ("{'password': 'a b', 'user': 'x'}", "{'password': [redacted], 'user': 'x'}"),
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ("POST https://me:hush@host/x failed", "POST https://[redacted]@host/x failed"),
        ("a\0b", "ab"),
        ("ü" * 2000, "ü" * 1024),
        ("\ud800", "?"),
    ],
    ids=["plain", "query", "dict", "header", "url", "zero", "long", "surrogate"],
)
def test_error__is_kept_bounded_and_without_secrets(message: str, kept: str) -> None:
    item = item_in("running")

    give_up(item.pk, 1, now=NOW, error=ValueError(message))

    assert row(item.pk).error == kept
