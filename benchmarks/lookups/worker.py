"""One process of the benchmark: takes orders as lines of JSON, answers each with a line.

    python -m benchmarks.lookups.worker KIND CORE

CORE is the number of the core to stay on, or -1. KIND is for whoever looks at a list of
processes; what it means is in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import django


def main(core: int) -> None:
    """Obey until the input ends."""
    if core >= 0 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    django.setup()
    # Models, so not before Django is set up.
    orders = import_module("benchmarks.lookups.orders").ORDERS
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any]
        try:
            answer = {"answer": orders[order.pop("do")](**order)}
        except Exception:  # noqa: BLE001 - told to the parent, who ends the run
            answer = {"error": traceback.format_exc()}
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[2]))
