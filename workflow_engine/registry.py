"""Registry: which condition types, detector kinds and action kinds exist.

Three registries, each a list one can print. A handler brings a name and a JSON schema; the
schema validates rows, draws the admin's form and writes the docs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from workflow_engine.exceptions import DuplicateHandler

#: Items wait in the lane "act:" and the kind, a column of 64 characters.
SLUG_CHARACTERS: Final = 60
_SLUG: Final = re.compile(rf"[a-z0-9_.-]{{1,{SLUG_CHARACTERS}}}")

ROLES: Final = frozenset({"trigger", "when", "if"})


def _no_problems(_: Any) -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What every registered handler has.

    Attributes:
        slug: The name stored in rows.
        handler: The class or function.
        schema: JSON schema (2020-12) of its configuration, an object.
        check: What the schema cannot say; returns one sentence per problem.
        label: Name for people; "" = the slug.
    """

    slug: str
    handler: Callable[..., Any]
    schema: dict[str, Any]
    check: Callable[[Any], list[str]] = _no_problems
    label: str = ""

    @property
    def origin(self) -> str:
        """Dotted name of the handler, for errors that must name it."""
        return f"{self.handler.__module__}.{self.handler.__qualname__}"

    @cached_property
    def validator(self) -> Draft202012Validator:
        """The compiled schema."""
        return Draft202012Validator(self.schema)

    def problems(self, config: Any) -> list[str]:
        """Return one sentence per problem of a configuration; empty when it is fine."""
        found = [
            f"{'.'.join(map(str, error.absolute_path)) or 'config'}: {error.message}"
            for error in self.validator.iter_errors(config)
        ]
        return sorted(found) or self.check(config)


@dataclass(frozen=True, kw_only=True)
class ConditionEntry(Entry):
    """A condition type: `handler(facts, config)` answers True or False.

    Attributes:
        slow: The handler is a class with `evaluate_many(questions)`, asked later.
        roles: The group roles in which it may stand.
    """

    slow: bool = False
    roles: frozenset[str] = ROLES


@dataclass(frozen=True, kw_only=True)
class DetectorEntry(Entry):
    """A detector kind: `handler(sample, state, config)` answers `(state, finding or reason)`.

    Attributes:
        is_stateful: Whether a configuration makes it keep state per subject.
        is_ordered: Whether it ignores events older than its watermark.
        tick: Answers an item it asked for: `tick(state, config, now)`, like the handler.
        begin: `begin(config, now)` gives the states, by environment and subject, that a
            detector has before its first event; None = none.
    """

    is_stateful: Callable[[Any], bool] = field(default=lambda _: False)
    is_ordered: bool = True
    tick: Callable[..., Any] | None = None
    begin: Callable[..., Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ActionEntry(Entry):
    """An action kind: a function `handler(firing, config)`, or prepare and send.

    Attributes:
        timeout_seconds: Longest time one attempt may take; None = ACTION_SECONDS.
        prepare: Everything short of the last network or broker write; None for a function.
        send: That last write, given what `prepare` returned.
    """

    timeout_seconds: float | None = None
    prepare: Callable[..., Any] | None = None
    send: Callable[..., Any] | None = None


E = TypeVar("E", bound=Entry)

_fingerprints: Final[list[str]] = []  # at most one: of the handlers there are now


class Registry(Generic[E]):
    """Handlers of one sort by name."""

    def __init__(self, noun: str) -> None:
        """Name the sort, for messages: "Condition type", "Detector kind"."""
        self.noun = noun
        self._entries: dict[str, E] = {}

    def register(self, entry: E) -> None:
        """Add a handler; the same handler again replaces itself.

        Raises:
            DuplicateHandler: Another handler has the name; both are named.
            ValueError: The name cannot be stored in rows, or the schema is no JSON schema.
        """
        if not _SLUG.fullmatch(entry.slug):
            message = (
                f"{self.noun} '{entry.slug}': its name cannot be stored in rows; "
                f"use 1 to {SLUG_CHARACTERS} of a-z, 0-9, '_', '-' and '.'."
            )
            raise ValueError(message)
        other = self._entries.get(entry.slug)
        if other is not None and other.origin != entry.origin:
            message = (
                f"(workflow_engine.E007) {self.noun} '{entry.slug}' is registered twice: "
                f"{other.origin} and {entry.origin}. Rename one; names are stored in rows."
            )
            raise DuplicateHandler(message)
        try:
            Draft202012Validator.check_schema(entry.schema)
        except SchemaError as error:
            message = (
                f"{self.noun} '{entry.slug}': its schema is invalid: {error.message}"
            )
            raise ValueError(message) from error
        self._entries[entry.slug] = entry
        _fingerprints.clear()

    def unregister(self, slug: str) -> None:
        """Forget a handler; KeyError when there is none."""
        del self._entries[slug]
        _fingerprints.clear()

    def get(self, slug: str) -> E | None:
        """Return the handler of a name, or None when nobody registered one."""
        return self._entries.get(slug)

    def problems(self, slug: str, config: Any) -> list[str]:
        """Return one sentence per problem of a row; empty when it is fine."""
        entry = self._entries.get(slug)
        if entry is None:
            known = ", ".join(sorted(self._entries))
            return [f"{self.noun} '{slug}' is not registered; known: {known}"]
        return entry.problems(config)

    def __iter__(self) -> Iterator[E]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.slug))


conditions: Registry[ConditionEntry] = Registry("Condition type")
detectors: Registry[DetectorEntry] = Registry("Detector kind")
actions: Registry[ActionEntry] = Registry("Action kind")


def fingerprint() -> str:
    """Return text that differs between processes whose handlers judge rows differently.

    It names every handler and its schema, and knows nothing of the code behind them.
    """
    if not _fingerprints:
        every = [
            [kind.noun, entry.slug, entry.origin, entry.schema]
            for kind in (conditions, detectors, actions)
            for entry in kind
        ]
        text = json.dumps(every, sort_keys=True, default=repr)
        _fingerprints.append(hashlib.sha256(text.encode()).hexdigest())
    return _fingerprints[0]


#: Handler modules that could not be imported, with why; a system check names them.
broken_modules: dict[str, str] = {}


def note_broken(module: str, error: ImportError) -> None:
    """Note that a handler module could not be imported."""
    broken_modules[module] = str(error)
