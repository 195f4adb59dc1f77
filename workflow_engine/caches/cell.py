"""Cell: the bytes of one entry, a permit or a value; pure.

    permit  P 1  incarnation 16  nonce 16
    value   V 1  incarnation 16  nonce 16  schema 8  filled at 8  payload

Incarnation and nonce of a value are those of the permit it replaced.
"""

from __future__ import annotations

import os
from typing import Final

NONCE_BYTES: Final = 16
INCARNATION_BYTES: Final = 16
SCHEMA_BYTES: Final = 8

PERMIT_BYTES: Final = 2 + INCARNATION_BYTES + NONCE_BYTES
SCHEMA_AT: Final = PERMIT_BYTES
FILLED_AT: Final = SCHEMA_AT + SCHEMA_BYTES
PAYLOAD_AT: Final = FILLED_AT + 8

#: What tells one filling of an entry from every other, and from another schema.
COMPARED_BYTES: Final = FILLED_AT

PERMIT: Final = b"P\x01"
VALUE: Final = b"V\x01"


def new_nonce() -> bytes:
    """Return bytes that never come back: for one command, sent once."""
    return os.urandom(NONCE_BYTES)


def new_permit(incarnation: bytes) -> bytes:
    """Return a permit that nobody else holds."""
    return PERMIT + incarnation + new_nonce()


def value_of(
    permit: bytes, *, schema: bytes, filled_at_ms: int, payload: bytes
) -> bytes:
    """Return the value that replaces a permit; `filled_at_ms` is since 1970, for people."""
    filled_at = filled_at_ms.to_bytes(8, "big")
    return VALUE + permit[2:] + schema + filled_at + payload


def is_permit(cell: bytes, incarnation: bytes) -> bool:
    """Whether somebody is filling, under this reign of the server."""
    return len(cell) == PERMIT_BYTES and cell.startswith(PERMIT + incarnation)


def filled_at_ms(value: bytes) -> int:
    """Return when a value was filled, in milliseconds since 1970 by its filler's clock."""
    return int.from_bytes(value[FILLED_AT:PAYLOAD_AT], "big")
