"""Event: what came in, as accepted; a frozen value with CloudEvents attribute names."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

# Any JSON value: Python has no recursive alias that mypy and msgspec both take.
JSON: TypeAlias = Any


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted event.

    Attributes:
        id: Name of the event at its source; with `source` it names the event.
        source: Where it comes from.
        type: What kind of thing happened, dotted.
        time: When it happened, aware, UTC.
        accepted_at: When it was accepted here, aware, UTC; absence is measured by it.
        subject: What it is about; "" = no subject.
        environment: "" = no environment.
        data: Any JSON value.
        datacontenttype: Kept, not interpreted.
        dataschema: Kept, not interpreted.
        extensions: Other attributes: string, integer or boolean.
    """

    id: str
    source: str
    type: str
    time: datetime
    accepted_at: datetime
    subject: str = ""
    environment: str = ""
    data: JSON = None
    datacontenttype: str = ""
    dataschema: str = ""
    extensions: dict[str, str | int | bool] = {}

    @property
    def key(self) -> str:
        """SHA-256 over source and id, hexadecimal: the name of this event in receipts."""
        text = f"{len(self.source)}:{self.source}{self.id}"
        return hashlib.sha256(text.encode()).hexdigest()


def to_message(event: Event) -> dict[str, JSON]:
    """Return the event as plain JSON data, for a broker or an item."""
    message: dict[str, JSON] = msgspec.to_builtins(event)
    return message


def from_message(message: JSON) -> Event:
    """Return the event of a message made by `to_message`; ValueError for anything else."""
    return msgspec.convert(message, Event)
