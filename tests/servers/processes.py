"""The server processes: how each is started, known to be ready, and ended by its id."""

import contextlib
import ctypes
import locale
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers.binaries import (
    Binary,
    ServerError,
    copy_if_unreachable,
    find_postgres,
    find_redis,
)

START_SECONDS = 60
STOP_SECONDS = 20
POLL_SECONDS = 0.02
PORT_ATTEMPTS = 5
PR_SET_PDEATHSIG = 1


class Account:
    """Who the servers run as: ourselves, or `nobody` when we are root."""

    def __init__(self) -> None:
        self._entry = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def own(self, directory: Path) -> None:
        """Give the directory to the account."""
        if self._entry:
            os.chown(directory, self._entry.pw_uid, self._entry.pw_gid)

    def popen(
        self, command: list[str | Path], log: Path, ends_by: signal.Signals
    ) -> "subprocess.Popen[bytes]":
        """Start a program in the log's directory, with a clean environment."""
        who: dict[str, Any] = {}
        if self._entry:
            who = {
                "user": self._entry.pw_uid,
                "group": self._entry.pw_gid,
                "extra_groups": [],
            }
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=log.parent,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # The keeper has one thread, so code after the fork is safe here.
                preexec_fn=tied_to_parent(ends_by),  # noqa: PLW1509
                **who,
            )


class Server:
    """One server process with its directory; started, stopped and killed by its id."""

    name: str
    binary: Binary
    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self, directory: Path, account: Account) -> None:
        self.directory = directory / self.name
        self.directory.mkdir(mode=0o700)
        account.own(self.directory)
        self.account = account
        self.log = directory / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, else None."""
        return self.process.pid if self.process else None

    def environment(self) -> dict[str, str]:
        """Return what tells the settings where the server is."""
        raise NotImplementedError

    def command(self) -> list[str | Path]:
        """Return the command line that runs the server in the foreground."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Return whether the server takes connections."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises:
            ServerError: It ended, or was not ready in time; its log is quoted.
        """
        if self.process and self.process.poll() is None:
            return
        self.process = self.account.popen(self.command(), self.log, self.stop_signal)
        until = time.monotonic() + START_SECONDS
        while not self.is_ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(POLL_SECONDS)
            if self.process.returncode is not None or time.monotonic() > until:
                self.end(signal.SIGKILL)
                raise ServerError(f"{self.name} did not start. {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of the server's log, as a sentence for an error."""
        tail = self.log.read_text(errors="replace")[-2000:]
        return f"Its log ends:\n{tail}"

    def stop(self) -> None:
        """End the server in good order."""
        self.end(self.stop_signal)

    def kill(self) -> None:
        """End the server as a crash would: it writes nothing on its way out."""
        self.end(self.kill_signal)

    def end(self, how: signal.Signals) -> None:
        """Send the signal, wait, and insist when the server does not go."""
        if self.process is None:
            return
        for number in (how, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
                break
        self.process = None


class Postgres(Server):
    """PostgreSQL on a socket in its own directory; it listens to no network."""

    name = "postgres"
    # Fast shutdown, and immediate: sessions are cut, recovery runs at the next start.
    stop_signal = signal.SIGINT
    kill_signal = signal.SIGQUIT

    def __init__(self, directory: Path, account: Account, source: str) -> None:
        super().__init__(directory, account)
        self.binary = find_postgres(source)
        home = self.binary.path.resolve().parents[1]
        home = copy_if_unreachable(home, package=home.parent, to=directory)
        self.programs = home / "bin"
        self.data = self.directory / "data"

    def environment(self) -> dict[str, str]:
        return {
            "WORKFLOW_TEST_POSTGRES_HOST": str(self.directory),
            "WORKFLOW_TEST_POSTGRES_PORT": "5432",
        }

    def command(self) -> list[str | Path]:
        if not self.data.exists():
            self._initialise()
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "port": "5432",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
            # Data need not survive the machine, only the server.
            "fsync": "off",
            "full_page_writes": "off",
            "log_min_messages": "warning",
        }
        settings = [word for item in options.items() for word in ("-c", "=".join(item))]
        return [self.programs / "postgres", "-D", self.data, *settings]

    def is_ready(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return lines[-1:] == ["ready   "] and lines[0] == str(self.pid)
        return False

    def _initialise(self) -> None:
        done = self.account.popen(
            [
                self.programs / "initdb",
                "-D",
                self.data,
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                f"--locale={_locale()}",
                "--no-sync",
                "--no-instructions",
            ],
            self.log,
            signal.SIGKILL,
        ).wait(START_SECONDS)
        if done != 0:
            raise ServerError(f"initdb failed. {self.last_words()}")


class Redis(Server):
    """Redis or Valkey on a free port of 127.0.0.1; it saves only when told to."""

    name = "redis"

    def __init__(self, directory: Path, account: Account, source: str) -> None:
        super().__init__(directory, account)
        self.binary = find_redis(source)
        path = self.binary.path.resolve()
        self.program = copy_if_unreachable(path, package=path.parents[1], to=directory)
        self.port = _free_port()
        self.has_started = False

    def environment(self) -> dict[str, str]:
        return {"WORKFLOW_TEST_REDIS_URL": f"redis://127.0.0.1:{self.port}"}

    def command(self) -> list[str | Path]:
        options = {
            "--port": str(self.port),
            "--bind": "127.0.0.1",
            "--dir": str(self.directory),
            "--save": "",
            "--appendonly": "no",
        }
        return [self.program, *(word for item in options.items() for word in item)]

    def is_ready(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 1) as connection,
        ):
            connection.sendall(b"INFO server\r\n")
            answer = connection.recv(4096)
            return f"process_id:{self.pid}\r".encode() in answer
        return False

    def start(self) -> None:
        """Start the server; at first on another port when this one is taken."""
        attempts = 1 if self.has_started else PORT_ATTEMPTS
        for _ in range(attempts - 1):
            with contextlib.suppress(ServerError):
                super().start()
                break
            self.port = _free_port()
        else:
            super().start()
        self.has_started = True


def tied_to_parent(ends_by: signal.Signals) -> Callable[[], None] | None:
    """Return what a child does to be sent a signal when its parent dies, on Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, ends_by)


def _locale() -> str:
    """Return a locale that knows letters beyond ASCII, where the machine has it."""
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    return "C.UTF-8"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
