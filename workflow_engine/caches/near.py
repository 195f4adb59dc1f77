"""Near: decoded answers kept in this process, and which of them stand; pure.

A copy is kept with the header of the cell it came from. It *stands* under the tag it was
read or compared under: while a look-up sees the same tag, the copy is the answer. Under
another tag, or after `STAND_SECONDS`, it is compared with its cell before it is used.

Threads share copies without a lock: every step is one operation on a dictionary, and a
thread that lost a race leaves a copy that does not stand or is compared again, never one
that stands wrongly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

K = TypeVar("K")
V = TypeVar("V")

#: A copy is compared again after this long, or a change that nothing announced (disabled
#: database triggers) would never be noticed.
STAND_SECONDS: Final = 60.0

#: What makes room is this share of the bound at once, so that it costs little each time.
ROOM_SHARE: Final = 1 / 16

#: What vouches for copies; None vouches for nothing.
Tag: TypeAlias = tuple[bytes | None, ...] | None


_NOTHING: Final = object()


class Copy(NamedTuple):
    """An answer, and the header of the cell it was decoded from (b"" = there is no cell)."""

    header: bytes
    value: Any


class Standing(Generic[K, V]):
    """The copies that stand under one tag.

    Attributes:
        tag: What vouches for them.
        since: Monotonic seconds when it began.
        seen_at: Monotonic seconds when the latest reply that showed the tag was asked for.
        values: Answers by key.
        empty: The keys among them whose answer is "nothing applies".
    """

    __slots__ = ("empty", "seen_at", "since", "tag", "values")

    def __init__(self, tag: Tag, since: float) -> None:
        """Hold no copy yet."""
        self.tag = tag
        self.since = since
        self.seen_at = since
        self.values: dict[K, V] = {}
        self.empty: set[K] = set()

    def some(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the answers of those keys that have one; another thread may drop some."""
        values = self.values
        found = {key: values.get(key, _NOTHING) for key in keys}
        return {key: one for key, one in found.items() if one is not _NOTHING}  # type: ignore[misc] # told apart by identity


class NearCopies(Generic[K, V]):
    """The copies of one question.

    Attributes:
        copies: All of them, by key, the oldest first.
        standing: Those that stand; exchanged as a whole.
        forgotten_at: Monotonic seconds when this process's latest own forget was complete.
    """

    def __init__(self, stand_seconds: float = STAND_SECONDS) -> None:
        """Hold no copy; one is compared again after `stand_seconds`."""
        self._stand_seconds = stand_seconds
        self.copies: dict[K, Copy] = {}
        self.standing: Standing[K, V] = Standing(None, 0.0)
        self._lock = threading.Lock()
        self.forgotten_at = float("-inf")  # guarded by _lock

    def turn(self, tag: Tag, asked_at: float) -> Standing[K, V]:
        """Return what stands under a tag that was asked for at `asked_at` and seen since."""
        if tag is None:
            return Standing(None, asked_at)
        standing = self.standing
        if standing.tag != tag or asked_at - standing.since >= self._stand_seconds:
            standing = self.standing = Standing(tag, asked_at)
        standing.seen_at = max(standing.seen_at, asked_at)
        return standing

    def trusted(self, since: float) -> Standing[K, V] | None:
        """Return what stood at a monotonic moment or later and no own forget came after, or None.

        A reply that was under way while this process forgot shows nothing of what came of it.
        """
        standing = self.standing
        if standing.tag is None or standing.seen_at < since:
            return None
        return standing if standing.seen_at > self.forgotten_at else None

    def drop(self, keys: Iterable[K]) -> None:
        """Hold these answers no longer."""
        standing = self.standing
        for key in keys:
            self.copies.pop(key, None)
            standing.values.pop(key, None)
            standing.empty.discard(key)

    def clear(self) -> None:
        """Hold nothing."""
        self.copies = {}
        self.standing = Standing(None, 0.0)

    def unsee(self, at: float) -> None:
        """Ask again at the next look-up: an own forget was complete at `at`."""
        with self._lock:
            self.forgotten_at = max(self.forgotten_at, at)


class Near:
    """The copies of all questions of a process, together within one bound."""

    def __init__(self, bound: int, *, stand_seconds: float = STAND_SECONDS) -> None:
        """Hold at most `bound` copies; 0 = none. One is compared again after a while."""
        self.bound = bound
        self._stand_seconds = stand_seconds
        self._all: list[NearCopies[Any, Any]] = []

    def open(self) -> NearCopies[Any, Any]:
        """Return a place for the copies of one more question."""
        copies: NearCopies[Any, Any] = NearCopies(self._stand_seconds)
        self._all.append(copies)
        return copies

    def keep(
        self,
        near: NearCopies[K, V],
        standing: Standing[K, V],
        answers: Iterable[tuple[K, Copy]],
        empties: Sequence[Any],
    ) -> None:
        """Keep answers that were read after the tag of `standing` was."""
        if not self.bound:
            return
        for key, copy in answers:
            near.copies[key] = copy
            if standing.tag is not None:
                standing.values[key] = copy.value
                if copy.value in empties:
                    standing.empty.add(key)
        if sum(len(one.copies) for one in self._all) > self.bound:
            self._make_room()

    def _make_room(self) -> None:
        """Drop the oldest copies of those questions that hold the most."""
        excess = sum(len(one.copies) for one in self._all) - self.bound
        wanted = excess + int(self.bound * ROOM_SHARE)
        for near in sorted(self._all, key=lambda one: -len(one.copies)):
            oldest = list(near.copies)[:wanted]
            near.drop(oldest)
            wanted -= len(oldest)
            if wanted <= 0:
                return
