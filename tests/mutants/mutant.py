"""Mutant: the cache without one guard, and the promise that is broken then."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from tests.mutants.edition import Change
from tests.mutants.world import Promise

CELLS: Final = "caches.coherence.cells"
HOOK: Final = "caches.coherence.hook"


class Mutant(NamedTuple):
    """What is changed so that a guard is gone, and what notices."""

    promise: Promise
    changes: tuple[Change, ...]


#: By what the guard says.
Mutants: TypeAlias = dict[str, Mutant]


def without(promise: Promise, *changes: tuple[str, str, str]) -> Mutant:
    """Return a mutant; each change is a module, a text of it, and what replaces that."""
    return Mutant(promise, tuple(Change(*one) for one in changes))
