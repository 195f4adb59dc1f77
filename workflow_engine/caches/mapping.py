"""Mapping: how the entries of one access are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")


@dataclass(frozen=True)
class CacheMapping(Generic[K]):
    """Names of entries.

    Attributes:
        namespace: Name of the access, unique among all; also its name on screens.
        suffix: Turns a key into text; different keys never give the same text.
    """

    namespace: str
    suffix: Callable[[K], str]

    def name(self, key: K) -> str:
        """Return the name of the entry of a key."""
        return f"{self.namespace}:{self.suffix(key)}"
