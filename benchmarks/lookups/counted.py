"""Counted: the same look-ups and events with counting on and off, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeAlias

from benchmarks.lookups import questions
from benchmarks.lookups.stream import BATCH, message
from workflow_engine import tasks
from workflow_engine.conf import options
from workflow_engine.lookups import workflows_for_detectors

#: Seconds with counting on, and off.
Pair: TypeAlias = tuple[float, float]


def counted_look_ups(size: int, repeats: int, calls: int) -> list[Pair]:
    """Return the median seconds of each question of a size, counted and not.

    Each repeat is `calls` calls in a row with it on and as many with it off; who comes
    first changes.
    """
    runs = [
        partial(workflows_for_detectors, one.detector_ids, one.environment)
        for one in questions.questions(size)
    ]
    for run in [*runs, *runs]:
        run()
    taken: list[list[Pair]] = [[] for _ in runs]
    for number in range(repeats):
        for run, pairs in zip(runs, taken, strict=True):
            pairs.append(_pair(partial(_repeat, run, calls), calls, number))
    return [_settled(pairs) for pairs in taken]


def counted_events(batches: int) -> Pair:
    """Return the median seconds of an event that a detector says no to, counted and not."""
    given = [_batch(number) for number in range(2 * batches + 2)]
    for batch in given[:2]:
        tasks.process_events(batch)
    left = iter(given[2:])

    def run() -> None:
        tasks.process_events(next(left))

    return _settled([_pair(run, BATCH, number) for number in range(batches)])


def _batch(number: int) -> list[Any]:
    return [message(f"counted-{number}-{place}", place, 0) for place in range(BATCH)]


def _repeat(run: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        run()


def _pair(run: Callable[[], object], calls: int, number: int) -> Pair:
    seconds = {}
    for is_on in (True, False) if number % 2 else (False, True):
        vars(options)["METRICS"] = is_on
        began = perf_counter()
        run()
        seconds[is_on] = (perf_counter() - began) / calls
    vars(options)["METRICS"] = True
    return seconds[True], seconds[False]


def _settled(pairs: Sequence[Pair]) -> Pair:
    """Return the median without counting, and that with what counting adds in the median.

    Of turns side by side, since both are slowed alike by what else the machine does.
    """
    off = statistics.median(off for _, off in pairs)
    return off + statistics.median(on - off for on, off in pairs), off


ORDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "counted_look_ups": counted_look_ups,
    "counted_events": counted_events,
}
