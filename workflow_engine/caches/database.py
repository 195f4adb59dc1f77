"""Database: which one an alias leads to, and whether a transaction is open there."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.models.cache_rows import CacheOutbox

HASH_DIGITS: Final = 12

#: Ask who the server is, which of its databases this is, in which schema our tables are,
#: and whether it replays another's. The schema by name: made anew it is the same again, and
#: processes that asked before and after still meet.
IDENTITY: Final = """
    SELECT (SELECT system_identifier FROM pg_control_system())::text,
           (SELECT oid FROM pg_database WHERE datname = current_database())::text,
           (SELECT relnamespace FROM pg_class WHERE oid = to_regclass(%s))::regnamespace::text,
           pg_is_in_recovery()
"""

#: A database in memory is this process's own, and no other process's of the same number.
_PROCESS: Final = secrets.token_hex(8)

_Name: TypeAlias = tuple[str, ...]
_known: Final[dict[_Name, DatabaseIdentity]] = {}


@dataclass(frozen=True, kw_only=True)
class DatabaseIdentity:
    """Which database this is, whatever it is called.

    Attributes:
        hash: 12 hex digits; equal for two names of one database that find our tables in one
            schema.
        is_replica: Whether it only repeats what another one commits.
        is_migrated: Whether our tables are there; until then it has another hash.
    """

    hash: str
    is_replica: bool
    is_migrated: bool = True


def identity(using: str, *, again: bool = False) -> DatabaseIdentity:
    """Return which database an alias leads to; one query per process and name.

    With `again` it is asked in any case: a replica may have been promoted. It is also asked
    as long as our tables are not there.

    Raises:
        CacheUnavailable: The database does not tell who it is.
        django.db.Error: It does not answer.
    """
    connection = connections[using]
    key = _key(connection)
    if again:
        _known.pop(key, None)
    known = _known.get(key)
    if known is None:
        known = _ask(connection, _name(connection))
        if known.is_migrated:
            _known[key] = known
    return known


def is_same(using: str, other: str) -> bool:
    """Whether two aliases lead to one database, and there to the same tables of ours."""
    return using == other or identity(using).hash == identity(other).hash


def in_transaction(using: str) -> bool:
    """Whether a transaction is open: an atomic block, or autocommit is off.

    Opens no connection.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        return True
    if connection.connection is None:
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


def _key(connection: BaseDatabaseWrapper) -> _Name:
    """Return by what an answer is known: all that may lead elsewhere, to a schema too."""
    settings = connection.settings_dict
    return (*_name(connection), str(settings["USER"]), repr(settings["OPTIONS"]))


def _name(connection: BaseDatabaseWrapper) -> _Name:
    settings = connection.settings_dict
    at = (str(settings[key]) for key in ("HOST", "PORT", "NAME"))
    if _is_in_memory(connection):
        return ("memory", _PROCESS, str(os.getpid()), connection.alias, *at)
    return (connection.vendor, *at)


def _is_in_memory(connection: BaseDatabaseWrapper) -> bool:
    name = str(connection.settings_dict["NAME"])
    return connection.vendor == "sqlite" and (
        name == ":memory:" or "mode=memory" in name
    )


def _ask(connection: BaseDatabaseWrapper, name: _Name) -> DatabaseIdentity:
    if connection.vendor == "postgresql":
        return _ask_postgres(connection)
    if connection.vendor == "sqlite" and not _is_in_memory(connection):
        path = Path(str(connection.settings_dict["NAME"])).resolve()
        name = ("sqlite", str(path))
    return DatabaseIdentity(hash=_hash(name), is_replica=False)


def _ask_postgres(connection: BaseDatabaseWrapper) -> DatabaseIdentity:
    try:
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(CacheOutbox._meta.db_table)
            cursor.execute(IDENTITY, [table])
            server, database, schema, is_replica = cursor.fetchone()
    except DatabaseError as error:
        if connection.connection is None or not connection.is_usable():
            raise
        # Another way to name it could give one database two names, and then what is
        # forgotten under one would still be answered under the other.
        message = (
            f"database '{connection.alias}' does not say which it is: {error}; "
            "grant its user EXECUTE on pg_control_system()"
        )
        raise CacheUnavailable("no_identity", message, closes=True) from error
    return DatabaseIdentity(
        hash=_hash(("postgresql", server, database, schema or "")),
        is_replica=is_replica,
        is_migrated=schema is not None,
    )


def _hash(parts: _Name) -> str:
    text = "\0".join(parts)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[
        :HASH_DIGITS
    ]
