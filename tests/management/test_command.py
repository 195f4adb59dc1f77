"""What all commands share: the example, the exit codes, a closed pipe, an interrupt."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.db import connection

from tests.management.calls import (
    LIMIT_SECONDS,
    ROOT,
    as_lines,
    call,
    event,
    manage,
)
from workflow_engine.management.command import EngineCommand
from workflow_engine.models import Decision, Workflow, WorkItem

COMMANDS = sorted(
    name for name, app in get_commands().items() if app == "workflow_engine"
)
Environment = Callable[..., dict[str, str]]


@pytest.mark.parametrize("name", COMMANDS)
def test_help__begins_with_the_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = call(name, "--help")

    text = capsys.readouterr().out
    first, empty, usage = text.splitlines()[:3]
    assert said.code == 0
    assert first.startswith(f"Example: manage.py {name}")
    assert empty == ""
    assert usage.startswith("usage: ")
    assert "--json" in text
    assert "(default: None)" not in text
    assert "(default: False)" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_command__refused_settings(name: str, outside: Environment) -> None:
    arguments = {"workflow_events": ["-"], "workflow_import": ["-"]}.get(name, [])

    done = manage(outside(SHARDS=0, MAX_ATTEMPTS="x"), name, *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        (
            "CommandError: WORKFLOW_ENGINE['SHARDS'] must be a whole number from 1 to "
            "256, not 0. Remove it to use 4."
        ),
        (
            "WORKFLOW_ENGINE['MAX_ATTEMPTS'] must be a whole number from 1 to 100, "
            "not 'x'. Remove it to use 8."
        ),
    ]


@pytest.mark.postgres
@pytest.mark.parametrize(
    "command",
    [
        ["workflow_events", "-"],
        ["workflow_export"],
        ["workflow_explain", "evt-1"],
        ["workflow_queue", "--once"],
        ["workflow_demo", "--remove"],
    ],
    ids=lambda command: command[0],
)
def test_command__database_is_away(command: list[str], outside: Environment) -> None:
    away = {**outside(), "WORKFLOW_TEST_POSTGRES_HOST": "/no/such/socket"}

    done = manage(away, *command, given=as_lines([event(1)]))

    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "was not reached" in done.stderr


@pytest.mark.parametrize("vendor", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "command",
    [
        ["workflow_export"],
        ["workflow_events", "-"],
        ["workflow_events", "-", "--submit"],
    ],
    ids=["export", "events", "submit"],
)
def test_command__tables_are_missing(
    vendor: str, command: list[str], outside: Environment, tmp_path: Path
) -> None:
    empty = {
        **outside(),
        "WORKFLOW_TEST_DB": vendor,
        "WORKFLOW_TEST_SQLITE_FILE": str(tmp_path / "empty.sqlite3"),
        "WORKFLOW_TEST_POSTGRES_NAME": "postgres",
    }
    if vendor == "postgres" and connection.vendor != vendor + "ql":
        empty["WORKFLOW_TEST_DB"] = "sqlite"  # the run has no other server

    done = manage(empty, *command, given=as_lines([event(1)]))

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "The tables of workflow_engine are not in the database 'default'" in (
        done.stderr
    )
    assert "run manage.py migrate" in done.stderr


@pytest.mark.postgres
def test_command__pipe_is_closed(
    beside: Environment, write: Callable[..., str]
) -> None:
    events = write(*(event(number) for number in range(2000)))
    command = [sys.executable, "manage.py", "workflow_events", events, "--json"]

    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=beside(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        first = child.stdout.readline()
        child.stdout.close()
        error = child.stderr.read()
        code = child.wait(LIMIT_SECONDS)

    assert first.startswith(b'{"line":1,')
    assert error == b""
    assert code == 0


@pytest.fixture
def slow(
    beside: Environment, write: Callable[..., str], rule: Workflow
) -> Iterator["subprocess.Popen[str]"]:
    """Yield a command in the middle of its work: two events an hour apart, in real time."""
    events = write(
        event(1, time="2026-05-02T10:00:00Z"), event(2, time="2026-05-02T11:00:00Z")
    )
    command = ["manage.py", "workflow_events", events, "--speed", "1", "-v", "2"]
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**beside(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert select.select([child.stdout], [], [], LIMIT_SECONDS)[0]
        assert child.stdout.readline() == "evt-1  fired  sent\n"
        yield child
        child.kill()


@pytest.mark.postgres
def test_command__interrupted(slow: "subprocess.Popen[str]") -> None:
    os.kill(slow.pid, signal.SIGINT)

    out, error = slow.communicate(timeout=LIMIT_SECONDS)

    assert slow.returncode == 130
    assert out == ""
    assert error.splitlines()[-2:] == [
        "CommandError: Interrupted.",
        "Everything before line 2 is done; go on with --from-line 2",
    ]
    assert Decision.objects.get().event_id == "evt-1"
    assert WorkItem.objects.get().state == "done"


def test_command__interrupted_before_it_begins(outside: Environment) -> None:
    environment = {
        **outside(),
        "DJANGO_SETTINGS_MODULE": "tests.management.interrupted",
    }

    said = manage(environment, "workflow_queue")

    assert (said.returncode, said.stdout, said.stderr) == (130, "", "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres  # SQLite says of both, this and a lost server, the same
def test_command__fault_of_ours_is_seen_whole() -> None:
    class Broken(EngineCommand):
        """A command with a fault."""

        def run(self, given: dict[str, object]) -> int:
            """Ask for what is not there."""
            with connection.cursor() as cursor:
                cursor.execute("SELECT no_such_column FROM workflow_engine_workitem")
            return 0

    with pytest.raises(Exception, match="no_such_column") as raised:
        Broken().handle(json=False)

    assert type(raised.value).__module__ == "django.db.utils"
