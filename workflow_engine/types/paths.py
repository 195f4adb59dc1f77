"""Path: where to look in an event, as written in conditions, detectors and templates.

    path     = root *( "." segment )
    segment  = "*" / bare / quoted
    bare     = 1 or more characters but dot, quote, asterisk and white space
    quoted   = a key in double quotes; a quote or backslash in it follows a backslash

On an object a segment is a key, on a list a bare whole number is an index, negative from the
end. One `*` maps over a list and gives the list of what was found. Anything else is MISSING.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.event import JSON

ROOTS: Final = frozenset(
    {
        "id",
        "source",
        "type",
        "subject",
        "time",
        "environment",
        "data",
        "extensions",
        "detection",
    }
)
MAX_SEGMENTS: Final = 20
MAX_CHARACTERS: Final = 300

_SEGMENT: Final = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<star>\*)|(?P<bare>[^."*\s]+)'
)
_BARE: Final = re.compile(r'[^."*\s]+')
_INDEX: Final = re.compile(r"0|-?[1-9][0-9]*")
_ESCAPED: Final = re.compile(r'\\(["\\])')
_KEPT_PATHS: Final = 4096  # far above the paths of one rule base; bounds foreign input

# A key, and the index it stands for on a list, if it can.
_Step: TypeAlias = tuple[str, int | None]


class Missing:
    """The class of MISSING: nothing is there, which is neither null nor empty nor false."""

    _only: Missing | None = None

    def __new__(cls) -> Missing:
        """Return the one instance, also to copy and unpickle."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> tuple[type[Missing], tuple[()]]:
        return Missing, ()


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Path:
    """A path that follows the grammar; made by `parse_path`.

    Attributes:
        text: As written.
        root: Its first word.
        before: Steps below the root, up to the `*` if there is one.
        after: Steps below each element of the list; None = there is no `*`.
    """

    text: str
    root: str
    before: tuple[_Step, ...] = ()
    after: tuple[_Step, ...] | None = None

    def find(self, value: JSON) -> JSON | Missing:
        """Return what is there below the value of the root, or MISSING."""
        value = _walk(self.before, value)
        if self.after is None:
            return value
        if not isinstance(value, list):
            return MISSING
        found = (_walk(self.after, element) for element in value)
        return [one for one in found if one is not MISSING]


def _walk(steps: tuple[_Step, ...], value: JSON) -> JSON | Missing:
    for key, index in steps:
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif index is not None and isinstance(value, list):
            inside = -len(value) <= index < len(value)
            value = value[index] if inside else MISSING
        else:
            return MISSING
    return value


@lru_cache(maxsize=_KEPT_PATHS)
def parse_path(text: str, roots: AbstractSet[str] = ROOTS) -> Path:
    """Return the path of a text; the same text gives the same object again.

    Args:
        text: The path as written.
        roots: The words it may begin with, a frozenset; templates know more of them.

    Raises:
        InvalidPath: The text does not follow the grammar; says what was found and the cure.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidPath(
            f"Path '{text[:40]}…' is {len(text)} characters, at most {MAX_CHARACTERS}."
        )
    root = text.partition(".")[0]
    if root not in roots:
        known = ", ".join(sorted(roots))
        message = f"Path '{text}' begins with '{root}'; begin it with one of {known}."
        raise InvalidPath(message)
    before, star, after = _split(_steps(text, len(root)))
    if "*" in after:
        raise InvalidPath(f"Path '{text}' has a second '*'; only one is allowed.")
    return Path(text, root, _keys(before), _keys(after) if star else None)


def quote_key(key: str) -> str:
    """Return the segment that names this key: bare where that is enough, else quoted."""
    if _BARE.fullmatch(key):
        return key
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_Segment: TypeAlias = _Step | str  # "*" is the only string among them


def _steps(text: str, at: int) -> list[_Segment]:
    found: list[_Segment] = []
    while at < len(text):
        match = _SEGMENT.match(text, at + 1) if text[at] == "." else None
        if match is None:
            raise InvalidPath(_what_is_wrong(text, at))
        found.append(_step(match))
        at = match.end()
    if len(found) > MAX_SEGMENTS:
        message = (
            f"Path '{text}' has {len(found)} segments below its root, "
            f"at most {MAX_SEGMENTS}; send the value nearer to the top."
        )
        raise InvalidPath(message)
    return found


def _step(match: re.Match[str]) -> _Segment:
    quoted, star, bare = match.group("quoted", "star", "bare")
    if star is not None:
        return "*"
    if bare is not None:
        return bare, int(bare) if _INDEX.fullmatch(bare) else None
    return _ESCAPED.sub(r"\1", quoted), None


def _split(
    segments: list[_Segment],
) -> tuple[list[_Segment], bool, list[_Segment]]:
    if "*" not in segments:
        return segments, False, []
    place = segments.index("*")
    return segments[:place], True, segments[place + 1 :]


def _keys(segments: list[_Segment]) -> tuple[_Step, ...]:
    return tuple(segment for segment in segments if not isinstance(segment, str))


def _what_is_wrong(text: str, at: int) -> str:
    """Name the thing at `at`, where a dot and a segment should have been."""
    if text[at] != ".":
        cure = "put a dot before it, or the whole key in quotes"
        return f"Path '{text}' has {text[at]!r} at character {at + 1}; {cure}."
    rest = text[at + 1 : at + 2]
    if rest in {"", "."}:
        cure = 'write a key after the dot, or "" for the empty key'
        return f"Path '{text}' has an empty segment at character {at + 2}; {cure}."
    if rest == '"':
        cure = r"close it, and write \" and \\ for a quote and a backslash in it"
        return f"Path '{text}' has an open quote at character {at + 2}; {cure}."
    cure = "put the whole key in quotes"
    return f"Path '{text}' has {rest!r} at character {at + 2}; {cure}."
