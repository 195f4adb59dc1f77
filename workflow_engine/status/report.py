"""Report: all parts as they stood at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from workflow_engine.status import (
    every_event,
    failing,
    items,
    look_ups,
    rules,
    server,
    versions,
)
from workflow_engine.status.part import Level, Part, worst
from workflow_engine.status.versions import Versions
from workflow_engine.types.event import JSON


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found at a moment.

    Attributes:
        at: The moment.
        versions: Of what is at work.
        parts: Each with what is to be said of it.
        away: Why the cache server cannot be used, as it was told: it may hold an address,
            and is for who runs a command; "" = it can.
    """

    at: datetime
    versions: Versions
    parts: tuple[Part, ...]
    away: str

    @property
    def level(self) -> Level:
        """That of the worst part."""
        return worst(part.level for part in self.parts)

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "at": self.at.isoformat(),
            "level": self.level.name.lower(),
            "versions": dict(self.versions.by_name),
            "parts": [part.json() for part in self.parts],
        }


def read(using: str, now: datetime) -> Report:
    """Return how all stands; at most 13 queries, and one round trip to Redis if it is used.

    A Redis that is away is part of it.

    Raises:
        django.db.Error: The database does not answer, or was never migrated.
    """
    asked = server.ask()
    numbers = versions.read(using, asked)
    return Report(
        at=now,
        versions=numbers,
        parts=tuple(_parts(using, now, asked)),
        away=asked.message,
    )


def _parts(using: str, now: datetime, asked: server.Asked) -> Iterator[Part]:
    absent = rules.absent_tables(using)
    if absent:
        yield rules.judge_absent(absent)
        yield server.judge(asked)
        return
    yield rules.judge(rules.read(using))
    found = look_ups.read(using, now)
    yield look_ups.judge(found, is_server_there=asked.server is not None)
    yield server.judge(asked)
    work = items.read(using, now)
    yield items.judge(work)
    yield items.judge_dead(work)
    yield every_event.judge(every_event.read(using))
    yield failing.judge(failing.read(using), now)
