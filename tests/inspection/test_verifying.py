"""Verifying while somebody waits: within a time, and with one wait for all that differ."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from math import inf
from typing import Any

import pytest
from pytest_django import Settings

from tests.inspection.cached import cached_workflow, change_unseen, keep_in_redis
from tests.waiting import wait_until
from workflow_engine import clock
from workflow_engine.caches.coherence import CellState, Coherence, current
from workflow_engine.caches.coherence.base import Peeked
from workflow_engine.caches.question import Question
from workflow_engine.caches.verifier import Verdict
from workflow_engine.inspection.keys import count
from workflow_engine.inspection.verifying import Limits, verify_some
from workflow_engine.lookups.detectors import detectors
from workflow_engine.lookups.workflows import workflows

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

#: Some seconds of steps that find nothing.
MOST_STEPS = 20_000_000
PATIENT = Limits(most=100, seconds=60, most_wait_seconds=5)


class ForgottenBetween:
    """A coherence whose entry somebody forgets after it was looked at once."""

    def __init__(self, inner: Coherence) -> None:
        self._inner = inner
        self._looks = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        self._looks += 1
        if self._looks == 2:
            workflows.forget([key])
        return self._inner.peek(question, key)


class NamesOfOthers:
    """A coherence beside names of others: nearly every step of a scan finds nothing."""

    def __init__(self, portions: list[list[str]] | None = None) -> None:
        self._portions = portions
        self.scans = 0

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        self.scans += 1
        yield from self._portions or repeat([], MOST_STEPS)
        if self._portions is None:
            pytest.fail("nobody looked at the clock")


def test_verify_some__nobody_waits_so_long(settings: Settings) -> None:
    keep_in_redis(settings, CACHE_VERIFY_GRACE_SECONDS=60)
    workflow = cached_workflow()
    change_unseen(workflow)

    found = verify_some(current(), [workflows], PATIENT)

    assert found.undecided == [("workflows", str(workflow.pk))]
    assert (found.there, found.verified, found.stale) == (1, 0, [])
    assert current().peek(workflows, workflow.pk).state is CellState.VALUE


def test_verify_some__the_time_runs_out(settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    over = Limits(most=100, seconds=-1, most_wait_seconds=5)

    found = verify_some(current(), [workflows], over)

    assert (found.there, found.is_cut, found.verified) == (0, True, 0)
    assert current().peek(workflows, workflow.pk).state is CellState.VALUE


def test_verify_some__among_names_of_others_without_end() -> None:
    coherence: Any = NamesOfOthers()
    short = Limits(most=100, seconds=0.05, most_wait_seconds=5)

    found = verify_some(coherence, [workflows, detectors], short)

    assert (found.there, found.is_cut, found.verified) == (0, True, 0)
    assert coherence.scans == 2


class LongSearch:
    """A coherence that has named its only entry long before its search ends."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = clock.monotonic() + seconds

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        yield ["7"]
        wait_until(
            lambda: clock.monotonic() > self._ends_at, "the end", limit_seconds=10
        )


def test_verify_some__found_and_no_time_left_to_compare() -> None:
    limits = Limits(most=100, seconds=0.3, most_wait_seconds=5)
    coherence: Any = LongSearch(0.4)

    found = verify_some(coherence, [workflows], limits)

    assert (found.there, found.is_cut, found.left, found.verified) == (1, False, 1, 0)


def test_count__among_names_of_others_without_end() -> None:
    coherence: Any = NamesOfOthers()

    found = count(coherence, workflows, most=10, deadline=clock.monotonic() + 0.05)

    assert (found.there, found.is_cut) == (0, True)


@pytest.mark.parametrize(("most", "is_cut"), [(2, True), (3, False)])
def test_count__no_further_than_wanted(most: int, is_cut: bool) -> None:
    coherence: Any = NamesOfOthers([["1", "2", "3"], [], []])

    found = count(coherence, workflows, most=most, deadline=inf)

    assert (found.there, found.is_cut) == (3, is_cut)


def test_verify_some__forgotten_meanwhile_is_not_stale(settings: Settings) -> None:
    keep_in_redis(settings)
    change_unseen(cached_workflow())
    coherence: Any = ForgottenBetween(current())

    found = verify_some(coherence, [workflows], PATIENT)

    assert found.verdicts == {Verdict.MOVED: 1}
    assert found.stale == []
