"""Question: what is asked by key; how its entries are named and loaded, and what spoils them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, assert_never

from django.db import models

from workflow_engine.caches.codec import Codec
from workflow_engine.caches.mapping import (
    CacheMapping,
    Dependency,
    Direct,
    Resolved,
    Row,
)

K = TypeVar("K")
V = TypeVar("V")

#: Keys in one statement: SQLite takes 32 766 parameters, and a statement may name each
#: key once per table of the answer.
STATEMENT_KEYS: Final = 5000


def nothing_else() -> str:
    """Return the text of a question whose answers depend on rows alone."""
    return ""


class Question(Generic[K, V]):
    """A declaration; it holds no entry and knows no cache."""

    def __init__(
        self,
        mapping: CacheMapping[K],
        *,
        load: Callable[[Sequence[K]], Mapping[K, V]],
        depends_on: Mapping[type[models.Model], Dependency[K]],
        value_type: Any,
        also: Callable[[], str] = nothing_else,
        empties: Sequence[Any] = ((),),
    ) -> None:
        """Declare the question.

        Args:
            mapping: Names of its entries.
            load: Answers every key it is given, by one statement, so that no value is
                torn; is given at least one key and each only once. What it answers depends
                on rows of the models in `depends_on` and on nothing else.
            depends_on: For each model behind an answer, the entries that a row of it spoils.
            value_type: What msgspec needs to read an answer back; plain data.
            also: What an answer depends on beside rows, as text: processes that differ in
                it do not read each other's answers.
            empties: The answers that say "nothing applies": they count as such, and live
                only for a short time.
        """
        self.mapping = mapping
        self.depends_on = dict(depends_on)
        self.value_type = value_type
        self.empties = tuple(empties)
        self.codec: Codec[V] = Codec(value_type, also)
        self._load = load

    @property
    def name(self) -> str:
        """The name on screens and in metrics."""
        return self.mapping.namespace

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def load(self, keys: Iterable[K]) -> dict[K, V]:
        """Return what the database says for every key, each once, in their order.

        One statement whatever the number of keys (one per `STATEMENT_KEYS` of them), none
        for no keys.
        """
        wanted = list(dict.fromkeys(keys))
        answers: dict[K, V] = {}
        for start in range(0, len(wanted), STATEMENT_KEYS):
            asked = wanted[start : start + STATEMENT_KEYS]
            found = self._load(asked)
            answers |= {key: found[key] for key in asked}
        return answers

    def keys_of_rows(
        self, model: type[models.Model], rows: Sequence[Row], using: str
    ) -> set[K]:
        """Return the keys of the entries that rows of a model spoil.

        Args:
            model: One of `depends_on`.
            rows: Of a change: the old and the new row.
            using: Where the rows changed; asked at most once, and not for no rows.
        """
        dependency = self.depends_on[model]
        match dependency:
            case Direct():
                return {key for row in rows for key in dependency.keys_of_row(row)}
            case Resolved():
                return dependency.resolve(rows, using) if rows else set()
            case _:
                assert_never(dependency)
