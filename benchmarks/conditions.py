"""How many simple comparisons a second one core judges, beside a plain `if` and peers.

    python benchmarks/conditions.py [--json]

Everybody is asked the same question of the same 1,000 events, `data.amount_0 gte 100`, and must
give the same answers; a group of ten asks it of ten paths. Contenders take turns within each round; the median of the rounds
counts. Rules are made once, outside the measurement; whatever an engine needs per event, such
as our Facts, is made inside. Ours also returns what it saw and wanted; the others return
yes or no.

Peers, each optional, named as missing where it is not installed:

    pip install json-logic-qubit rule-engine
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workflow_engine.conditions import judge
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot

ROUNDS: Final = 11
REPEATS: Final = 10  # of all events in a turn: long enough to be measured
EVENTS: Final = 1000
BOUND: Final = 100
AMOUNTS: Final = tuple(f"amount_{place}" for place in range(10))
TARGET_PER_SECOND: Final = 200_000

# Answers all events once and says how many passed.
Contender: TypeAlias = Callable[[], int]


def make_events() -> list[Event]:
    """Return events of which half pass."""
    at = datetime(2026, 5, 2, 10, tzinfo=UTC)
    return [
        Event(
            id=str(number),
            source="/shop",
            type="order.paid",
            time=at,
            accepted_at=at,
            subject=f"cart-{number % 7}",
            environment="production",
            data=dict.fromkeys(AMOUNTS, (number * 37) % (2 * BOUND)),
        )
        for number in range(EVENTS)
    ]


def make_group(conditions: int) -> GroupSnapshot:
    """Return an all-group of so many simple conditions."""
    return GroupSnapshot(
        id=1,
        logic="all",
        conditions=tuple(
            ConditionSnapshot(
                id=place,
                type="gte",
                config={"path": f"data.{amount}", "value": BOUND},
                position=place,
            )
            for place, amount in enumerate(AMOUNTS[:conditions])
        ),
    )


def ours(events: Sequence[Event], conditions: int) -> Contender:
    """Judge a group of so many conditions, with Facts made anew for every event."""
    group = make_group(conditions)

    def run() -> int:
        verdicts = (judge(group, Facts(event)) for event in events)
        return sum(verdict is not None and verdict.passes for verdict in verdicts)

    return run


def plain_if(events: Sequence[Event]) -> Contender:
    """Ask in Python itself, the floor that no engine can reach."""

    def run() -> int:
        passed = 0
        for event in events:
            if event.data["amount_0"] >= BOUND:
                passed += 1
        return passed

    return run


def json_logic(events: Sequence[Event]) -> Contender:
    """Ask json-logic-qubit."""
    ask = import_module("json_logic").jsonLogic
    rule = {">=": [{"var": "data.amount_0"}, BOUND]}
    return lambda: sum(ask(rule, {"data": event.data}) for event in events)


def rule_engine(events: Sequence[Event]) -> Contender:
    """Ask rule-engine, its rule compiled once."""
    module = import_module("rule_engine")
    context = module.Context(resolver=module.resolve_item)
    rule = module.Rule(f"data['amount_0'] >= {BOUND}", context=context)
    return lambda: sum(rule.matches({"data": event.data}) for event in events)


PEERS: Final = {"json-logic-qubit": json_logic, "rule-engine": rule_engine}


def seconds_of(contender: Contender) -> float:
    """Return how long all events took, the repeats together."""
    began = perf_counter()
    for _ in range(REPEATS):
        contender()
    return perf_counter() - began


def pin() -> bool:
    """Stay on one core where the system allows it; tell whether it does."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def measure() -> dict[str, Any]:
    """Return the medians, in comparisons a second, and what stands behind them."""
    pinned = pin()
    events = make_events()
    conditions_of = {"one": 1, "three": 3, "ten": 10}
    contenders = {"plain if": plain_if(events)}
    for name, conditions in conditions_of.items():
        contenders[f"workflow_engine, group of {name}"] = ours(events, conditions)
    missing = []
    for name, peer in PEERS.items():
        try:
            contenders[name] = peer(events)
        except ImportError:
            missing.append(name)
    answers = {name: contender() for name, contender in contenders.items()}
    if len(set(answers.values())) != 1:
        raise SystemExit(f"the contenders do not agree: {answers}")

    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            seconds[name].append(seconds_of(contender))

    rates = {}
    for name, taken in seconds.items():
        each = conditions_of.get(name.rpartition(" ")[2], 1)
        rates[name] = round(EVENTS * REPEATS * each / statistics.median(taken))
    return {
        "comparisons_per_second": rates["workflow_engine, group of one"],
        "target": TARGET_PER_SECOND,
        "rates": rates,
        "missing_peers": missing,
        "rounds": ROUNDS,
        "pinned": pinned,
        "python": sys.version.split()[0],
    }


def main() -> None:
    """Measure, print a table unless only JSON is wanted, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the last line only")
    only_json = parser.parse_args().json

    result = measure()

    lines = [f"{name:34} {rate:>12,}/s" for name, rate in result["rates"].items()]
    lines += [f"{name:34} {'missing':>14}" for name in result["missing_peers"]]
    for line in [] if only_json else lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
