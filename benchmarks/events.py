"""How many events a second one core judges from a file, beside a plain `if` and naive ORM code.

    python benchmarks/events.py [--json] [FILE]

Three subjects send metric samples; for each a threshold detector opens and resolves episodes,
and a workflow writes a line to the log. Measured is `workflow_events` as it is typed, on SQLite
in this process, with everything it does: reading, checking, judging, writing states, receipts,
firings and decisions, and carrying the actions out. The contenders take turns within each round
and begin on empty tables; the median of the rounds counts. They must agree on how many episodes
begin in the generated samples.

    plain if     the same file read with the standard library, the states in a dictionary
    naive ORM    for each event a query for its rules, one for its state, and a save; the first
                 events only, since it is slow

FILE holds other events, as JSON Lines with a number at `data.value`; each of its sources gets a
detector of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Mapping
from io import StringIO
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Final, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks.project import FOLDER
from benchmarks.samples import Bounds, bounds_of, read, write_samples
from workflow_engine import clock
from workflow_engine.models import (
    Action,
    ActionInterval,
    Condition,
    ConditionGroup,
    Decision,
    Detector,
    DetectorState,
    DetectorWorkflow,
    EventReceipt,
    Firing,
    GroupAction,
    Workflow,
    WorkItem,
)
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.types.event import Event
from workflow_engine.types.instants import parse_instant

ROUNDS: Final = 5
NAIVE_EVENTS: Final = 2_000
TARGET_PER_SECOND: Final = 2_000
MOST_QUERIES: Final = 3  # for a batch of stateless events that fires nothing
BATCHES: Final = (1, 100, 1000)
RUNNING: Final = (
    WorkItem,
    Firing,
    Decision,
    EventReceipt,
    ActionInterval,
    DetectorState,
)

# Judges all events once; returns how many there were and how many episodes began.
Contender: TypeAlias = Callable[[], tuple[int, int]]


def put_rules(bounds: Mapping[str, Bounds]) -> None:
    """Write a detector for each source, and one workflow that logs what begins."""
    workflow = Workflow.objects.create(slug="tell", name="Tell", interval=0)
    when = ConditionGroup.objects.create(role="when", workflow=workflow)
    opened = {"path": "detection.change", "value": "opened"}
    Condition.objects.create(group=when, type="eq", config=opened, position=0)
    told = {"level": "debug", "message": "{{ subject }} is at {{ detection.value }}"}
    action = Action.objects.create(slug="log", name="Log", kind="log", config=told)
    group = ConditionGroup.objects.create(role="if", workflow=workflow)
    GroupAction.objects.create(group=group, action=action)
    for number, (source, bound) in enumerate(bounds.items()):
        detector = Detector.objects.create(
            slug=f"detector-{number}",
            name=source,
            event_type="*",
            source=source,
            kind="threshold",
            config={
                "path": "data.value",
                "op": "gt",
                "levels": {"high": bound.high},
                "resolve": bound.resolve,
            },
        )
        DetectorWorkflow.objects.create(detector=detector, workflow=workflow)


def ours(path: Path) -> Contender:
    """Type `workflow_events FILE --json` and read its summary."""

    def run() -> tuple[int, int]:
        said = StringIO()
        call_command("workflow_events", str(path), "--json", stdout=said)
        summary = json.loads(said.getvalue().splitlines()[-1])["summary"]
        return summary["events"], summary["fired"]

    return run


def plain_if(path: Path, bounds: Mapping[str, Bounds]) -> Contender:
    """Ask in Python itself, the floor that no engine can reach."""

    def run() -> tuple[int, int]:
        is_open = dict.fromkeys(bounds, False)
        events = begun = 0
        for event in read(path):
            events += 1
            source, value = event["source"], event["data"]["value"]
            bound = bounds[source]
            if is_open[source]:
                is_open[source] = value > bound.resolve
            elif value > bound.high:
                is_open[source] = True
                begun += 1
        return events, begun

    return run


def naive_orm(path: Path) -> Contender:
    """Do as a first version in a signal handler does: queries for every event."""

    def run() -> tuple[int, int]:
        events = begun = 0
        for event in islice(read(path), NAIVE_EVENTS):
            events += 1
            begun += _naive(event)
        return events, begun

    return run


def _naive(event: Mapping[str, Any]) -> int:
    begun = 0
    with transaction.atomic():
        for detector in Detector.objects.filter(source=event["source"], enabled=True):
            state, _ = DetectorState.objects.get_or_create(
                detector=detector,
                environment=event.get("environment", ""),
                subject=event.get("subject", ""),
            )
            value, config = event["data"]["value"], detector.config
            if not state.priority and value > config["levels"]["high"]:
                state.priority = 75
                begun += 1
            elif state.priority and value <= config["resolve"]:
                state.priority = 0
            state.watermark = parse_instant(event["time"])
            state.save()
    return begun


def empty_tables() -> None:
    """Let every turn begin alike."""
    for model in RUNNING:
        model._default_manager.all().delete()


def queries_per_batch() -> tuple[dict[str, int], dict[str, int]]:
    """Return the queries of batches of stateless events that fire nothing.

    First where the detector says no, then where a workflow does: its look-ups come on top.
    """
    detector = Detector.objects.create(
        slug="stateless", name="Stateless", event_type="order.failed", kind="event"
    )
    group = ConditionGroup.objects.create(role="trigger", detector=detector)
    never = {"path": "data.amount", "value": 1_000_000}
    condition = Condition.objects.create(
        group=group, type="gt", config=never, position=0
    )
    detector_says_no = _counted()
    if max(detector_says_no.values()) > MOST_QUERIES:
        message = f"more than {MOST_QUERIES} queries for a batch: {detector_says_no}"
        raise SystemExit(message)
    condition.delete()
    workflow = Workflow.objects.create(slug="reached", name="Reached", interval=0)
    DetectorWorkflow.objects.create(detector=detector, workflow=workflow)
    when = ConditionGroup.objects.create(role="when", workflow=workflow)
    Condition.objects.create(group=when, type="gt", config=never, position=0)
    return detector_says_no, _counted()


def _counted() -> dict[str, int]:
    counted = {}
    for size in BATCHES:
        events = [_order(number) for number in range(size)]
        with CaptureQueriesContext(connection) as queries:
            process(events, DatabaseLedger(None), clock.now())
        counted[str(size)] = len(queries)
    return counted


def _order(number: int) -> Event:
    now = clock.now()
    return Event(
        id=f"order-{number}",
        source="/shop",
        type="order.failed",
        time=now,
        accepted_at=now,
        data={"amount": number},
    )


def pin() -> bool:
    """Stay on one core where the system allows it; tell whether it does."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def measure(path: Path, *, must_agree: bool) -> dict[str, Any]:
    """Return the medians, in events a second, and what stands behind them."""
    pinned = pin()
    bounds = bounds_of(path)
    put_rules(bounds)
    contenders = {
        "plain if": plain_if(path, bounds),
        "workflow_engine": ours(path),
        "naive ORM": naive_orm(path),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    begun: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            empty_tables()
            since = perf_counter()
            events, begun[name] = contender()
            rates[name].append(events / (perf_counter() - since))
    if must_agree and begun["plain if"] != begun["workflow_engine"]:
        raise SystemExit(f"the contenders do not agree: {begun}")
    medians = {name: round(statistics.median(found)) for name, found in rates.items()}
    by_detector, by_workflow = queries_per_batch()
    return {
        "events_per_second": medians["workflow_engine"],
        "target": TARGET_PER_SECOND,
        "queries_per_batch": by_detector,
        "queries_per_batch_workflow_reached": by_workflow,
        "rates": medians,
        "episodes": begun["workflow_engine"],
        "rounds": ROUNDS,
        "pinned": pinned,
        "python": sys.version.split()[0],
    }


def main() -> None:
    """Measure, print a table unless only JSON is wanted, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the last line only")
    parser.add_argument("file", nargs="?", type=Path, help="events as JSON Lines")
    given = parser.parse_args()
    path = given.file or FOLDER / "samples.jsonl"
    if given.file is None:
        write_samples(path)

    # The engine passes over an event that is late, which a plain `if` does not know.
    result = measure(path, must_agree=given.file is None)

    if not given.json:
        for name, rate in result["rates"].items():
            sys.stdout.write(f"{name:20} {rate:>12,} events/s\n")
    sys.stdout.write(f"{json.dumps(result)}\n")


if __name__ == "__main__":
    main()
