"""The feed: hears announcements, says when it may have missed one, and waits in peace."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from tests.journeys.children import ROOT
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine import clock
from workflow_engine.queue.feed import APPLICATION_NAME, Feed

CHANNELS = ("feed_test_one", "Feed test two")
NOTHING: frozenset[str] = frozenset()
NEVER_SECONDS = 60


@pytest.fixture
def listening() -> Iterator[Callable[[str], Feed]]:
    """Return how to get a feed on an alias; all of them are closed with the test."""
    made: list[Feed] = []

    def feed(alias: str = "default") -> Feed:
        made.append(Feed(alias, CHANNELS))
        return made[-1]

    yield feed
    for one in made:
        one.close()


@pytest.fixture
def alias_of() -> Iterator[Callable[..., str]]:
    """Return how to make a database alias for a server; it is gone with the test."""

    def make(host: str, port: int | str) -> str:
        theirs = {"HOST": host, "PORT": port, "NAME": "postgres"}
        connections.settings["theirs"] = {**connections.settings["default"], **theirs}
        return "theirs"

    yield make
    connections.settings.pop("theirs", None)
    with suppress(AttributeError):  # never asked for
        del connections["theirs"]


def _announce(channel: str, **where: Any) -> None:
    at = where or {
        "host": connection.settings_dict["HOST"],
        "port": connection.settings_dict["PORT"],
        "dbname": connection.settings_dict["NAME"],
    }
    with psycopg.connect(user="postgres", autocommit=True, **at) as speaker:
        speaker.execute("SELECT pg_notify(%s, '')", [channel])


@pytest.mark.postgres
@pytest.mark.django_db
def test_wait__first_connection_is_a_gap(listening: Callable[[], Feed]) -> None:
    feed = listening()

    assert feed.wait(LIMIT_SECONDS) == frozenset(CHANNELS)
    assert feed.wait(0) == NOTHING


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.parametrize("channel", CHANNELS)
def test_wait__tells_which_channel_spoke(
    listening: Callable[[], Feed], channel: str
) -> None:
    feed = listening()
    feed.wait(LIMIT_SECONDS)

    for _ in range(3):
        _announce(channel)

    assert feed.wait(LIMIT_SECONDS) == {channel}
    while feed.wait(0.05):
        pass
    _announce("somebody else's")
    assert feed.wait(0.1) == NOTHING


@pytest.mark.postgres
@pytest.mark.django_db
def test_wait__announced_while_it_waits(listening: Callable[[], Feed]) -> None:
    feed = listening()
    feed.wait(LIMIT_SECONDS)

    heard = elsewhere(lambda: feed.wait(NEVER_SECONDS))
    _announce(CHANNELS[0])

    assert heard.result(LIMIT_SECONDS) == {CHANNELS[0]}


@pytest.mark.postgres
@pytest.mark.django_db
def test_wait__can_be_told_from_others_on_the_server(
    listening: Callable[[], Feed],
) -> None:
    feed = listening()
    feed.wait(LIMIT_SECONDS)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )
        assert cursor.fetchone() == (1,)


@pytest.mark.postgres
def test_wait__server_restarts(
    own_postgres: Servers,
    listening: Callable[[str], Feed],
    alias_of: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    host = own_postgres.environment["WORKFLOW_TEST_POSTGRES_HOST"]
    port = own_postgres.environment["WORKFLOW_TEST_POSTGRES_PORT"]
    feed = listening(alias_of(host, port))
    feed.wait(LIMIT_SECONDS)

    own_postgres.kill("postgres")
    away = feed.wait(1)
    lost = not feed.is_listening
    own_postgres.start("postgres")
    gap = feed.wait(LIMIT_SECONDS)
    _announce(CHANNELS[1], host=host, port=port, dbname="postgres")

    assert away == NOTHING
    assert lost
    assert gap == frozenset(CHANNELS)
    assert feed.wait(LIMIT_SECONDS) == {CHANNELS[1]}
    assert [record.message for record in caplog.records] == [
        "The connection that listens to the database was lost.",
        "The database cannot be listened to; it is tried again.",
    ]


@pytest.mark.postgres
@pytest.mark.django_db
def test_wait__connection_is_ended_by_the_server(
    listening: Callable[[], Feed],
) -> None:
    feed = listening()
    feed.wait(LIMIT_SECONDS)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )

    assert feed.wait(LIMIT_SECONDS) == frozenset(CHANNELS)


@pytest.mark.postgres
def test_wait__server_refuses__tries_seldom(
    listening: Callable[[str], Feed], alias_of: Callable[..., str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        callers: list[object] = []

        def refuse() -> None:
            while True:
                caller, address = server.accept()
                callers.append(address)
                caller.close()

        elsewhere(refuse)
        feed = listening(alias_of("127.0.0.1", server.getsockname()[1]))
        began = clock.monotonic()

        heard = feed.wait(1)

        took = clock.monotonic() - began
        server.shutdown(socket.SHUT_RDWR)
    assert heard == NOTHING
    assert 1 <= took < 2
    assert 2 <= len(callers) <= 8  # libpq may try encryption first, each time


@pytest.mark.django_db
def test_wait__interrupted_before_and_during(listening: Callable[[], Feed]) -> None:
    feed = listening()
    feed.wait(0.01)
    feed.interrupt()
    feed.interrupt()

    assert feed.wait(NEVER_SECONDS) == NOTHING
    waiting = elsewhere(lambda: feed.wait(NEVER_SECONDS))
    feed.interrupt()
    assert waiting.result(LIMIT_SECONDS) == NOTHING


@pytest.mark.django_db
def test_wait__nothing_is_said(listening: Callable[[], Feed]) -> None:
    feed = listening()
    feed.wait(0.01)
    began = clock.monotonic()

    assert feed.wait(0.1) == NOTHING
    assert clock.monotonic() - began >= 0.1


@pytest.mark.postgres
@pytest.mark.django_db
def test_close__leaves_no_connection() -> None:
    feed = Feed("default", CHANNELS)
    feed.wait(LIMIT_SECONDS)

    feed.close()
    feed.interrupt()

    wait_until(lambda: not _listeners(), "nobody listens", limit_seconds=LIMIT_SECONDS)


def _listeners() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )
        return int(cursor.fetchone()[0])


def test_feed__without_the_driver() -> None:
    script = """
import sys
sys.modules["psycopg"] = None
import django; django.setup()
from workflow_engine.queue.feed import Feed
feed = Feed("default", ("some",))
print(feed.wait(0.01), feed.is_listening)
feed.close()
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings.test",
            "WORKFLOW_TEST_DB": "sqlite",
        },
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS * 6,
        check=False,
    )

    assert done.stdout == "frozenset() False\n", done.stderr
