"""Orders: what a worker can be told to do; here what belongs to the race."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.lookups import cold, limits, questions, rules, saves, setup, stream
from benchmarks.lookups.answers import Ask, digest
from benchmarks.lookups.asks import MADE_BY

_asks: dict[str, Ask] = {}
_limits: dict[tuple[str, int], Callable[[], Any]] = {}


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


def turn(contender: str, size: int, repeats: int) -> float:
    """Return the seconds of a question of a size, over so many repeats of all of them."""
    if contender in limits.NAMES:
        return _limit_turn(_limits[contender, size], size, repeats)
    ask = _asks[contender]
    asked = [(one.detector_ids, one.environment) for one in questions.questions(size)]
    ask(*asked[0])
    began = perf_counter()
    for _ in range(repeats):
        for detector_ids, environment in asked:
            ask(detector_ids, environment)
    return (perf_counter() - began) / (repeats * len(asked))


def _limit_turn(read: Callable[[], Any], size: int, repeats: int) -> float:
    calls = questions.QUESTIONS[size]
    read()
    began = perf_counter()
    for _ in range(repeats * calls):
        read()
    return (perf_counter() - began) / (repeats * calls)


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
    **saves.ORDERS,
    **stream.ORDERS,
}
