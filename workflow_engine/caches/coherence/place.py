"""Place: where the entries of one question are, for one process."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from workflow_engine.caches.coherence.reigns import Reigns
from workflow_engine.caches.near import NearCopies
from workflow_engine.caches.question import Question
from workflow_engine.conf import options

K = TypeVar("K")
V = TypeVar("V")

#: An answer "nothing applies" is asked for by sources without bound, so it lives shortly.
EMPTY_LIFE_SECONDS: Final = 60

#: Permits are short-lived: forgetting those of long ago costs one more wait each.
MOST_WAITED_OUT: Final = 1000

#: Between names that are encoded together.
SEPARATOR: Final = "\0"

#: No entry has this suffix.
GENERATION: Final = "g"


class Place(Generic[K, V]):
    """Names, near copies and lives of the entries of a question."""

    def __init__(
        self,
        question: Question[K, V],
        prefix: str,
        near: NearCopies[K, V],
        reigns: Reigns,
    ) -> None:
        """Put entries under `prefix`, which says which database they come from.

        `waited_out` holds, by name of the cell, permits that nobody waits for again.
        """
        self.question = question
        self.near = near
        self.reigns = reigns
        self._prefix = f"{prefix}{question.name}:"
        self.prefix = self._prefix.encode()
        self.generation = self.prefix + GENERATION.encode()
        self.waited_out: dict[bytes, bytes] = {}
        self._suffix = question.mapping.suffix

    def name(self, key: K) -> bytes:
        """Return the name of the cell of a key."""
        return self.prefix + self._suffix(key).encode()

    def names(self, keys: Sequence[K]) -> list[bytes]:
        """Return the names of the cells of keys, in their order.

        Raises:
            ValueError: A suffix holds a character that none may hold.
        """
        if not keys:
            return []
        # Joined, encoded and split at once: a look-up may have hundreds of names.
        joined = (SEPARATOR + self._prefix).join(map(self._suffix, keys))
        names = (self._prefix + joined).encode().split(SEPARATOR.encode())
        if len(names) != len(keys):
            message = f"a suffix of the access '{self.question.name}' holds a NUL"
            raise ValueError(message)
        return names

    def give_up(self, name: bytes, permit: bytes) -> None:
        """Never wait again for a permit that was waited out."""
        if len(self.waited_out) >= MOST_WAITED_OUT:
            self.waited_out.clear()
        self.waited_out[name] = permit

    def life_ms(self, value: V) -> int:
        """Return how long the entry of a value is to live."""
        jitter = options.CACHE_LIFE_JITTER
        share = random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - no secret
        seconds = float(options.CACHE_LIFE_SECONDS) * share
        if value in self.question.empties:
            seconds = min(seconds, EMPTY_LIFE_SECONDS)
        return max(1, int(seconds * 1000))
