"""Contenders: who is asked, and what the process is like that each of them lives in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: The alias of our Redis entry.
ON_REDIS: Final[Mapping[str, Any]] = {"CACHE_ALIAS": "default"}
STALENESS_SECONDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of process.

    Attributes:
        contenders: The names of those who live in it.
        engine: WORKFLOW_ENGINE.
        database: postgres or sqlite.
        peer: An app that changes Django for the whole process; "" = none.
        package: What must be installed; "" = nothing more.
    """

    contenders: tuple[str, ...] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    database: str = "postgres"
    peer: str = ""
    package: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    "l2": Kind(contenders=("l2",), engine={**ON_REDIS, "NEAR_ENTRIES": 0}),
    "exact": Kind(contenders=("exact",), engine=ON_REDIS),
    "near": Kind(
        contenders=("near",),
        engine={**ON_REDIS, "NEAR_MAX_STALENESS": STALENESS_SECONDS},
    ),
    "rows_postgres": Kind(contenders=("rows_postgres",)),
    "rows_sqlite": Kind(contenders=("rows_sqlite",), database="sqlite"),
    "database": Kind(contenders=("orm_postgres", "prepared")),
    "sqlite": Kind(contenders=("orm_sqlite",), database="sqlite"),
    "keyed": Kind(
        contenders=(
            "modelsets",
            "modelsets_loop",
            "tuples",
            "tuples_loop",
            "locmem_models",
            "locmem_tuples",
        )
    ),
    "cacheops": Kind(contenders=("cacheops",), peer="cacheops", package="cacheops"),
    "cachalot": Kind(contenders=("cachalot",), peer="cachalot", package="cachalot"),
    "dogpile": Kind(contenders=("dogpile",), package="dogpile.cache"),
    "memory": Kind(contenders=("dict", "ready")),
    "limits": Kind(),  # made of what ours has sent
    "plain": Kind(),  # as if the package had no cache
}

#: What is shown of each, in this order.
TITLES: Final[Mapping[str, str]] = {
    "dict": "plain dictionaries, filtered",
    "ready": "a dictionary of ready answers",
    "near": f"ours, near, at most {STALENESS_SECONDS} s old",
    "rows_sqlite": "ours without Redis, SQLite",
    "get": "one redis-py GET",
    "rows_postgres": "ours without Redis, PostgreSQL",
    "exact": "ours, near, exact",
    "mget": "redis-py MGETs of our cells",
    "l2": "ours, Redis only",
    "locmem_tuples": "LocMemCache, tuples",
    "locmem_models": "LocMemCache, model sets",
    "tuples": "django-redis get_many, tuples",
    "tuples_loop": "django-redis get loop, tuples",
    "modelsets": "django-redis get_many, model sets",
    "modelsets_loop": "django-redis get loop, model sets",
    "dogpile": "dogpile.cache, tuples",
    "cacheops": "django-cacheops",
    "cachalot": "django-cachalot",
    "prepared": "psycopg, prepared",
    "orm_postgres": "ORM, PostgreSQL",
    "orm_sqlite": "ORM, SQLite",
}
