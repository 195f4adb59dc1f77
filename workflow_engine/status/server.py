"""Server: whether the Redis behind the look-ups answers, and is one to cache with.

It is asked by itself: what a look-up of this process would be told, which may have stopped
asking, says nothing of the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from workflow_engine.caches.coherence import current
from workflow_engine.caches.stores.base import Server
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.status.away import words
from workflow_engine.status.part import Level, Part, Remark

#: From here on a script may ask who the server is.
OLDEST: Final = (6, 2)

#: Reasons of a server that was not there to be asked; with any other it said no.
AWAY: Final = frozenset({"connection", "timeout"})

_VERSION: Final = re.compile(r"(\d+)\.(\d+)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What came of asking.

    Attributes:
        alias: Of the cache; None = entries are kept in each process.
        server: What it says of itself; None = it was not asked, or did not answer.
        reason: Why it did not answer, in one word; "" = it did.
        message: The same as a sentence, which may hold an address: for who runs a command.
    """

    alias: str | None
    server: Server | None = None
    reason: str = ""
    message: str = ""


def ask() -> Asked:
    """Ask the server; one round trip on a connection of this process, and no query."""
    alias = options.CACHE_ALIAS
    try:
        return Asked(alias=alias, server=current().server())
    except CacheUnavailable as error:
        return Asked(alias=alias, reason=error.reason, message=str(error))


def judge(asked: Asked) -> Part:
    """Return what is to be said of it."""
    server = asked.server
    facts = {
        "alias": asked.alias,
        "is_reached": None if asked.alias is None else asked.reason not in AWAY,
        "reason": asked.reason,
        "version": server and server.version,
        "role": server and server.role,
        "maxmemory_policy": server and server.memory_policy,
    }
    return Part(name="cache", remarks=(_remark(asked),), facts=facts)


def _remark(asked: Asked) -> Remark:
    if asked.alias is None:
        return Remark(text="process store")
    if asked.server is None:
        what = "was not reached" if asked.reason in AWAY else "cannot be used"
        text = f"cache '{asked.alias}' {what}: {words(asked.reason)}"
        return Remark(text=text, level=Level.ERROR)
    if _is_too_old(asked.server.version):
        oldest = ".".join(map(str, OLDEST))
        text = f"Redis {asked.server.version} is too old: {oldest} is the oldest that will do"
        return Remark(text=text, level=Level.ERROR)
    policy = asked.server.memory_policy or "not told"
    return Remark(text=f"Redis answers, maxmemory-policy {policy}")


def _is_too_old(version: str) -> bool:
    """Whether it is; a server that names no number is let pass, and judged by what it does."""
    found = _VERSION.match(version)
    return found is not None and (int(found[1]), int(found[2])) < OLDEST
