"""Draft: an item before it is written, and what is refused in one."""

from __future__ import annotations

import json
import re
import secrets
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models.fields import SUBJECT_CHARACTERS
from workflow_engine.models.work_item import EARLIEST_DUE, KEY_CHARACTERS

OnTaken: TypeAlias = Literal["keep", "refresh", "move"]

NAME_CHARACTERS: Final = 64
ENVELOPE_BYTES: Final = 8192  # what an item holds beside the data of its event
TRACEPARENT: Final = "traceparent"  # in a payload: the span that wrote the item
FARTHEST: Final = timedelta(days=36_525)  # a hundred years
MOST_ATTEMPTS: Final = 2_147_483_647  # what the column holds

#: A zero character in JSON text; PostgreSQL stores none.
_ZERO: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An item to be written.

    Attributes:
        kind: Name of what carries it out.
        payload: Plain JSON data. Its `event`, if any, is dropped when the item is done or
            cancelled, and compared by `time` when the key is taken.
        due_at: When; None and any moment in the past mean now.
        subject: What it is about.
        lane: What limits and joint messages go by; "" means the kind.
        firing_id: The firing it carries out.
        dedupe_key: At most one item has it; a second draft returns the first one's id.
        key: At most one item that nobody has claimed yet is scheduled with it.
        on_taken: What a draft does whose key is taken: leave the other as it is ("keep"),
            replace its payload unless that one's event is later ("refresh"), or replace
            its payload and due time ("move").
        max_attempts: Attempts allowed; None = MAX_ATTEMPTS.
    """

    kind: str
    payload: Mapping[str, Any]
    due_at: datetime | None = None
    subject: str = ""
    lane: str = ""
    firing_id: uuid.UUID | None = None
    dedupe_key: str | None = None
    key: str | None = None
    on_taken: OnTaken = "keep"
    max_attempts: int | None = None

    def is_due(self, *, at: datetime) -> bool:
        """Whether it is to be carried out at once."""
        return self.due_at is None or self.due_at <= at

    def shard(self) -> int:
        """Return the part of the table it belongs to; a stable hash, or else chance."""
        name = self.key or self.subject or self.dedupe_key
        if not name:
            return secrets.randbelow(options.SHARDS)
        return zlib.crc32(name.encode()) % int(options.SHARDS)


def check_draft(draft: Draft, *, now: datetime) -> None:
    """Raise InvalidItem, naming the argument, unless the draft can be written."""
    _check_text("kind", draft.kind, NAME_CHARACTERS, least=1)
    _check_text("lane", draft.lane, NAME_CHARACTERS)
    _check_text("subject", draft.subject, SUBJECT_CHARACTERS)
    if draft.dedupe_key is not None:
        _check_text("dedupe_key", draft.dedupe_key, KEY_CHARACTERS, least=1)
    if draft.key is not None:
        _check_text("key", draft.key, KEY_CHARACTERS, least=1)
        if draft.dedupe_key is not None:
            raise InvalidItem("key", "goes without a dedupe_key; give one of the two")
    if draft.on_taken not in get_args(OnTaken):
        known = ", ".join(f"'{word}'" for word in get_args(OnTaken))
        raise InvalidItem("on_taken", f"must be one of {known}")
    if draft.due_at is not None:
        check_due(draft.due_at, now=now)
    _check_attempts(draft.max_attempts)
    _check_payload(draft.payload)


def check_due(due_at: datetime, *, now: datetime) -> None:
    """Raise InvalidItem unless an item can be due then."""
    check_moment("due_at", due_at)
    if not EARLIEST_DUE <= due_at <= now + FARTHEST:
        raise InvalidItem(
            "due_at", "must lie between the year 2000 and a hundred years from now"
        )


def check_moment(argument: str, moment: object) -> None:
    """Raise InvalidItem unless it is a moment that says where on Earth it is meant."""
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidItem(argument, "must be a datetime with a time zone")


def _check_text(argument: str, text: object, most: int, *, least: int = 0) -> None:
    if not isinstance(text, str):
        raise InvalidItem(argument, "must be a text")
    if not least <= len(text) <= most:
        raise InvalidItem(argument, f"must have {least} to {most} characters")
    if "\0" in text or not _is_unicode(text):
        raise InvalidItem(argument, "has characters that no database stores")


def _check_attempts(max_attempts: object) -> None:
    if max_attempts is None:
        return
    if (
        not isinstance(max_attempts, int)
        or isinstance(max_attempts, bool)
        or not 1 <= max_attempts <= MOST_ATTEMPTS
    ):
        raise InvalidItem("max_attempts", "must be a whole number from 1")


def _check_payload(payload: object) -> None:
    if not isinstance(payload, dict):
        raise InvalidItem("payload", "must be a dictionary")
    try:
        found = json_bytes(payload)
    except ValueError as error:
        raise InvalidItem("payload", f"must be plain JSON data: {error}") from error
    most = options.EVENT_MAX_BYTES + ENVELOPE_BYTES
    if found > most:
        raise InvalidItem("payload", f"is {found} bytes of JSON, at most {most}")


def json_bytes(value: Any) -> int:
    """Return the length of a value as compact UTF-8 JSON; ValueError if it has none.

    None has what no database stores: a zero character, half of a surrogate pair, NaN.
    """
    try:
        text = json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if _ZERO.search(text):
        raise ValueError("it has a zero character")
    return len(text.encode())


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
