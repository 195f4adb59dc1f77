"""What it costs to write figures down, beside other ways to write the same rows.

    python benchmarks/flushing.py [--json] [--quick]

A worker has counted FIGURES figures since its last flush and adds them to their rows of the
minute, the hour and the day, which are there already but for the first of a minute. The ways
take turns in one process, which stays on one core, and of each the median counts. PostgreSQL
is one of its own on this machine, reached by a socket, and waits for its disk; SQLite is a
file, as the project of the tests has it.

    flush       ours, rows and source, on a connection that is open (CONN_MAX_AGE above 0)
    connecting  the same, on a connection that has to be made (CONN_MAX_AGE = 0, the default)
    rest        ours when nothing was counted: says, once, that no more is expected
    values      the rows alone, by an INSERT of VALUES with ON CONFLICT in a transaction
    orm         the rows alone, each by update(count=F("count") + n) in a transaction
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers import Servers

ROOT: Final = Path(__file__).resolve().parents[1]
FIGURES: Final = 40
TARGET_MS: Final = 1.0  # of a flush, on a connection that is open
ROUNDS: Final = 15
QUICK_ROUNDS: Final = 2
TURNS: Final = 20
DATABASES: Final = ("postgres", "sqlite")


def wait_for_the_disk(servers: Servers) -> None:
    """Let a server that was made for tests write as one in use does."""
    with psycopg.connect(
        host=servers.environment["WORKFLOW_TEST_POSTGRES_HOST"],
        port=servers.environment.get("WORKFLOW_TEST_POSTGRES_PORT") or 5432,
        user="postgres",
        dbname="postgres",
        autocommit=True,
    ) as connection:
        connection.execute("ALTER SYSTEM SET fsync = on")
        connection.execute("SELECT pg_reload_conf()")


def core() -> list[int]:
    """Return the core to stay on, where one can choose."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    return [max(os.sched_getaffinity(0))]


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the milliseconds of each try, by database and way."""
    if core():
        os.sched_setaffinity(0, core())  # the server that is started has it too
    with Servers("postgres") as servers, TemporaryDirectory() as folder:
        wait_for_the_disk(servers)
        done = subprocess.run(  # noqa: S603 - ours
            [
                *(sys.executable, "-m", "benchmarks.flushes.worker"),
                *map(str, (rounds, TURNS, FIGURES)),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                **servers.environment,
                "WORKFLOW_TEST_POSTGRES_NAME": "postgres",
                "FLUSHES_SQLITE_FILE": f"{folder}/figures.sqlite3",
            },
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
    return found


def report(found: dict[str, dict[str, list[float]]]) -> dict[str, Any]:
    """Return the medians by name, and whether the flush is within its target."""
    medians: dict[str, Any] = {
        f"{way}_{database}_ms": round(statistics.median(took), 3)
        for database in DATABASES
        for way, took in found[database].items()
    }
    for database in DATABASES:
        ours = medians[f"flush_{database}_ms"]
        medians[f"values_vs_flush_{database}"] = round(
            medians[f"values_{database}_ms"] / ours, 2
        )
    return {
        "figures": FIGURES,
        "tries": len(found["postgres"]["flush"]),
        **medians,
        "is_within_target": medians["flush_postgres_ms"] <= TARGET_MS,
    }


def main() -> int:
    """Measure, and say what came of it."""
    parser = argparse.ArgumentParser(description="What it costs to write figures down.")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--quick", action="store_true", help="a try, not a measurement")
    given = parser.parse_args()
    found = report(measure(QUICK_ROUNDS if given.quick else ROUNDS))
    if given.json:
        sys.stdout.write(f"{json.dumps(found)}\n")
    else:
        for name, value in found.items():
            sys.stdout.write(f"{name:28} {value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
