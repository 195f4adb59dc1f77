"""Children: processes that a test starts, watches and ends, by their own ids."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.processes import tied_to_parent
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 30


class Child:
    """One process and what it starts itself; all it says goes to a file."""

    def __init__(
        self, arguments: list[str], environment: Mapping[str, str], log: Path
    ) -> None:
        """Start it, in a process group of its own."""
        self.log = log
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A test run that is killed leaves no worker behind.
                preexec_fn=tied_to_parent(signal.SIGTERM),  # noqa: PLW1509 - no thread forks
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def children(self) -> set[int]:
        """Return the processes that it has started itself and that run."""
        asked = ["ps", "-o", "pid=", "--ppid", str(self.pid)]
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        return {int(pid) for pid in found.stdout.split()}

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_to_say(self, text: str) -> None:
        wait_until(
            lambda: text in self.said() or self.exit_code is not None,
            f"'{text}' stands in {self.log}",
            limit_seconds=START_SECONDS,
        )
        assert text in self.said(), self.said()

    def stop(self) -> int:
        """Ask it to end, and return its exit code; end it when it does not."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            self._end_group()

    def _end_group(self) -> None:
        """End what is left of the group, which is this process's own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)


def manage(*arguments: str) -> list[str]:
    """Return the arguments of a command of the project."""
    return ["manage.py", *arguments]


def run(
    arguments: list[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a process to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
