"""Keys: which entries are there, by key, and keys as people read them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from workflow_engine import clock
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.question import Question

AnyQuestion = Question[Any, Any]

#: No key is None.
_NONE: Final = None


@dataclass(kw_only=True)
class Sample:
    """Keys of entries that are there.

    Attributes:
        keys: Of those entries, all or some taken at random.
        there: How many entries there are.
        nameless: Of how many of them the key is not known: the name is a hash of it, and
            no row leads to it.
        is_cut: Whether the time ran out before all of them were seen.
    """

    keys: list[Any] = field(default_factory=list)
    there: int = 0
    nameless: int = 0
    is_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many entries there are.

    Attributes:
        there: So many were seen.
        is_cut: Whether nobody looked further: there may be more.
    """

    there: int
    is_cut: bool


def sample(
    coherence: Coherence,
    question: AnyQuestion,
    most: int | None,
    *,
    deadline: float = inf,
) -> Sample:
    """Return at most `most` keys of entries that are there; None = all.

    By the monotonic clock it stops at `deadline`, with what it has seen by then.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    found = Sample()
    key_of = _reader(question)
    for suffixes in coherence.suffixes(question):
        if clock.monotonic() > deadline:
            found.is_cut = True
            break
        for suffix in suffixes:
            found.there += 1
            key = key_of(suffix)
            if key is _NONE:
                found.nameless += 1
            else:
                _keep(found, key, most)
    return found


def count(
    coherence: Coherence, question: AnyQuestion, *, most: int, deadline: float
) -> Count:
    """Return how many entries are there, as far as somebody looked.

    That is up to `most` or somewhat more, and by the monotonic clock up to `deadline`.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    there = 0
    for suffixes in coherence.suffixes(question):
        if there > most or clock.monotonic() > deadline:
            return Count(there=there, is_cut=True)
        there += len(suffixes)
    return Count(there=there, is_cut=False)


def _keep(found: Sample, key: Any, most: int | None) -> None:
    """Keep the key, or let chance decide: all entries are as likely to stay."""
    if most is None or len(found.keys) < most:
        found.keys.append(key)
        return
    place = random.randrange(found.there - found.nameless)  # noqa: S311 - no secret
    if place < most:
        found.keys[place] = key


def _reader(question: AnyQuestion) -> Callable[[str], Any]:
    """Return what finds the key of a suffix; it asks the database once, if at all."""
    mapping = question.mapping
    known: dict[str, Any] | None = None

    def read(suffix: str) -> Any:
        nonlocal known
        try:
            key = mapping.parse(suffix)
        except ValueError:
            pass
        else:
            if mapping.suffix(key) == suffix:
                return key
        if known is None:
            known = {mapping.suffix(key): key for key in mapping.known()}
        return known.get(suffix, _NONE)

    return read
