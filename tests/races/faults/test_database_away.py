"""PostgreSQL gone in the middle of a drain: what is owed stays owed, and is paid later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from tests.models.outbox import asked, insert_detectors, run, session
from tests.races.faults.place import Place, before, counted
from tests.races.processes import not_among, owed, process, read
from tests.servers import Servers
from workflow_engine.caches.coherence import reset
from workflow_engine.models import Workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]


@pytest.fixture
def other_postgres(place: Place, own_postgres: Servers) -> Iterator[Servers]:
    """Yield a PostgreSQL with our tables, which the alias leads to for as long."""
    settings = connection.settings_dict
    kept = {name: settings[name] for name in ("HOST", "NAME")}
    connection.close()
    settings["HOST"] = own_postgres.environment["WORKFLOW_TEST_POSTGRES_HOST"]
    settings["NAME"] = "postgres"
    try:
        call_command("migrate", "workflow_engine", verbosity=0)
        yield own_postgres
    finally:
        connection.close()
        settings |= kept
        reset()


def _end_connection() -> None:
    number = asked("SELECT pg_backend_pid()")
    with session() as other:
        run("SELECT pg_terminate_backend(%s, 5000)", number, on=other)


def test_sweep__the_server_is_killed(other_postgres: Servers) -> None:
    side = process()
    side.sweep()
    insert_detectors(1, 1)
    assert owed() == 1

    with (
        before(side, "unlink", lambda: other_postgres.kill("postgres")),
        pytest.raises(DatabaseError),
    ):
        side.sweep()

    connection.close()
    with pytest.raises(DatabaseError):
        side.sweep()
    other_postgres.start("postgres")
    connection.close()
    assert owed() == 1
    assert side.sweep() == 1
    assert owed() == 0


def test_save__the_connection_ends_before_the_drain(place: Place) -> None:
    looker_on = process()
    old = place.warm(looker_on)
    workflow = Workflow.objects.order_by("pk")[0]
    workflow.name = "saved all the same"

    with before(place.here, "unlink", _end_connection):
        workflow.save()

    connection.close()
    assert counted("error", "hook") == 1
    assert owed() == 1
    answers = read(looker_on, place.asked)
    assert not place.stale(looker_on)
    assert not_among(answers, old)
    assert looker_on.sweep() == 1
    assert not place.stale(looker_on)
