"""Priority: how much a detection matters."""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """Four steps, stored as numbers with room between them."""

    OK = 0
    LOW = 25
    MEDIUM = 50
    HIGH = 75

    @property
    def label(self) -> str:
        """The name used in configuration, JSON and on screens."""
        return self.name.lower()

    @classmethod
    def named(cls, name: str) -> Priority:
        """Return the priority of a configuration name; KeyError for another word."""
        return cls[name.upper()]
