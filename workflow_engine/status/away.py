"""Away: why a cache server cannot be used, in words that name neither host nor address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WORDS: Final[Mapping[str, str]] = {
    "timeout": "it did not answer in time",
    "connection": "the connection to it failed",
    "readonly": "it takes no writes",
    "loading": "it is still loading its data",
    "noperm": "it refuses what its user asked for",
    "masterdown": "it has lost its primary",
    "replica": "it is a replica, or the database is one",
    "no_identity": "it does not say which it is, or the database does not",
    "script": "a script failed on it",
    "breaker": "after errors it is not asked for a while",
}

#: Of a reason that has no words of its own.
_OTHER: Final = "it answered with an error"


def words(reason: str) -> str:
    """Return what to say of the reason of a `CacheUnavailable`, as a clause.

    The message of the error may hold the address of the server, and is for logs only.
    """
    return _WORDS.get(reason, _OTHER)
