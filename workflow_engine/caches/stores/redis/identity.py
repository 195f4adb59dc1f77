"""Identity: which reign of which server a connection leads to (X2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.caches.cell import INCARNATION_BYTES
from workflow_engine.exceptions import CacheUnavailable

#: The sections of INFO that are read, each by a command of its own: one command for
#: several needs Redis 7.
SECTIONS: Final = (b"server", b"replication")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers.

    Attributes:
        incarnation: Of a primary, 16 hex digits over its run id and replication id.
        role: "master", or "slave" for a replica.
    """

    incarnation: bytes
    role: str


def fields_of(replies: Sequence[Any]) -> dict[bytes, bytes]:
    """Return the fields in replies to INFO; what is no text has none."""
    lines = (
        line.partition(b":")
        for reply in replies
        if isinstance(reply, bytes)
        for line in reply.splitlines()
    )
    return {name: value for name, colon, value in lines if colon}


def identity_of(fields: dict[bytes, bytes]) -> Identity:
    """Return who answers.

    Raises:
        CacheUnavailable: A replica answers (`replica`), whose cells may be old; or it does
            not say who it is (`no_identity`), as behind a proxy or without permission.
    """
    run_id, replication_id = fields.get(b"run_id"), fields.get(b"master_replid")
    role = fields.get(b"role", b"").decode()
    if not (run_id and replication_id and role):
        message = "Redis does not say who it is: allow INFO, and connect directly."
        raise CacheUnavailable("no_identity", message, closes=True)
    if role != "master":
        message = f"Redis is a {role}: name the primary first in CACHES."
        raise CacheUnavailable("replica", message, closes=True)
    digest = hashlib.sha1(run_id + replication_id, usedforsecurity=False).hexdigest()
    return Identity(incarnation=digest[:INCARNATION_BYTES].encode(), role=role)
