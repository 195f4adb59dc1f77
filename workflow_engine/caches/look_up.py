"""Look-up: several questions asked as of one moment."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

from workflow_engine.caches.coherence import Coherence, current
from workflow_engine.caches.coherence.filling import load
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.database import in_transaction
from workflow_engine.caches.question import Question
from workflow_engine.caches.verifier import verifier
from workflow_engine.conf import options
from workflow_engine.metrics.counts import counts

K = TypeVar("K")
V = TypeVar("V")


class LookUp:
    """Asks questions whose generations are read once, at the first of them.

    It is one read: what is forgotten after it began may or may not be seen by it. So it
    lives as long as a call, never longer.
    """

    def __init__(
        self, *questions: Question[Any, Any], coherence: Coherence | None = None
    ) -> None:
        """Name every question that will be asked; costs nothing yet."""
        self._coherence = coherence or current()
        self._questions = questions
        self._moment: Moment | None = None  # none before the cache is asked (R1)

    def get_many(self, question: Question[K, V], keys: Iterable[K]) -> dict[K, V]:
        """Return the answer for every key, each once, in the order they were first given.

        From the cache, else the database. Inside a transaction always from the database.
        At most one query; never raises for a cache that is away.
        """
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        mode = mode_of(question.name)
        if mode == "disabled":
            return self._bypass(question, wanted, "mode")
        if in_transaction(self._coherence.database):
            return self._bypass(question, wanted, "transaction")
        moment = self._begun()
        answers = self._coherence.read(question, wanted, moment)
        if mode == "shadow":
            moment.note(question.name, is_near=False)
            loaded = question.load(wanted)
            verifier.compare(self._coherence, question, answers, loaded)
            return loaded
        verifier.sample(self._coherence, question, wanted)
        return answers

    def kept(self, name: Hashable, keys: Sequence[K]) -> dict[K, Any] | None:
        """Return answers for keys that were kept under a name, if they all stand, or None.

        They were made of answers to the questions of this look-up, and stand as long as
        those do. Asked first of all, it costs what those would have cost, and is counted as
        near hits of the first question, whose keys these are.
        """
        if in_transaction(self._coherence.database):
            return None
        if any(mode_of(one.name) != "enabled" for one in self._questions):
            return None
        moment = self._begun()
        found = self._coherence.kept(name, keys, moment)
        if found:
            first = self._questions[0]
            counts.add(first.name, "hit", "near", len(found))
            empty = moment.standings[first.name].empty
            if empty:
                number = len(empty.intersection(found))
                counts.add(first.name, "empty", "", number)
            verifier.sample(self._coherence, first, list(found))
        return found

    def keep(self, name: Hashable, answers: dict[Any, Any]) -> None:
        """Keep answers made of this look-up's, and of nothing else but their key and name."""
        if self._moment is not None:
            self._moment.keep(name, answers)

    def _begun(self) -> Moment:
        if self._moment is None:
            self._moment = self._coherence.moment(self._questions)
        return self._moment

    def _bypass(
        self, question: Question[K, V], keys: list[K], reason: str
    ) -> dict[K, V]:
        if self._moment is not None:
            self._moment.note(question.name, is_near=False)
        counts.add(question.name, "bypass", reason, len(keys))
        return load(question, keys)


def mode_of(name: str) -> str:
    """Return how look-ups of an access are answered: enabled, shadow or disabled."""
    mode: str | dict[str, str] = options.CACHE_MODE
    return mode if isinstance(mode, str) else mode.get(name, "enabled")
