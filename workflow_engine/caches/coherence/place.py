"""Place: where the entries of one question are, for one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from workflow_engine.caches.near import NearCopies
from workflow_engine.caches.question import Question
from workflow_engine.conf import options

K = TypeVar("K")
V = TypeVar("V")

#: An answer "nothing applies" is asked for by sources without bound, so it lives shortly.
EMPTY_LIFE_SECONDS: Final = 60

#: Permits are short-lived: forgetting those of long ago costs one more wait each.
MOST_WAITED_OUT: Final = 1000

#: No entry has this suffix.
GENERATION: Final = "g"


class Place(Generic[K, V]):
    """Names, near copies and lives of the entries of a question."""

    def __init__(
        self, question: Question[K, V], prefix: str, near: NearCopies[K, V]
    ) -> None:
        """Put entries under `prefix`, which says which database they come from.

        `waited_out` holds, by name of the cell, permits that nobody waits for again.
        """
        self.question = question
        self.near = near
        self.prefix = f"{prefix}{question.name}:".encode()
        self.generation = self.prefix + GENERATION.encode()
        self.waited_out: dict[bytes, bytes] = {}
        self._suffix = question.mapping.suffix

    def name(self, key: K) -> bytes:
        """Return the name of the cell of a key."""
        return self.prefix + self._suffix(key).encode()

    def names(self, keys: Sequence[K]) -> list[bytes]:
        """Return the names of the cells of keys, in their order."""
        prefix, suffix = self.prefix, self._suffix
        return [prefix + suffix(key).encode() for key in keys]

    def give_up(self, name: bytes, permit: bytes) -> None:
        """Never wait again for a permit that was waited out."""
        if len(self.waited_out) >= MOST_WAITED_OUT:
            self.waited_out.clear()
        self.waited_out[name] = permit

    def life_ms(self, value: V) -> int:
        """Return how long the entry of a value is to live."""
        seconds = float(options.CACHE_LIFE_SECONDS)
        if value in self.question.empties:
            seconds = min(seconds, EMPTY_LIFE_SECONDS)
        jitter = options.CACHE_LIFE_JITTER
        return max(1, int(seconds * 1000 * random.uniform(1 - jitter, 1 + jitter)))  # noqa: S311 - no secret
