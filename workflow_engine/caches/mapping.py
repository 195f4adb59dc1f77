"""Mapping: how the entries of one access are named, by key and by changed row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from django.db import models

K = TypeVar("K")

#: A row by column name: read from an instance, or from an image the database kept.
Row: TypeAlias = Mapping[str, Any]

#: The largest id that a row can have.
LARGEST_ID: Final = 2**63 - 1


def parse_id(text: str) -> int:
    """Return the id that people typed.

    Raises:
        ValueError: It is none; the message says what one looks like.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST_ID)):
        message = f"a key of this access is an id such as 7, not {text!r}"
        raise ValueError(message)
    number = int(text)
    if number > LARGEST_ID:
        message = f"no row has an id above {LARGEST_ID}, so none has {text}"
        raise ValueError(message)
    return number


def unreadable(text: str) -> Any:
    """Refuse every text: the keys of such an access are not typed by people."""
    message = f"keys of this access cannot be typed, so {text!r} is none"
    raise ValueError(message)


def text_of(key: Any) -> str:
    """Return a key as people type it."""
    if isinstance(key, tuple):
        return "@".join(str(part) for part in key if part)
    return str(key)


def no_more() -> Iterable[Any]:
    """Return no key: every suffix tells its own."""
    return ()


@dataclass(frozen=True)
class CacheMapping(Generic[K]):
    """Names of entries.

    Attributes:
        namespace: Name of the access, unique among all; also its name on screens.
        suffix: Turns a key into text; different keys never give the same text.
        parse: Reads a key as people type it; ValueError with a sentence for nonsense.
        known: Keys to try where a suffix is not what `parse` reads: what the database
            gives a reason to ask. One query.
    """

    namespace: str
    suffix: Callable[[K], str]
    parse: Callable[[str], K] = unreadable
    known: Callable[[], Iterable[K]] = no_more

    def name(self, key: K) -> str:
        """Return the name of the entry of a key."""
        return f"{self.namespace}:{self.suffix(key)}"


@dataclass(frozen=True)
class Direct(Generic[K]):
    """The keys stand in the row itself; of a change, the old and the new row both count.

    Attributes:
        columns: What the function reads.
        keys_of_row: The entries that a row spoils; no query.
    """

    columns: tuple[str, ...]
    keys_of_row: Callable[[Row], set[K]]


@dataclass(frozen=True)
class Resolved(Generic[K]):
    """The keys need a query, one for many rows, on the database where these changed.

    Attributes:
        columns: What the function reads.
        resolve: The entries that rows spoil, by what the database says when it is asked.
    """

    columns: tuple[str, ...]
    resolve: Callable[[Sequence[Row], str], set[K]]


Dependency: TypeAlias = Direct[K] | Resolved[K]


def row_of(instance: models.Model) -> Row:
    """Return the row of an instance as it stands in memory; follows no relation."""
    return {
        field.column or field.attname: field.value_from_object(instance)
        for field in instance._meta.concrete_fields
    }
