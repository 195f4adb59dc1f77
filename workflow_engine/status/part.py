"""Part: one line of the report; its level is that of the worst that is said in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from workflow_engine.types.event import JSON

NOTHING: Final = "-"


class Level(IntEnum):
    """How well something is; the larger, the worse."""

    OK = 0
    WARN = 1
    ERROR = 2

    @property
    def shown(self) -> str:
        """The word in a line for people: what is not well is in capitals."""
        return "ok" if self is Level.OK else self.name


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row with a page of its own.

    Attributes:
        model: Its name, in small letters.
        pk: Of the row.
    """

    model: str
    pk: int


@dataclass(frozen=True, kw_only=True)
class Remark:
    """One thing that is said of a part.

    Attributes:
        text: What is so.
        level: How well that is.
        cure: What to type or where to look; "" = nothing is known.
        row: What it is about; None = no row in particular.
    """

    text: str
    level: Level = Level.OK
    cure: str = ""
    row: Row | None = None


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is said of one part.

    Attributes:
        name: Of the part.
        remarks: In the order they are read.
        facts: The same as values, for programs.
    """

    name: str
    remarks: tuple[Remark, ...]
    facts: Mapping[str, JSON]

    @property
    def level(self) -> Level:
        """That of the worst remark."""
        return worst(remark.level for remark in self.remarks)

    @property
    def text(self) -> str:
        """All remarks."""
        return ", ".join(remark.text for remark in self.remarks)

    @property
    def cure(self) -> str:
        """Of the first of the worst remarks that has one; "" = none."""
        cures = (one.cure for one in self.remarks if one.level is self.level)
        return next(filter(None, cures), "")

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "name": self.name,
            "level": self.level.name.lower(),
            "text": self.text,
            "cure": self.cure,
            "facts": dict(self.facts),
        }


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst level; of none, that all is well."""
    return max(levels, default=Level.OK)


def grouped(number: int) -> str:
    """Return a number with a space before each three digits."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural unless there is one."""
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"
