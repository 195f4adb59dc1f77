"""What it costs to ask which workflows apply, beside peers that are asked the same.

    python benchmarks/lookup.py [--json] [--quick | --long]

The question is `workflows_for_detectors(detector_ids, environment)` for 1, 10 and 100 of 1,000
detectors, with 500 workflows, 10 environments and 5,000 links. Everybody must give the answer
of the ORM, to the last field, before anybody is timed. Contenders live in processes of their
own, since two of the peers change Django's ORM for all of theirs; all stay on one core and take
turns in at least nine rounds. Of each question the median counts, and of all questions of a
size the mean. Everything is warm, and nobody writes.

    ours        on Redis only (l2), with near copies (exact), with near copies of a stated age
                (near), and without Redis (rows)
    peers       the ORM, a prepared statement of psycopg; django-redis with one value for each
                detector and environment, of model instances or of plain tuples; dogpile.cache
                and LocMemCache with the same; cacheops and cachalot on the queries of the ORM
    limits      the very MGETs that ours sends, by redis-py alone; one GET; two dictionaries in
                Python with the same filter; a dictionary of ready answers

`a_vs_b_kN` is the time of a divided by the time of b. Beside the race: what a miss costs, 200
readers of one cold entry, what a save of a workflow with 10,000 links pays, whether a million
detectors make a look-up slower, events a second through the task, and what invalidations leave
in memory.

It uses the servers of the environment (`make bench`), whose Redis databases 9 to 13 it empties,
or starts its own. Figures want a machine that does nothing else: what computes long is slowed
by others more than what waits. Peers are optional and named as missing where they are not
installed:

    pip install -r benchmarks/requirements.txt
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.lookups.figures import Effort, churn, cold, crowd, large, stream
from benchmarks.lookups.places import LARGE, SMALL, Places, open_places
from benchmarks.lookups.report import lines, micros, ratios
from benchmarks.lookups.rounds import Pace, Race, race
from benchmarks.lookups.team import core_to_stay_on, workers

PACE: Final = Pace(rounds=15, turn_seconds=0.02)
QUICK_PACE: Final = Pace(rounds=2, turn_seconds=0.001)

EFFORT: Final = Effort(
    tries=5,
    saves=101,
    many=999_000,
    wide_links=10_000,
    batches=40,
    invalidations=100_000,
    churn_seconds=40,
)
QUICK_EFFORT: Final = Effort(
    tries=2,
    saves=5,
    many=20_000,
    wide_links=10_000,
    batches=3,
    invalidations=500,
    churn_seconds=10,
)
LONG_EFFORT: Final = Effort(
    tries=15,
    saves=501,
    many=999_000,
    wide_links=10_000,
    batches=200,
    invalidations=1_000_000,
    churn_seconds=1000,
)


def prepare(places: Places) -> None:
    """Write the same rules into every database."""
    places.create(SMALL)
    for kind in ("plain", "rows_sqlite"):
        with workers(kind, places=places) as (worker,):
            worker.ask("prepare")
    places.create(LARGE, template=SMALL)


class Stages:
    """How far the run is, told on the standard error output, and how long each part took."""

    def __init__(self) -> None:
        """Begin before the first."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one part."""
        sys.stderr.write(f"{name} ...\n")
        began = perf_counter()
        yield
        self.seconds[name] = round(perf_counter() - began, 1)


def measure(pace: Pace, effort: Effort) -> tuple[Race, dict[str, Any]]:
    """Return what came of the race, and everything by its name."""
    core = core_to_stay_on()
    stages = Stages()
    beside: dict[str, Any] = {}
    with open_places() as places:
        with stages.stage("rules"):
            prepare(places)
        with stages.stage("race"):
            raced = race(places, core=core, pace=pace)
        for part in (cold, crowd, stream, large, churn):
            with stages.stage(part.__name__):
                beside |= part(places, core, effort)
    return raced, {
        **ratios(raced.times),
        **beside,
        "mgets": raced.mgets,
        "cells": raced.cells,
        "times_us": micros(raced.times),
        "warm_queries": raced.queries,
        "stage_seconds": stages.seconds,
        "missing_peers": raced.missing,
        "rounds": pace.rounds,
        "pinned": core >= 0,
        "python": sys.version.split()[0],
    }


def main() -> None:
    """Measure, print a table unless only JSON is wanted, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the last line only")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="a trial, not a figure")
    length.add_argument("--long", action="store_true", help="a million invalidations")
    given = parser.parse_args()
    effort = LONG_EFFORT if given.long else EFFORT

    raced, result = measure(
        QUICK_PACE if given.quick else PACE, QUICK_EFFORT if given.quick else effort
    )

    if not given.json:
        for line in lines(raced.times, result):
            sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
