"""Template: a text with `{{ path }}` or `{{ path|filter:"argument" }}` in it.

Plain JSON in, text out: no tags, no loops, no attributes, no calls. Paths are those of
conditions, and may also begin with `workflow`, `firing` or `now`. In an argument a quote or
backslash follows a backslash.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

from workflow_engine.actions.filters import FILTERS, Filter, Value, json_of, text_of
from workflow_engine.exceptions import InvalidPath, InvalidTemplate
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import MISSING, ROOTS, parse_path
from workflow_engine.types.secrets import REDACTED, Secrets

TEMPLATE_CHARACTERS: Final = 10_000
RENDERED_CHARACTERS: Final = 65_536
TEMPLATE_ROOTS: Final = ROOTS | {"workflow", "firing", "now"}

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_SLOT: Final = re.compile(rf'\{{\{{((?:[^"{{}}]|{_QUOTED})*)\}}\}}', re.DOTALL)
_PATH: Final = re.compile(rf'((?:[^"|]|{_QUOTED})*)', re.DOTALL)
_FILTER: Final = re.compile(rf"\|\s*([A-Za-z_]+)\s*(?::\s*({_QUOTED})\s*)?", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_KEPT_TEMPLATES: Final = 2048  # far above the texts of one rule base


class Escape(StrEnum):
    """Where a value lands, and so what must not be in it as it is."""

    NONE = "none"
    HTML = "html"
    JSON_STRING = "json"


_ESCAPES: Final[dict[Escape, Callable[[str], str]]] = {
    Escape.NONE: lambda text: text,
    Escape.HTML: html.escape,
    Escape.JSON_STRING: lambda text: json_of(text)[1:-1],
}


@dataclass(frozen=True)
class Rendered:
    """What became of a template.

    Attributes:
        text: The text.
        missing: Paths at which nothing was and no default stood, as written, each once.
        is_cut: The text was longer than it may be, and ends where the limit is.
    """

    text: str
    missing: tuple[str, ...] = ()
    is_cut: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence per thing that a reader of the text should know."""
        notes = tuple(f"{path} is missing" for path in self.missing)
        return (*notes, f"cut at {len(self.text)} characters") if self.is_cut else notes


@dataclass(frozen=True)
class _Slot:
    """One `{{ … }}`: a path and the filters its value goes through."""

    path: str
    filters: tuple[tuple[Filter, str], ...]

    def value(self, facts: Facts, secrets: Secrets | None) -> Value:
        value = facts.get(self.path)
        if secrets is not None and value is not MISSING:
            if secrets.leads_to(self.path):
                return REDACTED  # whole: no filter is to say how long a secret is
            value = secrets.redact(value)
        for one, argument in self.filters:
            value = one.apply(value, argument)
        return value


_Piece: TypeAlias = str | _Slot


@dataclass(frozen=True)
class Template:
    """A text that follows the grammar; made by `compile_template`."""

    pieces: tuple[_Piece, ...]

    def render(
        self,
        facts: Facts,
        escape: Escape = Escape.NONE,
        limit_characters: int = RENDERED_CHARACTERS,
        secrets: Secrets | None = None,
    ) -> Rendered:
        """Return the text with its values, each escaped; what the author wrote is not.

        A missing value is "" and noted. Never raises for a value, whatever it is.

        Args:
            facts: Made with the roots `workflow`, `firing` and `now` as extra.
            escape: Where the text lands.
            limit_characters: Where the text is cut, never inside an escape.
            secrets: What the text must not say; None = it says all.
        """
        written: list[str] = []
        missing: dict[str, None] = {}
        room, is_cut = limit_characters, False
        for piece in self.pieces:
            value = piece if isinstance(piece, str) else piece.value(facts, secrets)
            if isinstance(piece, _Slot) and value is MISSING:
                missing[piece.path] = None
                continue
            as_is = isinstance(piece, str) or escape is Escape.NONE
            text, is_cut = _fit(text_of(value), Escape.NONE if as_is else escape, room)
            written.append(text)
            room -= len(text)
            if is_cut:
                break
        return Rendered("".join(written), tuple(missing), is_cut)


def _fit(text: str, escape: Escape, room: int) -> tuple[str, bool]:
    """Return the longest beginning whose escaped form fits, escaped; and whether it is cut."""
    escaped = _ESCAPES[escape]
    # An escaped text is never shorter, so more than `room` characters need no look.
    whole = escaped(text[: room + 1])
    if len(whole) <= room:
        return whole, False
    fitting = bisect_right(
        range(1, room + 1), room, key=lambda length: len(escaped(text[:length]))
    )
    return escaped(text[:fitting]), True


@lru_cache(maxsize=_KEPT_TEMPLATES)
def compile_template(text: str) -> Template:
    """Return the template of a text; the same text gives the same object again.

    Raises:
        InvalidTemplate: The text does not follow the grammar; names the place and the cure.
    """
    if len(text) > TEMPLATE_CHARACTERS:
        message = f"Template is {len(text)} characters, at most {TEMPLATE_CHARACTERS}."
        raise InvalidTemplate(message)
    tag = text.find("{%")
    if tag >= 0:
        raise _refused(tag, "'{%'", "there are no tags, only {{ path }}")
    pieces: list[_Piece] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        match = _SLOT.match(text, start)
        if match is None:
            raise _refused(start, "'{{' without its end", "write {{ path }}")
        pieces += [text[at:start], _slot(match[1], match.start(1))]
        at = match.end()
    pieces.append(text[at:])
    return Template(tuple(piece for piece in pieces if piece != ""))


def template_problems(text: str) -> list[str]:
    """Return what is wrong with a template as one sentence; empty when it is fine."""
    try:
        compile_template(text)
    except InvalidTemplate as error:
        return [str(error)]
    return []


def _slot(inside: str, place: int) -> _Slot:
    match = _PATH.match(inside)
    path = match[1].strip() if match else ""
    if not path:
        raise _refused(place, "no path", "write {{ data.name }}")
    try:
        parse_path(path, TEMPLATE_ROOTS)
    except InvalidPath as error:
        raise InvalidTemplate(f"Template, character {place + 1}: {error}") from error
    at = match.end() if match else 0
    filters: list[tuple[Filter, str]] = []
    while at < len(inside):
        found = _FILTER.match(inside, at)
        if found is None:
            cure = 'write |name or |name:"argument"'
            raise _refused(place + at, repr(inside[at : at + 10]), cure)
        filters.append(_filter(found[1], found[2], place + at))
        at = found.end()
    return _Slot(path, tuple(filters))


def _filter(name: str, quoted: str | None, place: int) -> tuple[Filter, str]:
    known = FILTERS.get(name)
    if known is None:
        raise _refused(place, f"filter '{name}'", f"use one of {', '.join(FILTERS)}")
    if quoted is not None and not known.takes:
        raise _refused(place, f"filter '{name}' with an argument", "it takes none")
    argument = known.default if quoted is None else _ESCAPED.sub(r"\1", quoted[1:-1])
    if argument is None:
        cure = f'it takes {known.takes}: |{name}:"…"'
        raise _refused(place, f"filter '{name}' without an argument", cure)
    problem = known.problem(argument)
    if problem:
        raise _refused(place, f"filter '{name}' with \"{argument}\"", problem)
    return known, argument


def _refused(place: int, found: str, cure: str) -> InvalidTemplate:
    return InvalidTemplate(f"Template has {found} at character {place + 1}; {cure}.")
