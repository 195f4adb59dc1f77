"""Lines: events from a file of JSON Lines, each with the number of its line."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.types.envelope import Limits, accept
from workflow_engine.types.event import Event


@dataclass(frozen=True)
class Line:
    """One line: an event, or what is wrong with it."""

    number: int
    event: Event | None
    problems: tuple[str, ...] = ()
    size_bytes: int = 0


def open_lines(name: str) -> BinaryIO:
    """Open a file, `-` for standard input, `.gz` unpacked; OSError when it cannot be read."""
    if name == "-":
        return sys.stdin.buffer
    path = Path(name)
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def read_lines(source: BinaryIO, *, first: int, environment: str) -> Iterator[Line]:
    """Yield the lines from number `first` on; empty ones are passed over.

    `environment` is given to events that have none.
    """
    for number, text in enumerate(source, start=1):
        if number >= first and text.strip():
            yield _line(number, text, environment)


def _line(number: int, text: bytes, environment: str) -> Line:
    size = len(text)
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Line(number, None, (f"not JSON: {error}",), size)
    if environment and isinstance(raw, dict) and not raw.get("environment"):
        raw["environment"] = environment
    limits = Limits(
        max_bytes=options.EVENT_MAX_BYTES, ahead_seconds=options.EVENT_AHEAD_SECONDS
    )
    accepted = accept(raw, index=0, now=clock.now(), limits=limits)
    if isinstance(accepted, Event):
        return Line(number, accepted, (), size)
    return Line(number, None, tuple(problem.message for problem in accepted), size)
