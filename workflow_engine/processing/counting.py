"""Counting: what events, firings and attempts came to, as figures; after the commit only.

The one gate of the engine's own figures. Who decides for nobody's sake (explain, replay, a
test fire) does not come here. No query, and no word that comes from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, ParamSpec, TypeAlias

from django.db import connections, transaction

from workflow_engine.actions import Attempt
from workflow_engine.conf import options
from workflow_engine.exceptions import (
    BlockedAddress,
    EndpointFailed,
    EndpointGone,
    HandlerMissing,
    Permanent,
    RetryAfter,
)
from workflow_engine.metrics.counts import counts
from workflow_engine.queue import Begun
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.trace import Trace

P = ParamSpec("P")

#: Kind of the item that was judged, outcome, reason.
_Decided: TypeAlias = tuple[str, Result, Reason]

#: Decisions on an item are counted apart: their event was counted when it came in.
JUDGED_AGAIN: Final = frozenset({"evaluate", "detect"})

#: What a firing that was just decided on counts as.
DECIDED: Final = "due"

#: The first class that an error of an attempt is of.
_RESULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (HandlerMissing, "handler_missing"),
    (EndpointGone, "gone"),
    (BlockedAddress, "blocked"),
    (Permanent, "permanent"),
    (RetryAfter, "retry_after"),
    (EndpointFailed, "endpoint_failed"),
    (TimeoutError, "timeout"),
)
OK: Final = "ok"
OTHER: Final = "error"  # what nobody foresaw

#: Every word that `result_of_attempt` returns.
RESULTS: Final = (OK, *(word for _, word in _RESULTS), OTHER)


def count_decisions(traces: Iterable[Trace], using: str) -> None:
    """Count what became of events, once for each outcome and reason of a batch."""
    if not options.METRICS:
        return
    found: dict[_Decided, int] = {}  # no Counter: on the path of every event
    for trace in traces:
        key = (trace.item, trace.result, trace.reason)
        found[key] = found.get(key, 0) + 1
    if found:
        _after_commit(using, _add_decisions, found)


def count_decided(firings: Iterable[tuple[str, str]], using: str) -> None:
    """Count firings that were decided on, by the kind of their action and the reason."""
    found = Counter(firings)
    if found:
        _after_commit(using, _add_firings, DECIDED, found)


def count_ended(kinds: Iterable[str], state: str, reason: str, using: str) -> None:
    """Count firings that have ended; `kinds` are those of their actions, "" = gone."""
    found = Counter((kind, reason) for kind in kinds)
    if found:
        _after_commit(using, _add_firings, state, found)


def count_attempt(kind: str, attempt: Attempt, using: str) -> None:
    """Count what one attempt came to, and how long it took."""
    _after_commit(using, _add_attempt, kind, attempt)


def count_begun(items: Sequence[Begun], now: datetime) -> None:
    """Count how late items began; one that was tried before was as late then."""
    for item in items:
        if item.attempt == 1:
            late = (now - item.due_at).total_seconds() * 1000
            counts.observe("", "lateness", "", max(0.0, late))


def result_of_attempt(error: Exception | None) -> str:
    """Return what an attempt came to in a word; one of RESULTS."""
    if error is None:
        return OK
    return next((word for kind, word in _RESULTS if isinstance(error, kind)), OTHER)


def _add_decisions(found: Mapping[_Decided, int]) -> None:
    for (item, outcome, reason), number in found.items():
        counter = "again" if item in JUDGED_AGAIN else "event"
        counts.add(outcome.value, counter, reason.value, number)


def _add_firings(state: str, found: Counter[tuple[str, str]]) -> None:
    for (kind, reason), number in found.items():
        counts.add(kind, "firing", f"{state}:{reason}", number)


def _add_attempt(kind: str, attempt: Attempt) -> None:
    counts.add(kind, "delivery", result_of_attempt(attempt.error))
    counts.observe(kind, "action", "", attempt.duration_seconds * 1000)


def _after_commit(
    using: str, add: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Count after the commit, if there is one to come; the database is not asked."""
    if connections[using].in_atomic_block:
        later = partial(add, *args, **kwargs)
        transaction.on_commit(later, using=using, robust=True)
    else:
        add(*args, **kwargs)
