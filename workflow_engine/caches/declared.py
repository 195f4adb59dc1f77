"""Declared: every question there is, by name, and which of them each model spoils."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from django.db.models import Model

from workflow_engine.caches.question import Question
from workflow_engine.exceptions import AccessDeclaredTwice

Questions: TypeAlias = tuple[Question[Any, Any], ...]


class Declared:
    """Questions in the order they were declared."""

    def __init__(self) -> None:
        """Hold none."""
        self._by_name: dict[str, Question[Any, Any]] = {}

    def add(self, question: Question[Any, Any]) -> None:
        """Add a question.

        Raises:
            AccessDeclaredTwice: Another one has the name.
        """
        if question.name in self._by_name:
            message = (
                f"the access '{question.name}' is declared twice; "
                "rename one: entries are stored under the name"
            )
            raise AccessDeclaredTwice(message)
        self._by_name[question.name] = question

    def remove(self, question: Question[Any, Any]) -> None:
        """Take a question out; its entries are forgotten by nobody from now on."""
        del self._by_name[question.name]

    def __iter__(self) -> Iterator[Question[Any, Any]]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Question[Any, Any] | None:
        """Return the question of a name, or None."""
        return self._by_name.get(name)

    def spoiled_by(self, model: type[Model]) -> Questions:
        """Return the questions whose entries a row of a model can spoil."""
        return tuple(one for one in self if model in one.depends_on)

    def models(self) -> list[type[Model]]:
        """Return every model that some question depends on, each once."""
        return list(dict.fromkeys(model for one in self for model in one.depends_on))

    def model_of(self, table: str) -> type[Model] | None:
        """Return the watched model of a table, or None when no question depends on it."""
        for model in self.models():
            if model._meta.db_table == table:
                return model
        return None


#: Those of this process.
declared = Declared()
