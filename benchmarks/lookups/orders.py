"""Orders: what a worker can be told to do; here what belongs to the race."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Final, TypeAlias

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.lookups import (
    cold,
    counted,
    limits,
    questions,
    rules,
    saves,
    setup,
    stream,
)
from benchmarks.lookups.answers import Ask, digest
from benchmarks.lookups.asks import MADE_BY

Run: TypeAlias = Callable[[], Any]

#: Questions asked before a turn is timed.
WARMING: Final = 2

_asks: dict[str, Ask] = {}
_limits: dict[tuple[str, int], list[Run]] = {}


def agree(contender: str) -> dict[str, Any]:
    """Return what names the answers of a contender, to every question of every size.

    Asked twice: what is compared is what it keeps. `queries` is what the second time cost,
    by size, for all questions together.
    """
    ask = _asks[contender] = MADE_BY[contender]()
    digests, queries = {}, {}
    for size in questions.SIZES:
        asked = questions.questions(size)
        for one in asked:
            ask(one.detector_ids, one.environment)
        with CaptureQueriesContext(connection) as sent:
            answers = [ask(one.detector_ids, one.environment) for one in asked]
        digests[size] = [digest(answer) for answer in answers]
        queries[size] = len(sent)
    # What is there by now stays; a collection need not look at it again.
    gc.collect()
    gc.freeze()
    return {"digests": digests, "queries": queries}


def once(contender: str, size: int, place: int) -> None:
    """Ask one question once."""
    asked = questions.questions(size)[place]
    _asks[contender](asked.detector_ids, asked.environment)


def turn(contender: str, size: int, repeats: int, calls: int) -> list[float]:
    """Return the seconds of each question of a size: the median of so many repeats.

    Each repeat is `calls` calls in a row, for those that are too quick to be timed alone.
    """
    runs = _runs(contender, size)
    for run in runs[:WARMING]:
        run()
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, seconds in zip(runs, taken, strict=True):
            began = perf_counter()
            for _ in range(calls):
                run()
            seconds.append((perf_counter() - began) / calls)
    return [statistics.median(seconds) for seconds in taken]


def _runs(contender: str, size: int) -> list[Run]:
    if contender in limits.NAMES:
        return _limits[contender, size]
    ask = _asks[contender]
    return [
        partial(ask, one.detector_ids, one.environment)
        for one in questions.questions(size)
    ]


def read_like(contender: str, size: int, recorded: limits.Recorded) -> None:
    """Make a limit out of the commands that one of ours has sent, question by question."""
    _limits[contender, size] = limits.NAMES[contender](recorded)


ORDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "agree": agree,
    "once": once,
    "turn": turn,
    "read_like": read_like,
    "prepare": setup.prepare,
    "write_many": rules.write_many,
    **cold.ORDERS,
    **counted.ORDERS,
    **saves.ORDERS,
    **stream.ORDERS,
}
