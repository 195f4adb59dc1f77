"""One process of the benchmark: fills a database, times the pages over it, and prints JSON.

python -m benchmarks.week.worker
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final

from benchmarks.week.setup import HOURS  # before any model: sets Django up

# isort: split
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from benchmarks.week.rows import fill, series
from workflow_engine import clock
from workflow_engine.metrics.windows import OFFERED, Window, window_of
from workflow_engine.status import cache_figures, event_figures

ROUNDS: Final = 21
USING: Final = "default"
PAGES: Final = ("dashboard", "cache")


def main() -> None:
    """Fill, compare, and time everything in turns."""
    began = perf_counter()
    rows = fill(clock.now(), timedelta(hours=HOURS))
    filled = perf_counter()
    for name in OFFERED:
        compare(name)
    seconds: dict[str, list[float]] = {}
    for number in range(1 + ROUNDS):
        for name, contender in contenders().items():
            start = perf_counter()
            contender()
            if number:  # the first round is of cold memory and templates
                seconds.setdefault(name, []).append(perf_counter() - start)
    found: dict[str, Any] = {
        name: round(1000 * statistics.median(taken), 1)
        for name, taken in seconds.items()
    }
    found |= {
        "least_ms": {
            name: round(1000 * min(taken), 1) for name, taken in seconds.items()
        },
        "rows": rows,
        "rows_a_minute": len(series()),
        "fill_seconds": round(filled - began, 1),
        "rounds": ROUNDS,
    }
    sys.stdout.write(f"{json.dumps(found)}\n")


def contenders() -> dict[str, Callable[[], object]]:
    """Return what is timed, by the name of its figure."""
    found: dict[str, Callable[[], object]] = {}
    browser = Client()
    user, _ = get_user_model().objects.get_or_create(
        username="reader", defaults={"is_staff": True, "is_superuser": True}
    )
    browser.force_login(user)
    for window in OFFERED:
        found[f"read_ms_{window}"] = partial(read, window)
        for page in PAGES:
            address = reverse(f"admin:workflow_engine_{page}_changelist")
            found[f"{page}_ms_{window}"] = partial(
                get, browser, f"{address}?window={window}"
            )
    return found


def read(name: str) -> None:
    """Read what both pages show."""
    window = _window(name)
    cache_figures.read(USING, window)
    event_figures.read(USING, window)


def get(browser: Client, address: str) -> None:
    """Ask for a page and read it to its end."""
    answer = browser.get(address)
    if answer.status_code != HTTPStatus.OK or not answer.content:
        raise SystemExit(f"{address}: {answer.status_code}")


def compare(name: str) -> None:
    """Refuse to time what does not come to what was written."""
    window = _window(name)
    minutes = int((window.until - window.since).total_seconds() // 60) + 1
    if window.size != "minute":  # the present hour is written ahead
        minutes = len(list(window.slots())) * 60
    hits = sum(one.count for one in series() if one.counter == "hit")
    found = cache_figures.read(USING, window)
    slots = sum(slot.hits or 0 for slot in found.slots[cache_figures.ALL])
    if not found.total.count("hit") == slots == hits * minutes:
        text = f"{name}: {found.total.count('hit')} hits, {slots} in slots"
        raise SystemExit(f"{text}, written {hits * minutes}")


def _window(name: str) -> Window:
    window = window_of(name, clock.now())
    if window is None:
        raise SystemExit(f"no window is called {name}")
    return window


if __name__ == "__main__":
    main()
