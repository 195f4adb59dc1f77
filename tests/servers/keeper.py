"""The child process that owns the servers and ends them, whatever ends its parent.

It starts the servers, prints one line of JSON, then obeys lines such as `kill redis`
on its standard input, answering each with a line of JSON. The end of that input is
the end of the parent, by whatever death: the servers are stopped and their directory
is removed. Should the keeper itself be killed, the kernel ends the servers (Linux).
"""

import json
import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from tests.servers.binaries import ServerError
from tests.servers.processes import Account, Postgres, Redis, Server

# How often the keeper looks whether its parent still lives, in case a forked child
# of the parent holds the pipe open.
PARENT_SECONDS = 1.0
# The path of a socket may have 107 bytes on Linux and 103 on macOS.
LONGEST_DIRECTORY = 70
KINDS: dict[str, type[Postgres] | type[Redis]] = {"postgres": Postgres, "redis": Redis}


def main(source: str, names: list[str]) -> None:
    """Run the servers named until the standard input ends."""
    signal.signal(signal.SIGTERM, _leave)
    servers: dict[str, Server] = {}
    account = Account()
    directory = _make_directory()
    try:
        account.own(directory)
        for name in names:
            servers[name] = KINDS[name](directory, account, source)
            servers[name].start()
        _say(
            environment={
                "WORKFLOW_TEST_SQLITE_FILE": str(directory / "workflow.sqlite3"),
                **{
                    name: value
                    for server in servers.values()
                    for name, value in server.environment().items()
                },
            },
            versions={name: str(server.binary) for name, server in servers.items()},
            directory=str(directory),
            pids=_pids(servers),
        )
        for order in _lines(os.getppid()):
            _obey(servers, order)
    except Exception as error:  # noqa: BLE001  # reported to the parent, who raises it
        _say(error=str(error) or repr(error))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for server in servers.values():
            server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _obey(servers: dict[str, Server], order: str) -> None:
    verb, _, name = order.partition(" ")
    server = servers[name]
    try:
        {"start": server.start, "stop": server.stop, "kill": server.kill}[verb]()
    except ServerError as error:
        _say(error=str(error))
    else:
        _say(pids=_pids(servers))


def _pids(servers: dict[str, Server]) -> dict[str, int | None]:
    return {name: server.pid for name, server in servers.items()}


def _lines(parent: int) -> Iterator[str]:
    """Yield the lines of the standard input until it ends or the parent is gone."""
    held = b""
    while os.getppid() == parent:
        if not select.select([sys.stdin], [], [], PARENT_SECONDS)[0]:
            continue
        read = os.read(sys.stdin.fileno(), 4096)
        if not read:
            return
        *lines, held = (held + read).split(b"\n")
        yield from (line.decode() for line in lines)


def _say(**facts: Any) -> None:
    try:
        print(json.dumps(facts), flush=True)  # noqa: T201
    except BrokenPipeError:  # the parent is gone; the input's end says so too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _make_directory() -> Path:
    """Make a directory that the account can reach and whose sockets have short paths."""
    base = Path(tempfile.gettempdir()).resolve()
    is_open = all(part.stat().st_mode & 0o001 for part in (base, *base.parents))
    is_short = len(str(base)) < LONGEST_DIRECTORY
    usual = None if is_open and is_short else "/tmp"  # noqa: S108
    return Path(tempfile.mkdtemp(prefix="workflow-tests-", dir=usual))


def _leave(*_: object) -> NoReturn:
    raise SystemExit


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
