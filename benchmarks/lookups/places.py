"""Places: the servers and databases of a run; gone after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg
import redis
from psycopg import sql

from tests.servers import Servers

ADDRESSES: Final = ("WORKFLOW_TEST_POSTGRES_HOST", "WORKFLOW_TEST_REDIS_URL")
#: As in the settings of the workers: ours and those of the peers.
REDIS_DATABASES: Final = range(9, 14)
SMALL: Final = "workflow_benchmark"
LARGE: Final = "workflow_benchmark_large"


class Places:
    """Where everything is, as the environment of a worker says it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        """Take the addresses of the servers, and a folder for the SQLite file."""
        self._environment = environment
        self._folder = folder

    def environment(self, kind_database: str, name: str) -> dict[str, str]:
        """Return the environment of a worker on a kind of database, of a name."""
        return {
            **self._environment,
            "DJANGO_SETTINGS_MODULE": "benchmarks.lookups.settings",
            "WORKFLOW_TEST_DB": kind_database,
            "WORKFLOW_TEST_POSTGRES_NAME": name,
            "WORKFLOW_TEST_SQLITE_FILE": str(self._folder / "benchmark.sqlite3"),
        }

    def redis(self, number: int) -> redis.Redis:
        """Return a client of one Redis database."""
        url = self._environment["WORKFLOW_TEST_REDIS_URL"]
        return redis.Redis.from_url(f"{url}/{number}")

    def create(self, name: str, *, template: str = "template1") -> None:
        """Make a PostgreSQL database, as a copy of another that nobody is connected to."""
        self.drop(name)
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )

    def drop(self, name: str) -> None:
        """Remove a PostgreSQL database, whoever is connected to it."""
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                sql.Identifier(name)
            )
        )

    def empty_redis(self) -> None:
        """Remove every key of the run."""
        for number in REDIS_DATABASES:
            self.redis(number).flushdb()

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=self._environment["WORKFLOW_TEST_POSTGRES_HOST"],
            port=self._environment.get("WORKFLOW_TEST_POSTGRES_PORT") or 5432,
            user="postgres",
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(statement)


@contextmanager
def open_places() -> Iterator[Places]:
    """Yield the places: on the servers that the environment names, or on its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="workflow-benchmark-"))
        environment = dict(os.environ)
        if not all(environment.get(name) for name in ADDRESSES):
            environment |= stack.enter_context(Servers()).environment
        places = Places(environment, Path(folder))
        places.empty_redis()
        try:
            yield places
        finally:
            places.empty_redis()
            for name in (SMALL, LARGE):
                places.drop(name)
