"""Facts: one event, and what is known beside it, by path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from workflow_engine.types.event import JSON, Event
from workflow_engine.types.instants import instant_text, parse_instant
from workflow_engine.types.paths import MISSING, ROOTS, Missing, parse_path

_NOTHING: Final[Mapping[str, str]] = {}
_NOT_ASKED: Final = object()


class Facts:
    """What conditions, detectors and templates may ask of an event.

    An event without subject or environment has none: these paths are MISSING then. So is
    `detection` as long as no detector has spoken. Not to be changed after it was made.

    Attributes:
        event: The event.
        last: Path to the sight (`conditions.sight`) of what the detector saw there before;
            a path that is not in it was never seen.
    """

    __slots__ = ("_found", "_roots", "event", "last")

    def __init__(
        self,
        event: Event,
        detection: Mapping[str, JSON] | None = None,
        extra: Mapping[str, JSON] | None = None,
        last: Mapping[str, str] | None = None,
    ) -> None:
        """Take the event, and what else there is.

        Args:
            event: The event.
            detection: With keys detector, change, priority, previous_priority, value,
                episode; None where no detector has spoken.
            extra: Further roots and their values.
            last: See the class.
        """
        self.event = event
        self.last = _NOTHING if last is None else last
        self._roots = ROOTS
        # By path, and filled as paths are asked for: a rule base asks the same ones often.
        self._found: dict[str, JSON | Missing] = {
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject or MISSING,
            "environment": event.environment or MISSING,
            "data": event.data,
            "extensions": event.extensions,
            "detection": MISSING if detection is None else dict(detection),
        }
        if extra is not None:
            self._found.update(extra)
            self._roots = ROOTS.union(extra)

    def get(self, path: str) -> JSON | Missing:
        """Return the value at a path, or MISSING; `time` as RFC 3339 text in UTC.

        The value is shared with everybody who asks and not to be changed.

        Raises:
            InvalidPath: The path does not follow the grammar.
        """
        value = self._found.get(path, _NOT_ASKED)
        if value is _NOT_ASKED:
            value = self._found[path] = self._find(path)
        return value

    def _find(self, path: str) -> JSON | Missing:
        parsed = parse_path(path, self._roots)
        if parsed.root != "time":
            return parsed.find(self._found[parsed.root])
        return parsed.find(instant_text(self.event.time))

    def instant(self, path: str) -> datetime | Missing:
        """Return the moment at a path, aware, in UTC; MISSING where there is no such text.

        Raises:
            InvalidPath: The path does not follow the grammar.
        """
        if path == "time":
            return self.event.time
        value = self.get(path)
        moment = parse_instant(value) if isinstance(value, str) else None
        return MISSING if moment is None else moment
