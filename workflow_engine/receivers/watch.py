"""Watch: which questions a row of a model can spoil, and which of its columns say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from django.db import models

from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.base import cause_of
from workflow_engine.caches.coherence.hook import Hook, hook_of
from workflow_engine.caches.declared import Declared, Questions
from workflow_engine.caches.mapping import Resolved

Model: TypeAlias = type[models.Model]
Field: TypeAlias = "models.Field[Any, Any]"


class Watched:
    """One model that questions depend on."""

    def __init__(self, model: Model, questions: Questions) -> None:
        """Take the model as `depends_on` names it, and the questions that do."""
        self.model = model
        self.questions = questions

    @property
    def table(self) -> Model:
        """The model of its rows; of a proxy, what it stands for."""
        concrete: Model = self.model._meta.concrete_model or self.model
        return concrete

    def cause(self, kind: str) -> str:
        """Return the cause of a forget, for a kind of write to it."""
        return cause_of(kind, self.model)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """By column, the fields that any of the questions reads."""
        columns = {
            column
            for question in self.questions
            for column in question.depends_on[self.model].columns
        }
        own = self.table._meta.concrete_fields
        return {str(one.column): one for one in own if one.column in columns}

    @property
    def is_keyed_alone(self) -> bool:
        """Whether the primary key says everything: it cannot change."""
        return all(field.primary_key for field in self.fields.values())

    @property
    def resolves(self) -> bool:
        """Whether some question asks which entries a row spoils."""
        return any(
            isinstance(question.depends_on[self.model], Resolved)
            for question in self.questions
        )

    def without_owned(self) -> Watched:
        """Leave out the questions that learn of a cascade from the row it began with."""
        direct = tuple(one for one in self.questions if not self._is_owned(one))
        return Watched(self.model, direct)

    def _is_owned(self, question: Any) -> bool:
        """Whether rows are resolved, and only go with rows the question also depends on."""
        tables = {model._meta.concrete_model for model in question.depends_on}
        owners = set(_owners(self.table))
        is_resolved = isinstance(question.depends_on[self.model], Resolved)
        return is_resolved and bool(owners) and owners <= tables


@dataclass(frozen=True)
class Watch:
    """What receivers are handed: the questions, and whom to tell.

    Attributes:
        declared: Looked at with each signal, so that a question declared later counts.
        current: Returns the coherence of this process.
    """

    declared: Declared
    current: Callable[[], Coherence]

    def of(self, sender: Model) -> Iterator[Watched]:
        """Yield the watched models that have a row for each row of a sender."""
        for model in self.declared.models():
            concrete = model._meta.concrete_model
            if concrete is not None and issubclass(sender, concrete):
                yield Watched(model, self.declared.spoiled_by(model))

    def hook(self, using: str) -> Hook:
        """Return the hook for what is written on an alias; see `hook_of`."""
        return hook_of(using, self.current)


def family(model: Model) -> Iterator[Model]:
    """Yield a model, its proxies and its children: the senders of what is written to it."""
    concrete: Model = model._meta.concrete_model or model
    found = {concrete: None}
    left = [concrete]
    while left:
        below = left.pop().__subclasses__()
        left += [one for one in below if one not in found]
        found |= dict.fromkeys(below)
    return iter(found)


def _owners(table: Model) -> Iterator[Any]:
    for field in table._meta.concrete_fields:
        remote = field.remote_field
        if remote is not None and remote.on_delete is models.CASCADE:
            yield remote.model._meta.concrete_model
