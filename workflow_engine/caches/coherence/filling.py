"""Filling: load under permits, and store what still may be stored (R6 and FILL)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from workflow_engine import clock
from workflow_engine.caches.cell import COMPARED_BYTES, value_of
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.near import Copy
from workflow_engine.caches.question import Question
from workflow_engine.caches.stores.base import CellStore, Fill, Filled
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts

K = TypeVar("K")
V = TypeVar("V")

#: Larger values would hold up the server and the line for longer than a look-up is worth.
MOST_VALUE_BYTES: Final = 1_048_576


def load(question: Question[K, V], keys: Sequence[K]) -> dict[K, V]:
    """Return what the database says, counted and timed."""
    started = clock.monotonic()
    answers = question.load(keys)
    took_ms = (clock.monotonic() - started) * 1000
    counts.observe(question.name, "load", "ms", took_ms)
    counts.add(question.name, "load", "keys", len(keys))
    return answers


@contextmanager
def holding(
    place: Place[K, V], store: CellStore, permits: Mapping[K, bytes]
) -> Iterator[None]:
    """Give permits back when something goes wrong inside, so that nobody waits for them.

    Not when it is the server: it would be asked in vain once more, and permits expire.
    """
    try:
        yield
    except CacheUnavailable:
        raise
    except BaseException:
        try:
            store.unlink(place.names(list(permits)))
        except CacheUnavailable as error:
            counts.add("", "error", error.reason)
        raise


def fill(
    place: Place[K, V],
    store: CellStore,
    permits: Mapping[K, bytes],
    loaded: Mapping[K, V],
) -> list[tuple[K, Copy]]:
    """Store values in place of their permits and return copies of those that were stored."""
    fills: dict[K, Fill] = {}
    refused: dict[bytes, str] = {}
    for key, permit in permits.items():
        value = _value(place, permit, loaded[key])
        if value is None or len(value) > MOST_VALUE_BYTES:
            refused[place.name(key)] = "unencodable" if value is None else "too_large"
            continue
        fills[key] = Fill(
            name=place.name(key),
            permit=permit,
            value=value,
            life_ms=place.life_ms(loaded[key]),
        )
    for reason, count in Counter(refused.values()).items():
        counts.add(place.question.name, "refused", reason, count)
    if refused:
        store.unlink(list(refused))
    results = _send(place, store, list(fills.values()))
    return [
        (key, Copy(one.value[:COMPARED_BYTES], loaded[key]))
        for (key, one), result in zip(fills.items(), results, strict=True)
        if result is Filled.STORED
    ]


def _value(place: Place[K, V], permit: bytes, answer: V) -> bytes | None:
    """Return the cell of an answer; None when it cannot be encoded, which is no reason to fail."""
    codec = place.question.codec
    try:
        payload = codec.encode(answer)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return value_of(
        permit,
        schema=codec.schema,
        filled_at_ms=int(clock.now().timestamp() * 1000),
        payload=payload,
    )


def _send(
    place: Place[K, V], store: CellStore, fills: Sequence[Fill]
) -> Sequence[Filled]:
    if not fills:
        return []
    name = place.question.name
    try:
        results = store.fill(fills)
    except CacheUnavailable:
        counts.add(name, "refused", "error", len(fills))
        raise
    for result, count in Counter(results).items():
        counter = ("fill", "stored") if result is Filled.STORED else ("refused", result)
        counts.add(name, *counter, count)
    pairs = zip(fills, results, strict=True)
    sizes = [len(one.value) for one, result in pairs if result is Filled.STORED]
    counts.sum(name, "bytes", "stored", count=len(sizes), total=sum(sizes))
    return results
