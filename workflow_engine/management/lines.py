"""Lines: events from a file of JSON Lines, each with the number of its line."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.types.envelope import Limits, accept
from workflow_engine.types.event import Event

#: More than an event can need, whatever its spaces and escapes; a file that is no JSON
#: Lines may have no end of a line at all.
LONGEST_BYTES: Final = 16 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """The file cannot be read, or not further."""


@dataclass(frozen=True)
class Line:
    """One line: an event, or what is wrong with it."""

    number: int
    event: Event | None
    problems: tuple[str, ...] = ()
    size_bytes: int = 0


def open_lines(name: str) -> BinaryIO:
    """Open a file; `-` is standard input, `.gz` is unpacked.

    Raises:
        Unreadable: It is not there, or may not be read.
    """
    if name == "-":
        return sys.stdin.buffer
    path = Path(name)
    try:
        if path.suffix == ".gz":
            return cast("BinaryIO", gzip.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise Unreadable(f"{name} cannot be read: {error.strerror}") from error


def read_lines(source: BinaryIO, *, first: int, environment: str) -> Iterator[Line]:
    """Yield the lines from number `first` on; empty ones are passed over.

    `environment` is given to events that have none.

    Raises:
        Unreadable: The file is damaged from some line on.
    """
    number = 0
    while text := _next(source, number):
        number += 1
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if number >= first and text.strip():
            yield _line(number, text, environment)


def _next(source: BinaryIO, number: int) -> bytes:
    """Return a line, the beginning of one that is too long, or nothing at the end."""
    try:
        text = rest = source.readline(LONGEST_BYTES + 1)
        while len(rest) > LONGEST_BYTES and not rest.endswith(b"\n"):
            rest = source.readline(LONGEST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Unreadable(f"cannot be read after line {number}: {error}") from error
    return text


def _line(number: int, text: bytes, environment: str) -> Line:
    size = len(text)
    if size > LONGEST_BYTES:
        return Line(number, None, (f"longer than {LONGEST_BYTES} bytes",), size)
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
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
