"""How long the server takes for the dashboard and the cache page, over a week of minutes.

    python benchmarks/pages.py [--json]

The table holds METRICS_RETAIN_HOURS = 168 hours by the minute, as ten processes write it for
eight accesses, with the hours and days that are written together with the minutes; on
PostgreSQL and on SQLite, each in a process of its own. Timed are the reads alone, and the whole
pages through the middleware and handlers of the project, as a signed-in user asks for them:
`dashboard_ms_8h` is the median of the rounds, in which all pages and windows take turns, and
`least_ms` has the least, which says more on a machine that does other things. Before anything
is timed, what the pages read must come to what was written.

The names of the figures of SQLite begin with `sqlite_`. It uses the servers of the environment
(`make bench`), or starts its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.lookups.places import SMALL, Places, open_places

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET_MS: Final = 100
#: By kind of database, what the names of its figures begin with.
KINDS: Final = {"postgres": "", "sqlite": "sqlite_"}
TIMED: Final = ("read_ms_", "dashboard_ms_", "cache_ms_")


def measure() -> dict[str, Any]:
    """Return every figure by its name."""
    found: dict[str, Any] = {}
    with open_places() as places:
        places.create(SMALL)
        for kind, prefix in KINDS.items():
            sys.stderr.write(f"{kind} ...\n")
            its = _measured_on(places, kind)
            found |= {prefix + name: value for name, value in its.items()}
    return {
        **found,
        "target_ms": TARGET_MS,
        "load": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }


def _measured_on(places: Places, kind: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.week.worker"],
        env={
            **places.environment(kind, SMALL),
            "DJANGO_SETTINGS_MODULE": "settings.test",
        },
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure, print a table unless only JSON is wanted, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the last line only")
    only_json = parser.parse_args().json

    result = measure()

    for name, value in [] if only_json else result.items():
        if name.removeprefix("sqlite_").startswith(TIMED):
            sys.stdout.write(f"{name:28} {value:>8} ms\n")
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
