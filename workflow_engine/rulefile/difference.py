"""Difference: one rule on which the database and the file do not agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflow_engine.rulefile.document import NamedRule, Rules, name_of, to_json
from workflow_engine.rulefile.place import NOT_GIVEN
from workflow_engine.rulefile.values import HIDDEN, is_secret, shown
from workflow_engine.types.event import JSON
from workflow_engine.types.snapshots import canonical

SHOWN_CHARACTERS: Final = 60  # of a value, in a line


class Sign(StrEnum):
    """What an import does about it."""

    ADD = "+"
    CHANGE = "~"
    DELETE = "-"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One rule that is to be added, changed or deleted.

    Attributes:
        sign: What is to be done.
        noun: "environment", "detector", "action" or "workflow".
        slug: Of the rule; the name of an environment.
        changes: Such as "interval 1800 -> 600"; none where the whole rule comes or goes.
    """

    sign: Sign
    noun: str
    slug: str
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.sign.value} {self.noun} {self.slug}"
        return f"{line}: {', '.join(self.changes)}" if self.changes else line


def differences(
    current: Rules, target: Rules, *, delete_missing: bool
) -> list[Difference]:
    """Return what must happen to `current` to make it `target`, by section and name."""
    found: list[Difference] = []
    for section in Rules.__struct_fields__:
        noun = section.removesuffix("s")
        before: Sequence[NamedRule] = getattr(current, section)
        after: Sequence[NamedRule] = getattr(target, section)
        old = {name_of(rule): rule for rule in before}
        new = {name_of(rule): rule for rule in after}
        names = sorted(old | new) if delete_missing else sorted(new)
        for name in names:
            found += _of_rule(noun, name, old.get(name), new.get(name))
    return found


def equal(one: object, other: object) -> bool:
    """Tell whether two values are the same in the file: 1, 1.0 and true are not."""
    return canonical(one) == canonical(other)


def _of_rule(
    noun: str, name: str, old: NamedRule | None, new: NamedRule | None
) -> Iterator[Difference]:
    if new is None:
        yield Difference(sign=Sign.DELETE, noun=noun, slug=name)
    elif old is None:
        yield Difference(sign=Sign.ADD, noun=noun, slug=name)
    elif changes := tuple(_changes("", to_json(old), to_json(new))):
        yield Difference(sign=Sign.CHANGE, noun=noun, slug=name, changes=changes)


def _changes(path: str, old: JSON, new: JSON) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else key
            yield from _changes(inner, old.get(key, NOT_GIVEN), new.get(key, NOT_GIVEN))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before, after = (
                side[index] if index < len(side) else NOT_GIVEN for side in (old, new)
            )
            yield from _changes(f"{path}[{index}]", before, after)
    elif old is NOT_GIVEN or new is NOT_GIVEN or not equal(old, new):
        before, after = (
            HIDDEN if is_secret(path) else _shown(value) for value in (old, new)
        )
        yield f"{path} {before} -> {after}"


def _shown(value: object) -> str:
    if value is NOT_GIVEN:
        return "nothing"
    text = json.dumps(shown(value), ensure_ascii=False)
    cut = SHOWN_CHARACTERS - 1
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:cut]}…"
