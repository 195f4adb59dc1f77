"""Worker: adds the same figures to the same rows in every way, turn by turn, and times it.

    python -m benchmarks.flushes.worker ROUNDS TURNS FIGURES

Its one line of output is JSON: by database and way, the milliseconds of each.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.flushes.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 - models come after setup
from django.db import connections, transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.test import override_settings  # noqa: E402

from workflow_engine import clock  # noqa: E402
from workflow_engine.metrics import figures  # noqa: E402
from workflow_engine.metrics.counts import counts  # noqa: E402
from workflow_engine.models import MetricBucket  # noqa: E402
from workflow_engine.models.metric import moments  # noqa: E402
from workflow_engine.models.upsert import Upsert  # noqa: E402

ALIASES: Final = {"postgres": "default", "sqlite": "sqlite"}
KEY: Final = ("size", "at", "counter", "scope", "reason")

_ADD: Final = "{set[x]} = {old[x]} + {new[x]}"
VALUES: Final = Upsert(
    model=MetricBucket,
    columns=(*KEY, "count", "total", "highest"),
    key=KEY,
    update=", ".join(_ADD.replace("x", name) for name in ("count", "total")),
    returning=("count",),
)


def count(number: int) -> None:
    """Count so many figures, each more than once."""
    for one in range(number):
        counts.add("workflows", f"counter_{one}", "near", 3)


def rows() -> list[dict[str, Any]]:
    """Return what was counted, as rows, and count from nothing."""
    taken = counts.take()
    return [
        {
            "size": size.value,
            "at": at,
            **{name: getattr(one, name) for name in VALUES.columns[2:]},
        }
        for size, at in moments(clock.now()).items()
        for one in taken
    ]


def flush(_: str) -> None:
    """Write as the app does."""
    figures.flush()


def connecting(alias: str) -> None:
    """Write as the app does, on a new connection."""
    connections[alias].close()
    figures.flush()


def values(alias: str) -> None:
    """Write the rows as VALUES."""
    VALUES.run(rows(), using=alias)


def orm(alias: str) -> None:
    """Write each row by the ORM."""
    with transaction.atomic(using=alias):
        for row in rows():
            found = MetricBucket.objects.using(alias).filter(
                **{name: row[name] for name in KEY}
            )
            changed = {name: F(name) + row[name] for name in ("count", "total")}
            if not found.update(**changed):
                MetricBucket.objects.using(alias).create(**row)


WAYS: Final[tuple[Callable[[str], None], ...]] = (flush, connecting, values, orm)


def timed(way: Callable[[str], None], alias: str) -> float:
    """Return how many milliseconds a way took."""
    began = perf_counter()
    way(alias)
    return (perf_counter() - began) * 1000


def turn(alias: str, turns: int, number: int) -> dict[str, list[float]]:
    """Return the milliseconds of every way, after one of each that does not count."""
    found: dict[str, list[float]] = defaultdict(list)
    for again in range(turns + 1):
        for way in WAYS:
            count(number)
            took = timed(way, alias)
            if again:
                found[way.__name__].append(took)
        count(number)
        figures.flush()
        found["rest"].append(timed(flush, alias))
    figures.discard()
    return found


def main(rounds: int, turns: int, number: int) -> None:
    """Take turns between the databases, and print what came of it."""
    for alias in ALIASES.values():
        call_command("migrate", database=alias, verbosity=0)
    figures.discard()
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for name, alias in ALIASES.items():
            engine = {"METRICS_FLUSH_SECONDS": 60, "DATABASE": alias}
            with override_settings(WORKFLOW_ENGINE=engine):
                for way, took in turn(alias, turns, number).items():
                    found[name][way] += took
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
