"""Waiting for what another process or thread does, with a limit and a name."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

POLL_SECONDS = 0.02


def wait_until(holds: Callable[[], bool], what: str, *, limit_seconds: float) -> None:
    """Return as soon as the claim holds; fail with `what` when it never did."""
    until = time.monotonic() + limit_seconds
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"waited {limit_seconds} s in vain until {what}")
        threading.Event().wait(POLL_SECONDS)


def is_running(pid: int) -> bool:
    """Return whether a process is alive; one that only waits to be reaped is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")


def wait_until_gone(pids: Iterable[int], *, limit_seconds: float) -> None:
    """Return when no process of these is alive."""
    left = set(pids)
    wait_until(
        lambda: not any(is_running(pid) for pid in left),
        f"processes {sorted(left)} ended",
        limit_seconds=limit_seconds,
    )
