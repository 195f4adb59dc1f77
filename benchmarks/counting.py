"""What counting costs: look-ups and events with METRICS on, beside the same with METRICS off.

    python benchmarks/counting.py [--json] [--quick]

The look-up is the one that events use, `workflows_for_detectors`, warm, for 1, 10 and 100 of
1,000 detectors: on Redis with near copies (exact), with near copies of a stated age (near), on
Redis only (l2), and without Redis (rows). Beside it a whole event through the task, which a
detector says no to. On and off take turns within one process on one core; of each question
the median of all differences side by side counts, and of all questions of a size the mean.

`counting_share_kN` is what counting adds to an exact look-up for N detectors, as a share of the
look-up without it. It uses the servers of the environment (`make bench`), whose Redis databases
9 to 13 it empties, or starts its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.lookups.places import SMALL, open_places
from benchmarks.lookups.questions import SIZES
from benchmarks.lookups.team import core_to_stay_on, workers

#: Of the look-up that events use.
TARGET_SHARE: Final = 0.03
KINDS: Final = ("exact", "near", "rows_postgres", "l2")
#: Calls in a row: what is short is not timed alone.
CALLS: Final = {1: 10, 10: 5, 100: 2}
MICRO: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is done.

    Attributes:
        repeats: Of each question, on and off.
        batches: Of events, on and off.
    """

    repeats: int
    batches: int


EFFORT: Final = Effort(repeats=150, batches=200)
QUICK_EFFORT: Final = Effort(repeats=5, batches=4)


def measure(effort: Effort) -> dict[str, Any]:
    """Return the shares by name, and the seconds behind them."""
    core = core_to_stay_on()
    shares: dict[str, float] = {}
    micros: dict[str, dict[str, float]] = {}

    def note(name: str, on: float, off: float) -> None:
        shares[name] = round((on - off) / off, 4)
        micros[name] = {"on": round(on * MICRO, 2), "off": round(off * MICRO, 2)}

    with open_places() as places:
        places.create(SMALL)
        with workers("plain", places=places) as (worker,):
            worker.ask("prepare")
        for kind in KINDS:
            with workers(kind, places=places, core=core) as (worker,):
                worker.ask("agree", contender=kind)
                for size in SIZES:
                    pairs = worker.ask(
                        "counted_look_ups",
                        size=size,
                        repeats=effort.repeats,
                        calls=CALLS[size],
                    )
                    on, off = map(statistics.mean, zip(*pairs, strict=True))
                    note(f"{kind}_k{size}", on, off)
                if kind == "exact":
                    note("event", *worker.ask("counted_events", batches=effort.batches))
    return {
        **{f"counting_share_k{size}": shares[f"exact_k{size}"] for size in SIZES},
        "counting_share_event": shares["event"],
        "target": TARGET_SHARE,
        "shares": shares,
        "times_us": micros,
        "repeats": effort.repeats,
        "pinned": core >= 0,
        "python": sys.version.split()[0],
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield what people read."""
    yield f"{'':18}{'on, us':>12}{'off, us':>12}{'counting':>12}"
    for name, took in result["times_us"].items():
        share = result["shares"][name]
        yield f"{name:18}{took['on']:>12.2f}{took['off']:>12.2f}{share:>12.2%}"


def main() -> None:
    """Measure, print a table unless only JSON is wanted, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the last line only")
    parser.add_argument("--quick", action="store_true", help="a trial, not a figure")
    given = parser.parse_args()

    result = measure(QUICK_EFFORT if given.quick else EFFORT)

    if not given.json:
        for line in lines(result):
            sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
