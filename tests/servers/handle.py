"""The parent's side: starts a keeper, says where its servers are, orders it about."""

import contextlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from tests.servers.binaries import SOURCES, ServerError

ROOT = Path(__file__).resolve().parents[2]
SOURCE_VARIABLE = "WORKFLOW_TEST_SERVERS"
# Two servers one after the other, each of which may take a minute to start.
ANSWER_SECONDS = 150
STOP_SECONDS = 60


class Servers:
    """Private servers from `start()` to `stop()`; usable as a context manager.

    A test that wants to crash a server starts its own, since the run's servers are
    shared by all tests: `with Servers("redis") as own: own.kill("redis")`. A server
    that is started again has its old address and data.
    """

    def __init__(self, *names: str, source: str | None = None) -> None:
        """Name the servers, "postgres" and "redis"; both when none is named.

        Raises:
            ServerError: The environment names an unknown source of programs.
        """
        self.names = names or ("postgres", "redis")
        self.source = source or os.environ.get(SOURCE_VARIABLE) or "auto"
        if self.source not in SOURCES:
            raise ServerError(
                f"The environment variable {SOURCE_VARIABLE} must be one of "
                f"{', '.join(SOURCES)}, not {self.source!r}. "
                f"Correct it, or unset it for the default."
            )
        self.environment: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.directory = Path()
        self.pids: dict[str, int | None] = {}
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def keeper_pid(self) -> int | None:
        """The process that owns the servers, None before start and after stop."""
        return self._keeper.pid if self._keeper else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str | None = None) -> None:
        """Start everything, or again the one server that was stopped or killed.

        Raises:
            ServerError: A server is missing or does not start; the message says why.
        """
        if name:
            self.pids = self._order(f"start {name}")["pids"]
            return
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.keeper", self.source, *self.names],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in a terminal is for us; we then tell the keeper.
            start_new_session=True,
        )
        try:
            facts = self._answer()
        except BaseException:
            self.stop()
            raise
        self.environment = facts["environment"]
        self.versions = facts["versions"]
        self.directory = Path(facts["directory"])
        self.pids = facts["pids"]

    def stop(self, name: str | None = None) -> None:
        """Stop everything and remove its directory, or stop one server in good order."""
        if name:
            self.pids = self._order(f"stop {name}")["pids"]
            return
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        assert keeper.stdin
        assert keeper.stdout
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
        try:
            keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        keeper.stdout.close()

    def kill(self, name: str) -> None:
        """End one server as a crash would."""
        self.pids = self._order(f"kill {name}")["pids"]

    def _order(self, line: str) -> dict[str, Any]:
        if self._keeper is None or self._keeper.stdin is None:
            raise ServerError(f"'{line}' needs servers that have been started.")
        self._keeper.stdin.write(f"{line}\n".encode())
        self._keeper.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._keeper
        assert self._keeper.stdout
        if not select.select([self._keeper.stdout], [], [], ANSWER_SECONDS)[0]:
            raise ServerError(f"The servers said nothing for {ANSWER_SECONDS} s.")
        line = self._keeper.stdout.readline()
        if not line:
            raise ServerError("The process that owns the servers ended by itself.")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ServerError(answer["error"])
        return answer
