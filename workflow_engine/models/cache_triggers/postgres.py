"""PostgreSQL: what changed goes to the outbox, and with the COMMIT the number changes.

Functions run with the rights of who installed them, so that whoever may write a rule table
records it. The search path is fixed, so that nobody slips other objects in; and only their
owner may put them on a table: rows of another table could bring code of its owner along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from workflow_engine.models.cache_rows import ONLY, CacheGeneration, CacheOutbox
from workflow_engine.models.cache_triggers.watched import WATCHED

#: Where the insertion into the outbox is announced, without a word.
CHANNEL: Final = "workflow_engine_outbox"

#: Changed rows behind one outbox row.
PORTION_ROWS: Final = 1000

SEARCH_PATH: Final = "pg_catalog, pg_temp"

#: Bits of pg_trigger.tgtype.
_ROW, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 4, 8, 16, 32

_OLD, _NEW = "wfe_old", "wfe_new"

_Watched: TypeAlias = Mapping[type[models.Model], tuple[str, ...]]

#: By operation: bits, old rows, new rows, as pg_trigger has them.
_OPERATIONS: Final = {
    "INSERT": (_INSERT, None, _NEW),
    "UPDATE": (_UPDATE, _OLD, _NEW),
    "DELETE": (_DELETE, _OLD, None),
    "TRUNCATE": (_TRUNCATE, None, None),
}

#: Write the images of changed rows, old and new; a row that an UPDATE left identical to the
#: last byte (not just equal: 1 and 1.0 are equal in JSON) is no change.
RECORD: Final = """
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO {outbox} (source, rows)
        SELECT {source}, jsonb_agg(DISTINCT image) FROM (
            SELECT (row_number() OVER () - 1) / {portion} AS portion, {image} AS image
            FROM {new} AS one
        ) AS changed GROUP BY portion;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO {outbox} (source, rows)
        SELECT {source}, jsonb_agg(DISTINCT image) FROM (
            SELECT (row_number() OVER () - 1) / {portion} AS portion, {image} AS image
            FROM {old} AS one
        ) AS changed GROUP BY portion;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO {outbox} (source, rows)
        SELECT {source}, jsonb_agg(DISTINCT image) FROM (
            SELECT (row_number() OVER () - 1) / {portion} AS portion,
                   before.image AS old_image, after.image AS new_image
            FROM (SELECT one.{key}, one AS whole, {image} AS image FROM {old} AS one) AS before
            FULL JOIN
                 (SELECT one.{key}, one AS whole, {image} AS image FROM {new} AS one) AS after
              ON before.{key} = after.{key}
            WHERE before.{key} IS NULL OR after.{key} IS NULL
               OR before.whole *<> after.whole
        ) AS changed
        CROSS JOIN LATERAL (VALUES (old_image), (new_image)) AS side (image)
        WHERE image IS NOT NULL
        GROUP BY portion;
    ELSE
        INSERT INTO {outbox} (source, rows) VALUES ({source}, NULL);
    END IF;
    RETURN NULL;
END
"""

#: Change the number once per transaction, and announce that something is owed. What a dump
#: brought along says nothing: the row must be this transaction's own. One that was written
#: under a savepoint has that one's number, and is written once more.
BUMP: Final = """
DECLARE
    me CONSTANT bigint := pg_current_xact_id()::text::bigint;
BEGIN
    IF EXISTS (
        SELECT FROM {generation} WHERE id = {only} AND bumped_by = me
           AND xmin = pg_current_xact_id()::xid
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO {generation} (id, generation, bumped_by)
    VALUES (
        {only},
        ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint,
        me
    )
    ON CONFLICT (id) DO UPDATE
        SET generation = EXCLUDED.generation, bumped_by = EXCLUDED.bumped_by;
    PERFORM pg_notify({channel}, '');
    RETURN NULL;
END
"""

#: Make a trigger function anew. Writing to a table that has its trigger needs no right on it.
FUNCTION: Final = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = {search_path} AS $wfe${body}$wfe$;
    REVOKE ALL ON FUNCTION {name}() FROM PUBLIC
"""

#: Call the function once per statement.
RECORDING: Final = """
    CREATE TRIGGER {name} AFTER {operation} ON {table} {sides}
    FOR EACH STATEMENT EXECUTE FUNCTION {function}()
"""

#: Call the function at the COMMIT: the lock on the number is taken last, and held shortly.
DEFERRED: Final = """
    CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION {function}()
"""

#: Find the schema of a table by the search path of this connection.
SCHEMA: Final = """
    SELECT nspname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE pg_class.oid = to_regclass(%s)
"""

#: Describe our triggers on some tables.
INSTALLED: Final = """
    SELECT one, tgname::text, tgtype::int, tgenabled::text, tgoldtable::text, tgnewtable::text,
           tginitdeferred, prosrc, prosecdef, proconfig,
           EXISTS (
               SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner)))
               WHERE grantee = 0
           )
    FROM unnest(%s::text[]) AS one
    JOIN pg_trigger ON tgrelid = to_regclass(one)
    JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgname LIKE 'wfe\\_cache\\_%%'
"""

#: Always on, or on but for replicated rows.
_IS_ENABLED: Final = frozenset({"O", "A"})

#: Also the name of its trigger.
BUMP_FUNCTION: Final = "wfe_cache_bump"


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every function and trigger, in place of any that is there; in a transaction.

    A table or column that a later migration makes is left out.
    """
    quote = connection.ops.quote_name
    schema = quote(_schema(connection))
    with connection.cursor() as cursor:
        there = _there(connection, cursor)
        for table, function, body in _functions(connection, schema, there):
            name = f"{schema}.{quote(function)}"
            cursor.execute(
                FUNCTION.format(name=name, body=body, search_path=SEARCH_PATH)
            )
            for trigger, statement in _triggers(quote(table), function, name).items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {quote(table)}")
                cursor.execute(statement)


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """Remove every trigger and function of ours; in a transaction."""
    quote = connection.ops.quote_name
    schema = quote(_schema(connection))
    with connection.cursor() as cursor:
        for table, function, _ in _functions(connection, schema, WATCHED):
            name = f"{schema}.{quote(function)}"
            for trigger in _triggers(quote(table), function, name):
                cursor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {quote(table)}")
            cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables whose triggers are missing, disabled or not as they should be.

    Two queries.
    """
    schema = connection.ops.quote_name(_schema(connection))
    functions = list(_functions(connection, schema, WATCHED))
    installed = _installed(connection, [table for table, _, _ in functions])
    return [
        table
        for table, _, body in functions
        if installed[table] != _expected(table, body)
    ]


def _there(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> _Watched:
    """Return what is to be watched, as far as it is there yet."""
    look = connection.introspection
    tables = set(look.table_names(cursor))
    found: dict[type[models.Model], tuple[str, ...]] = {}
    for model, columns in WATCHED.items():
        table = model._meta.db_table
        if table in tables:
            described = look.get_table_description(cursor, table)
            there = {column.name for column in described}
            found[model] = tuple(column for column in columns if column in there)
    return found


def _functions(
    connection: BaseDatabaseWrapper, schema: str, watched: _Watched
) -> Iterator[tuple[str, str, str]]:
    """Yield for each table its name, that of its function, and the body of that."""
    quote = connection.ops.quote_name
    outbox = CacheOutbox._meta.db_table
    generation = f"{schema}.{quote(CacheGeneration._meta.db_table)}"
    body = BUMP.format(generation=generation, only=ONLY, channel=f"'{CHANNEL}'")
    yield outbox, BUMP_FUNCTION, body
    for model, columns in watched.items():
        pairs = (f"'{column}', one.{quote(column)}" for column in columns)
        key = model._meta.pk.column
        body = RECORD.format(
            outbox=f"{schema}.{quote(outbox)}",
            source=f"'{model._meta.db_table}'",
            portion=PORTION_ROWS,
            image=f"jsonb_build_object({', '.join(pairs)})",
            key=quote(str(key)),
            old=_OLD,
            new=_NEW,
        )
        yield model._meta.db_table, f"wfe_cache_{model._meta.model_name}", body


def _triggers(table: str, function: str, called: str) -> dict[str, str]:
    """Return the statement that makes each trigger of a table, by its name."""
    if function == BUMP_FUNCTION:
        name = BUMP_FUNCTION
        return {name: DEFERRED.format(name=name, table=table, function=called)}
    return {
        _name(operation): RECORDING.format(
            name=_name(operation),
            operation=operation,
            table=table,
            sides=" ".join(_sides(old, new)),
            function=called,
        )
        for operation, (_, old, new) in _OPERATIONS.items()
    }


def _sides(old: str | None, new: str | None) -> Iterator[str]:
    if old or new:
        yield "REFERENCING"
    if old:
        yield f"OLD TABLE AS {old}"
    if new:
        yield f"NEW TABLE AS {new}"


def _name(operation: str) -> str:
    return f"wfe_cache_{operation.lower()}"


def _expected(table: str, body: str) -> dict[str, tuple[Any, ...]]:
    runs = (body, True, [f"search_path={SEARCH_PATH}"], False)
    if table == CacheOutbox._meta.db_table:
        return {BUMP_FUNCTION: (_ROW | _INSERT, None, None, True, *runs)}
    return {
        _name(operation): (bits, old, new, False, *runs)
        for operation, (bits, old, new) in _OPERATIONS.items()
    }


def _installed(
    connection: BaseDatabaseWrapper, tables: list[str]
) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return for each table its triggers that are on, as `_expected` describes them."""
    quoted = {connection.ops.quote_name(table): table for table in tables}
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED, [list(quoted)])
        found = cursor.fetchall()
    installed: dict[str, dict[str, tuple[Any, ...]]] = {table: {} for table in tables}
    for table, name, bits, enabled, *rest in found:
        if enabled in _IS_ENABLED:
            installed[quoted[table]][name] = (bits, *rest)
    return installed


def _schema(connection: BaseDatabaseWrapper) -> str:
    """Return the schema of the outbox, which is that of the functions too."""
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(CacheOutbox._meta.db_table)
        cursor.execute(SCHEMA, [table])
        row = cursor.fetchone()
    return str(row[0]) if row else "public"
