"""Forgotten: what was forgotten is counted, and noted with its cause for who asks later."""

from __future__ import annotations

from itertools import islice
from typing import Any

from workflow_engine import clock
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.mapping import text_of
from workflow_engine.caches.question import Question
from workflow_engine.conf import options
from workflow_engine.metrics.counts import counts
from workflow_engine.metrics.forgets import MOST_NAMED, Forgotten, forgets


def tell(entries: Entries, cause: str) -> None:
    """Count and note that entries were forgotten."""
    for question, keys in entries.some():
        named = sorted(map(text_of, islice(keys, MOST_NAMED)))
        _note(question, cause, entries, count=len(keys), keys=tuple(named))
        counts.add(question.name, "forgot", cause, len(keys))
    for question in entries.whole():
        _note(question, cause, entries, count=None)
        counts.add(question.name, "forgot_all", cause)


def _note(
    question: Question[Any, Any],
    cause: str,
    of: Entries,
    *,
    count: int | None,
    keys: tuple[str, ...] = (),
) -> None:
    """Note it; before it is counted, so that who writes counts down finds the note."""
    if not options.METRICS:
        return
    forgets.note(
        Forgotten(
            at=clock.now(),
            access=question.name,
            cause=cause,
            count=count,
            keys=keys,
            is_cut=count is None or count > len(keys),
            rows=tuple(map(str, of.rows)),
            author=of.author,
        )
    )
