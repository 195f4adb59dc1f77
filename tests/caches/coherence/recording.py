"""A coherence that is not read from and remembers what it was told to forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from workflow_engine.caches.coherence import Peeked
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.declared import Declared, Questions, declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import Question
from workflow_engine.exceptions import CacheUnavailable


class Recording:
    """The half of a coherence that writers meet."""

    def __init__(self, among: Declared = declared, database: str = "default") -> None:
        self.database = database
        self.declared = among
        #: By name of the access; all of an access is under the name alone.
        self.forgotten: set[tuple[str, Any]] = set()
        self.whole: set[str] = set()
        self.causes: list[str] = []
        self.settled: list[str] = []
        #: Nothing can be forgotten.
        self.is_away = False
        #: Called at each settling, before it is noted.
        self.on_settle: Callable[[], None] = lambda: None

    def clear(self) -> None:
        self.forgotten.clear()
        self.whole.clear()
        self.causes.clear()
        self.settled.clear()

    def has(self, name: str, key: Any) -> bool:
        return name in self.whole or (name, key) in self.forgotten

    def keys(self, name: str) -> set[Any]:
        return {key for access, key in self.forgotten if access == name}

    def moment(self, questions: Questions) -> Moment:
        raise NotImplementedError

    def read(self, question: Any, keys: Sequence[Any], moment: Moment) -> Any:
        raise NotImplementedError

    def kept(self, name: Any, keys: Sequence[Any], moment: Moment) -> None:
        raise NotImplementedError

    def forget(self, entries: Entries, cause: str) -> dict[str, int]:
        if self.is_away:
            raise CacheUnavailable("connection", "away")
        self._note(entries, cause)
        return {}

    def settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        self.on_settle()
        self.settled.append(using)
        for cause, entries in owed.items():
            self._note(entries, cause)
        return not self.is_away

    def sweep(self) -> int:
        return 0

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        raise NotImplementedError

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        raise NotImplementedError

    def server(self) -> None:
        raise NotImplementedError

    def _note(self, entries: Entries, cause: str) -> None:
        if entries:
            self.causes.append(cause)
        self.whole |= {question.name for question in entries.whole()}
        for question, keys in entries.some():
            self.forgotten |= {(question.name, key) for key in keys}
