"""A task of the workers that these tests start: look-ups, and figures, that add up."""

import os
import threading
import time
from pathlib import Path

from celery import shared_task

from tests.waiting import wait_until
from workflow_engine.lookups import workflows_for_detectors
from workflow_engine.metrics.counts import counts

#: Of the processes, threads or greenlets that carry tasks out.
HANDS = 4
LIMIT_SECONDS = 30
STEP_SECONDS = 0.01


@shared_task(name="tests.look_up")
def look_up(folder: str, number: int, detector_ids: list[int]) -> None:
    """Look up, and say so in a file; the first ones wait until all hands have one."""
    if number < HANDS:
        _meet(Path(folder), number)
    workflows_for_detectors(detector_ids, "production")
    counts.add("script", "event", "done", number)
    counts.observe("script", "action", "ms", float(number))
    (Path(folder) / f"done-{number}").write_text(str(os.getpid()))


@shared_task(name="tests.count_on")
def count_on(file: str) -> None:
    """Count, and say each time when, until the process ends; one that nobody ends gives up."""
    until = time.monotonic() + LIMIT_SECONDS
    with Path(file).open("w", buffering=1) as said:
        while time.monotonic() < until:
            counts.add("script", "event", "step")
            said.write(f"{time.monotonic()}\n")
            threading.Event().wait(STEP_SECONDS)


def _meet(folder: Path, number: int) -> None:
    name = f"{os.getpid()}-{threading.get_ident()}"
    (folder / f"hand-{name}").touch()
    wait_until(
        lambda: len(list(folder.glob("hand-*"))) == HANDS,
        "every hand has a task",
        limit_seconds=LIMIT_SECONDS,
    )
