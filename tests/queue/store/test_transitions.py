"""Every verb from every state: the legal ones move the row, the others leave it alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, STATES, item_in
from workflow_engine import queue
from workflow_engine.models import WorkItem

LATER = NOW + timedelta(hours=1)  # every lease has ended
ERROR = ValueError("no such address")


@dataclass(frozen=True)
class Verb:
    """How it is called for an item, and from where it leads where."""

    call: Callable[[WorkItem], object]
    leads: dict[str, str]
    changes: dict[str, Any] = field(default_factory=dict)


LET_GO = {"lease_ends_at": None, "worker": ""}
VERBS = {
    "claim": Verb(
        lambda _: queue.claim(now=LATER, limit=10),
        {"scheduled": "sent"},
        {"token": 1, "sends": 1, "lease_ends_at": LATER + timedelta(seconds=30)},
    ),
    "resend": Verb(
        lambda _: queue.resend(now=LATER, limit=10),
        {"sent": "sent"},
        {"token": 1, "sends": 2, "lease_ends_at": LATER + timedelta(seconds=60)},
    ),
    "begin": Verb(
        lambda item: queue.begin([(item.pk, 1)], now=LATER, worker="worker-2"),
        {"sent": "running"},
        {
            "attempts": 1,
            "worker": "worker-2",
            "started_at": LATER,
            "lease_ends_at": LATER + timedelta(seconds=120),
        },
    ),
    "renew": Verb(
        lambda item: queue.renew([(item.pk, 1)], now=LATER, worker="worker-1"),
        {"running": "running"},
        {"lease_ends_at": LATER + timedelta(seconds=120)},
    ),
    "finish": Verb(
        lambda item: queue.finish(item.pk, 1, 1, now=LATER, result={"sent": 1}),
        {"running": "done"},
        {**LET_GO, "finished_at": LATER, "result": {"sent": 1}},
    ),
    "release": Verb(
        lambda item: queue.release(
            item.pk, 1, 1, now=LATER, error=ERROR, random=lambda: 0.0
        ),
        {"running": "scheduled"},
        {**LET_GO, "attempts": 1, "due_at": LATER + timedelta(seconds=10)},
    ),
    "give_up": Verb(
        lambda item: queue.give_up(item.pk, 1, now=LATER, error=ERROR),
        {"running": "dead"},
        {**LET_GO, "finished_at": LATER, "error": "no such address"},
    ),
    "interrupt": Verb(
        lambda item: queue.interrupt([(item.pk, 1)], now=LATER),
        {"running": "scheduled"},
        {**LET_GO, "attempts": 0, "due_at": LATER},
    ),
    "put_off": Verb(
        lambda item: queue.put_off(item.pk, 1, now=NOW, due_at=LATER),
        {"running": "scheduled"},
        {**LET_GO, "attempts": 0, "due_at": LATER},
    ),
    "unsend": Verb(
        lambda item: queue.unsend([(item.pk, 1)]),
        {"sent": "scheduled"},
        {**LET_GO, "attempts": 0, "due_at": NOW, "token": 1},
    ),
    "lapse": Verb(
        lambda _: queue.lapse(now=LATER, limit=10, random=lambda: 0.0),
        {"running": "scheduled"},
        {
            **LET_GO,
            "attempts": 1,
            "due_at": LATER + timedelta(seconds=10),
            "error_class": "WorkerLost",
        },
    ),
    "cancel": Verb(
        lambda item: queue.cancel(item.pk, now=LATER),
        {"scheduled": "cancelled", "sent": "cancelled", "running": "running"},
    ),
    "reschedule": Verb(
        lambda item: queue.reschedule(item.pk, now=NOW, due_at=LATER),
        {"scheduled": "scheduled"},
        {"due_at": LATER, "token": 0},
    ),
    "retry": Verb(
        lambda item: queue.retry([item.pk], now=LATER),
        {"dead": "scheduled"},
        {"token": 2, "attempts": 0, "due_at": LATER, "finished_at": None},
    ),
}
NAMES_A_TOKEN = (
    "begin",
    "renew",
    "finish",
    "release",
    "give_up",
    "interrupt",
    "put_off",
    "unsend",
)


def _facts(item_id: int) -> dict[str, Any]:
    return dict(WorkItem.objects.values().get(pk=item_id))


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", VERBS)
def test_verb__from_every_state(name: str, state: str) -> None:
    verb = VERBS[name]
    item = item_in(state)
    before = _facts(item.pk)

    verb.call(item)

    after = _facts(item.pk)
    if state in verb.leads:
        expected = {"state": verb.leads[state], "rev": before["rev"] + 1}
        expected |= verb.changes
        assert {name: after[name] for name in expected} == expected
    else:
        assert after == before


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES_A_TOKEN)
def test_verb__outdated_token_is_refused(name: str) -> None:
    (state,) = VERBS[name].leads
    item = item_in(state)
    WorkItem.objects.filter(pk=item.pk).update(token=2)
    before = _facts(item.pk)

    VERBS[name].call(item)

    assert _facts(item.pk) == before


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES_A_TOKEN)
def test_verb__of_many_only_its_own_are_moved(name: str) -> None:
    (state,) = VERBS[name].leads
    item, neighbour = item_in(state), item_in(state)
    before = _facts(neighbour.pk)

    VERBS[name].call(item)

    assert _facts(neighbour.pk) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "state"),
    [("claim", "scheduled"), ("resend", "sent"), ("lapse", "running")],
)
def test_verb__too_early_is_refused(name: str, state: str) -> None:
    due_at = NOW + timedelta(microseconds=1) if state == "scheduled" else None
    item = item_in(state, due_at=due_at)
    before = _facts(item.pk)
    verbs: dict[str, Callable[[], object]] = {
        "claim": lambda: queue.claim(now=NOW, limit=10),
        "resend": lambda: queue.resend(now=NOW + timedelta(seconds=30), limit=10),
        "lapse": lambda: queue.lapse(now=NOW + timedelta(seconds=120), limit=10),
    }

    verbs[name]()

    assert _facts(item.pk) == before


@pytest.mark.django_db
@pytest.mark.parametrize("state", STATES)
def test_delete__only_what_is_at_its_end(state: str) -> None:
    item = item_in(state)

    deleted = queue.delete_ended([item.pk])

    assert deleted == (state in {"done", "cancelled", "dead"})
    assert WorkItem.objects.count() == 1 - deleted


@pytest.mark.django_db
def test_renew__another_worker_is_refused() -> None:
    item = item_in("running")
    before = _facts(item.pk)

    renewed = queue.renew([(item.pk, 1)], now=LATER, worker="worker-2")

    assert renewed == {}
    assert _facts(item.pk) == before


def test_table__has_every_verb_of_the_store() -> None:
    writes = {"delete_ended", "enqueue", "enqueue_many", "send_after_commit"}
    reads = {"coming", "delay_seconds", "ended_before", "failure_of", "standing"}
    same = {"cancel_where": "cancel", "finish_many": "finish"}

    verbs = {name for name in queue.__all__ if name[0].islower()}

    assert verbs - writes - reads - same.keys() == VERBS.keys()
