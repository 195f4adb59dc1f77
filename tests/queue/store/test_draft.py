import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models import WorkItem
from workflow_engine.queue import enqueue, enqueue_many, put_off, release, reschedule

REFUSED: dict[str, tuple[str, Any]] = {
    "kind empty": ("kind", ""),
    "kind long": ("kind", "k" * 65),
    "kind no text": ("kind", 7),
    "lane long": ("lane", "l" * 65),
    "subject long": ("subject", "s" * 201),
    "subject zero": ("subject", "a\0b"),
    "subject surrogate": ("subject", "\ud800"),
    "due naive": ("due_at", datetime(2026, 5, 2)),  # noqa: DTZ001 - what is refused
    "due infinite": ("due_at", math.inf),
    "due far": ("due_at", NOW + timedelta(days=36_526)),
    "due old": ("due_at", datetime(1999, 12, 31, 23, 59, tzinfo=UTC)),
    "payload object": ("payload", {"event": object()}),
    "payload nan": ("payload", {"value": math.nan}),
    "payload zero": ("payload", {"value": "a\0b"}),
    "payload surrogate": ("payload", {"value": "\ud800"}),
    "payload list": ("payload", [1]),
    "payload large": ("payload", {"value": "x" * (65_536 + 8192)}),
    "dedupe_key long": ("dedupe_key", "d" * 256),
    "dedupe_key empty": ("dedupe_key", ""),
    "key long": ("key", "k" * 256),
    "key empty": ("key", ""),
    "max_attempts 0": ("max_attempts", 0),
    "max_attempts text": ("max_attempts", "3"),
    "max_attempts bool": ("max_attempts", True),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("argument", "value"), REFUSED.values(), ids=REFUSED)
def test_enqueue__refused(argument: str, value: Any) -> None:
    good = draft(subject="cart-7")

    with pytest.raises(InvalidItem, match=f"^{argument} ") as caught:
        enqueue_many([good, draft(**{argument: value})], now=NOW, direct=True)

    assert caught.value.argument == argument
    assert not WorkItem.objects.exists()


@pytest.mark.django_db
def test_enqueue__both_keys_refused() -> None:
    both = draft(key="a", dedupe_key="b")

    with pytest.raises(InvalidItem, match="dedupe_key"):
        enqueue(both, now=NOW, direct=True)

    assert not WorkItem.objects.exists()


@pytest.mark.django_db
def test_enqueue__unknown_way_to_meet_a_key_refused() -> None:
    wrong = draft(key="a", on_taken="drop")

    with pytest.raises(InvalidItem, match="'keep', 'refresh', 'move'"):
        enqueue(wrong, now=NOW, direct=True)

    assert not WorkItem.objects.exists()


ACCEPTED: dict[str, dict[str, Any]] = {
    "texts": {"kind": "k" * 64, "lane": "l" * 64, "subject": "ü" * 200},
    "key": {"key": "k" * 255},
    "dedupe_key": {"dedupe_key": "d" * 255},
    "due old": {"due_at": datetime(2000, 1, 1, tzinfo=UTC)},
    "due far": {"due_at": NOW + timedelta(days=36_525)},
    "max_attempts": {"max_attempts": 1},
    "payload escaped": {"payload": {"text": "a backslash: \\u0000", "deep": [None]}},
    "payload large": {
        "payload": {"value": "x" * (65_536 + 8192 - len('{"value":""}'))}
    },
}


@pytest.mark.django_db
@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED)
def test_enqueue__accepted_at_the_bound(accepted: dict[str, Any]) -> None:
    item = enqueue(draft(**accepted), now=NOW, direct=True)

    found = WorkItem.objects.get(pk=item.id)
    assert {name: getattr(found, name) for name in accepted} == accepted


@pytest.mark.django_db
def test_due__refused_wherever_it_is_given() -> None:
    naive = datetime(2026, 5, 2)  # noqa: DTZ001 - what is refused

    for call in (
        lambda: reschedule(1, now=NOW, due_at=naive),
        lambda: put_off(1, 1, now=NOW, due_at=naive),
        lambda: release(1, 1, 1, now=NOW, due_at=naive, error=ValueError()),
    ):
        with pytest.raises(InvalidItem, match="due_at"):
            call()


def test_shard__equal_in_every_process(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"SHARDS": 256}

    shards = [
        draft(subject="cart-7").shard(),
        draft(subject="cart-8", key="cart-7").shard(),
        draft(dedupe_key="cart-7").shard(),
    ]

    assert shards == [209, 209, 209]


def test_shard__nothing_to_go_by_is_spread(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"SHARDS": 4}

    shards = {draft().shard() for _ in range(200)}

    assert shards == {0, 1, 2, 3}
