"""Asked: how the look-ups of one event were answered, as this process counted them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Self

from workflow_engine.metrics.counts import counts

#: What is told, in this order: a counter, its noun for one and for many.
_NOUNS: Final = {
    "hit": ("hit", "hits"),
    "miss": ("miss", "misses"),
    "bypass": ("past the cache", "past the cache"),
    "load": ("load", "loads"),
}
_IN_A_LINE: Final = 3


class Asked:
    """Counts what is looked up while it is open, by everything in this process.

    Attributes:
        counted: How often, by counter; None while unknown: figures were written away meanwhile.
    """

    def __init__(self, event: str) -> None:
        """Take the id of the event that is judged meanwhile."""
        self.event = event
        self.counted: Counter[str] | None = None
        self._before: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._before = _look()
        return self

    def __exit__(self, *_: object) -> None:
        after = _look()
        if self._before <= after:
            self.counted = after - self._before


def look_up_texts(all_asked: Sequence[Asked]) -> Iterator[str]:
    """Return lines with the figures of some events; none of those that are not known."""
    texts = [
        f"{asked.event}: {_text(asked.counted)}" for asked in all_asked if asked.counted
    ]
    for start in range(0, len(texts), _IN_A_LINE):
        yield "    ".join(texts[start : start + _IN_A_LINE])


def _look() -> Counter[str]:
    """Return every counter since figures were last written, of all accesses together."""
    found: Counter[str] = Counter()
    for figure in counts.look():
        # Of loads, "keys" counts the keys; the times of "ms" are one for each load.
        if (figure.counter, figure.reason) != ("load", "keys"):
            found[figure.counter] += figure.count
    return found


def _text(counted: Counter[str]) -> str:
    told = (
        f"{counted[counter]} {one if counted[counter] == 1 else many}"
        for counter, (one, many) in _NOUNS.items()
        if counted[counter] or counter == "load"
    )
    return ", ".join(told)
