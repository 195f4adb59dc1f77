"""Fixtures for every test."""

import os
from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import settings as hypothesis_settings

from tests.servers import Servers
from workflow_engine.metrics import figures
from workflow_engine.processing.buffer import buffer

# A slow machine is no fault of the example that happened to run on it. New examples are
# looked for at home; where CI is set the same ones are tried every time.
hypothesis_settings.register_profile(
    "workflow", deadline=None, print_blob=True, derandomize="CI" in os.environ
)
hypothesis_settings.load_profile("workflow")


def pytest_sessionfinish() -> None:
    """Leave nothing to be written at exit, when the servers of the tests have gone."""
    buffer.discard()
    figures.discard()


@pytest.fixture(autouse=True)
def _empty_buffers() -> Iterator[None]:
    """Leave nothing to a timer that would write it in another test."""
    yield
    buffer.discard()
    figures.discard()


@pytest.fixture
def child_environment(db: None) -> dict[str, str]:
    """Return the environment of a child process that is to see this test's database.

    What the test has not committed is not there for a child, so the test wants
    `django_db(transaction=True)`; on SQLite the database is a file for this reason.
    """
    name = str(connection.settings_dict["NAME"])
    on_postgres = connection.vendor == "postgresql"
    variable = f"WORKFLOW_TEST_{'POSTGRES_NAME' if on_postgres else 'SQLITE_FILE'}"
    return {
        **os.environ,
        variable: name,
    }


@pytest.fixture
def own_redis() -> Iterator[Servers]:
    """Yield a Redis of this test's own, which it may kill: `own_redis.kill("redis")`.

    `own_redis.environment["WORKFLOW_TEST_REDIS_URL"]` says where it is.
    """
    with Servers("redis") as servers:
        yield servers


@pytest.fixture
def own_postgres() -> Iterator[Servers]:
    """Yield a PostgreSQL of this test's own, empty, which it may kill.

    `own_postgres.environment["WORKFLOW_TEST_POSTGRES_HOST"]` says where it is.
    """
    with Servers("postgres") as servers:
        yield servers
