"""Calls: a command run here or as a process, and what it said."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from workflow_engine.models import (
    ActionInterval,
    Decision,
    Delivery,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    WorkflowDecision,
    WorkItem,
)

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 60
RUNNING_ROWS = (
    ActionInterval,
    Decision,
    Delivery,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    WorkflowDecision,
    WorkItem,
)


@dataclass(frozen=True)
class Said:
    """Exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """Return what each line of stdout says as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def call(name: str, *arguments: str) -> Said:
    """Run a command in this process; what it raises is told as it would be outside."""
    out, err = StringIO(), StringIO()
    code: Any = 0
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        code = ended.code or 0
    except CommandError as error:
        code = error.returncode
        err.write(f"CommandError: {error}\n")
    return Said(code, out.getvalue(), err.getvalue())


def manage(
    environment: dict[str, str], *arguments: str, given: bytes = b""
) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py` as a process to its end."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def counts() -> dict[str, int]:
    """Return how many rows each table has that processing writes."""
    return {model.__name__: model._default_manager.count() for model in RUNNING_ROWS}


def as_lines(events: Iterable[Any]) -> bytes:
    """Return events as JSON Lines; what is text already stands as it is."""
    texts = (e if isinstance(e, str) else json.dumps(e) for e in events)
    return "".join(f"{text}\n" for text in texts).encode()


def event(number: int, **fields: Any) -> dict[str, Any]:
    """Return an event as a file holds it."""
    return {
        "specversion": "1.0",
        "id": f"evt-{number}",
        "source": "/shop",
        "type": "order.failed",
        "subject": "cart-7",
        **fields,
    }
