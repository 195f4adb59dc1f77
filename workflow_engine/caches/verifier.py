"""Verifier: whether the cache says what the database says, without false alarms.

A difference may be a write that is just under way. So it is called stale only when, after a
grace period, the same filling of the entry still differs from the database.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import threading
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from django.db import connections

from workflow_engine import clock
from workflow_engine.caches.coherence.base import Coherence
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import Question
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts
from workflow_engine.models.cache_rows import CacheOutbox

logger = logging.getLogger(__name__)

K = TypeVar("K")
V = TypeVar("V")

#: Samples that wait; more are not taken: the next hit is as good a sample.
MOST_WAITING: Final = 100

#: Between two verifications of sampled hits, so that they cost little on a busy process.
PAUSE_SECONDS: Final = 0.05

#: A thread that had no work for so long ends.
IDLE_SECONDS: Final = 10.0


class Verdict(StrEnum):
    """What comparing an entry with the database came to."""

    EQUAL = "equal"
    MOVED = "moved"  # it was filled anew or forgotten meanwhile
    STALE = "stale"
    ABSENT = "absent"  # nothing is cached


def verify(
    coherence: Coherence, question: Question[K, Any], key: K, *, counter: str = "verify"
) -> Verdict:
    """Compare one entry with the database; takes the grace period when they differ.

    A stale entry is logged, counted and forgotten.

    Raises:
        CacheUnavailable: The cache does not answer.
    """
    verdict = _judge(coherence, question, key)
    conclude(coherence, question, key, verdict, counter=counter)
    return verdict


def conclude(
    coherence: Coherence,
    question: Question[K, Any],
    key: K,
    verdict: Verdict,
    *,
    counter: str = "verify",
) -> None:
    """Count what comparing an entry came to; a stale one is logged and forgotten.

    Raises:
        CacheUnavailable: The cache does not answer.
    """
    if verdict is not Verdict.ABSENT:
        counts.add(question.name, counter, "checked")
    counts.add(question.name, counter, verdict)
    if verdict is Verdict.STALE:
        _report(coherence, question, key)
        entries = Entries()
        entries.add(question, [key])
        coherence.forget(entries, "verifier")


def _judge(coherence: Coherence, question: Question[K, Any], key: K) -> Verdict:
    first = coherence.peek(question, key)
    if not first.answers:
        return Verdict.ABSENT
    if first.answers == (question.load([key])[key],):
        return Verdict.EQUAL
    if coherence.peek(question, key).nonce != first.nonce:
        return Verdict.MOVED
    clock.pause(options.CACHE_VERIFY_GRACE_SECONDS)
    loaded = question.load([key])[key]
    last = coherence.peek(question, key)
    if last.nonce != first.nonce or not last.answers:
        return Verdict.MOVED
    return Verdict.EQUAL if last.answers == (loaded,) else Verdict.STALE


def _report(coherence: Coherence, question: Question[K, Any], key: K) -> None:
    seen = coherence.peek(question, key)
    now_ms = clock.now().timestamp() * 1000
    logger.error(
        "An entry is stale: nothing announced a change of its rows.",
        extra={
            "action": "verify",
            "access": question.name,
            "key": repr(key),
            "age_seconds": (now_ms - (seen.filled_at_ms or now_ms)) / 1000,
            "outbox_rows": CacheOutbox.objects.using(coherence.database).count(),
        },
    )


class Verifier:
    """Verifies sampled hits in a thread of its own, started by the first sample."""

    def __init__(self) -> None:
        """Have nothing to do, in the present process."""
        self._waiting: queue.Queue[tuple[Coherence, Question[Any, Any], Any, str]] = (
            queue.Queue(MOST_WAITING)
        )
        self._next_sample_at = float("-inf")
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None  # guarded by _lock

    def sample(
        self, coherence: Coherence, question: Question[K, Any], keys: Sequence[K]
    ) -> None:
        """Verify one of the keys later, at most CACHE_VERIFY_SHARE of all keys asked."""
        share = options.CACHE_VERIFY_SHARE
        if not share or random.random() >= share * len(keys):  # noqa: S311 - no secret
            return
        if clock.monotonic() < self._next_sample_at:
            return
        self._next_sample_at = clock.monotonic() + PAUSE_SECONDS
        self._put(coherence, question, random.choice(keys), "verify")  # noqa: S311 - no secret

    def compare(
        self,
        coherence: Coherence,
        question: Question[K, V],
        answers: Mapping[K, V],
        loaded: Mapping[K, V],
    ) -> None:
        """Verify later every key whose answer differs from what was loaded after it."""
        equal = 0
        for key, answer in answers.items():
            if answer == loaded[key]:
                equal += 1
            else:
                self._put(coherence, question, key, "shadow")
        counts.add(question.name, "shadow", "checked", equal)
        counts.add(question.name, "shadow", "equal", equal)

    def drain(self) -> None:
        """Return once everything that waits has been verified."""
        self._waiting.join()

    def _put(
        self, coherence: Coherence, question: Question[Any, Any], key: Any, counter: str
    ) -> None:
        try:
            self._waiting.put_nowait((coherence, question, key, counter))
        except queue.Full:
            counts.add(question.name, counter, "dropped")
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="workflow_engine.verifier", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        try:
            while self._verify_next():
                pass
        finally:
            connections.close_all()

    def _verify_next(self) -> bool:
        """Verify what comes within IDLE_SECONDS; say whether to go on."""
        try:
            coherence, question, key, counter = self._waiting.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            with self._lock:
                if not self._waiting.empty():
                    return True
                self._thread = None
                return False
        try:
            verify(coherence, question, key, counter=counter)
        except CacheUnavailable as error:
            counts.add(question.name, counter, error.reason)
        except Exception:
            counts.add(question.name, counter, "error")
            logger.exception(
                "An entry could not be verified.",
                extra={"action": "verify", "access": question.name},
            )
        finally:
            if self._waiting.empty():
                connections.close_all()  # who waits keeps no database from being dropped
            self._waiting.task_done()
        return True

    def begin_anew(self) -> None:
        """In a forked child: the thread of the parent is not there."""
        self.__init__()  # type: ignore[misc] # as at the start of a process


verifier = Verifier()
os.register_at_fork(after_in_child=verifier.begin_anew)
