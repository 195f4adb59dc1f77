"""Places: where the entries of every question are, for one process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from workflow_engine import clock
from workflow_engine.caches.coherence.moment import Group, Moment
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.coherence.reigns import Reigns
from workflow_engine.caches.declared import Questions
from workflow_engine.caches.near import Near
from workflow_engine.caches.question import Question

K = TypeVar("K")
V = TypeVar("V")


class Places:
    """Places by question, each made when it is first asked for; threads share them.

    Attributes:
        near: The near copies of all of them.
    """

    def __init__(self, near: Near, prefix: Callable[[], str]) -> None:
        """Have none yet; `prefix` says which database entries come from, and may ask it."""
        self.near = near
        self._prefix = prefix
        self._reigns = Reigns()
        self._places: dict[str, Place[Any, Any]] = {}
        self._groups: dict[Questions, Group] = {}

    def of(self, question: Question[K, V]) -> Place[K, V]:
        """Return the place of a question."""
        found = self._places.get(question.name)
        if found is None:
            near = self.near.open()
            found = Place(question, self._prefix(), near, self._reigns)
            found = self._places.setdefault(question.name, found)
        return found

    def moment(self, questions: Questions) -> Moment:
        """Return a moment of some questions that vouches for nothing yet."""
        group = self._groups.get(questions)
        if group is None:
            group = Group([self.of(question) for question in questions])
            group = self._groups.setdefault(questions, group)
        return Moment(group)

    def unsee(self) -> None:
        """Trust nothing that was seen until now, for any question."""
        at = clock.monotonic()
        for place in list(self._places.values()):
            place.near.unsee(at)
