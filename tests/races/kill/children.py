"""Children: the parent's side of the template that processes are forked from."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.servers.processes import tied_to_parent

ROOT = Path(__file__).resolve().parents[3]
ANSWER_SECONDS = 60
STOP_SECONDS = 20

#: What the database knows the connections of children by.
NAME = "to be killed"


class Children:
    """Runs one act in one new process at a time."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """Start the template; what children complain of goes to the log."""
        self._log = log
        with log.open("wb") as said:
            self._template = subprocess.Popen(
                [sys.executable, "-m", "tests.races.kill.template"],
                cwd=ROOT,
                env={**environment, "PGAPPNAME": NAME},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                preexec_fn=tied_to_parent(signal.SIGKILL),  # noqa: PLW1509 - no thread forks
            )
        self._stopped: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._stopped:
            os.kill(pid, signal.SIGKILL)
        self._template.kill()
        self._template.communicate(timeout=STOP_SECONDS)

    def run(
        self, act: str, at: int, number: int, *, is_cold: bool = False
    ) -> dict[str, Any]:
        """Run an act that a signal meets before its step `at`; say how that ended."""
        answer = self._ask(act=act, at=at, signal=number, is_cold=is_cold)
        if answer["end"] == "stopped":
            self._stopped.add(answer["pid"])
        assert answer["end"] != "failed", self._log.read_text()
        return answer

    def resume(self, pid: int) -> str:
        """Let a stopped process go on, and return how it ended."""
        end: str = self._ask(resume=pid)["end"]
        self._stopped.discard(pid)
        return end

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._template.stdin
        assert self._template.stdout
        self._template.stdin.write(f"{json.dumps(request)}\n".encode())
        self._template.stdin.flush()
        ready = select.select([self._template.stdout], [], [], ANSWER_SECONDS)[0]
        line = self._template.stdout.readline() if ready else b""
        assert line, self._log.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer
