"""A gate opens only when everything owed is forgotten, and nobody closed it meanwhile."""

from __future__ import annotations

import logging
import threading

import pytest
from django.db import OperationalError
from django.test import override_settings

from workflow_engine.caches.coherence.gate import Gate
from workflow_engine.exceptions import CacheUnavailable

TIMEOUT = CacheUnavailable("timeout", "no answer")
READONLY = CacheUnavailable("readonly", "a replica", closes=True)

pytestmark = pytest.mark.usefixtures("_often")


@pytest.fixture
def _often() -> object:
    with override_settings(
        WORKFLOW_ENGINE={"CACHE_BREAKER": {"errors": 3, "retry_seconds": 60}}
    ):
        yield


def opened() -> Gate:
    gate = Gate(lambda: True)
    assert gate.passes()
    return gate


def test_passes__begins_closed_and_opens_when_ready() -> None:
    gate = Gate(lambda: True)

    assert not gate.is_open
    assert gate.passes()
    assert gate.is_open


@pytest.mark.parametrize("answer", [False, TIMEOUT, OperationalError("gone")], ids=str)
def test_passes__not_ready_is_not_asked_again_at_once(
    answer: bool | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[None] = []

    def prepare() -> bool:
        asked.append(None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    gate = Gate(prepare)

    assert [gate.passes() for _ in range(5)] == [False] * 5
    assert len(asked) == 1
    assert bool(caplog.records) is isinstance(answer, Exception)


def test_passes__somebody_closes_during_the_opening() -> None:
    def prepare() -> bool:
        gate.close()
        return True

    gate = Gate(prepare)

    assert not gate.passes()
    assert not gate.is_open


def test_passes__others_go_on_without_while_one_opens() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def prepare() -> bool:
        begun.set()
        return go_on.wait(10)

    gate = Gate(prepare)
    opener = threading.Thread(target=gate.passes)
    opener.start()
    assert begun.wait(10)

    assert not gate.passes()

    go_on.set()
    opener.join(10)
    assert gate.is_open


def test_fail__closes_after_some_in_a_row(caplog: pytest.LogCaptureFixture) -> None:
    gate = opened()

    gate.fail(TIMEOUT)
    gate.fail(TIMEOUT)
    gate.succeed()
    gate.fail(TIMEOUT)
    gate.fail(TIMEOUT)
    before = gate.is_open
    gate.fail(TIMEOUT)

    assert (before, gate.is_open) == (True, False)
    assert not gate.passes()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_fail__some_errors_close_at_once() -> None:
    gate = opened()

    gate.fail(READONLY)

    assert not gate.is_open


def test_passes__opens_again_when_it_is_time() -> None:
    with override_settings(
        WORKFLOW_ENGINE={"CACHE_BREAKER": {"errors": 1, "retry_seconds": 0}}
    ):
        gate = opened()
        gate.fail(TIMEOUT)

        assert gate.passes()


@pytest.mark.parametrize("reason", ["replica", "no_identity"])
def test_passes__says_what_no_retry_cures(reason: str) -> None:
    def prepare() -> bool:
        raise CacheUnavailable(reason, "no", closes=True)

    gate = Gate(prepare)
    gate.passes()

    assert gate.reason == reason


def test_may_pay__while_another_opens() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def prepare() -> bool:
        begun.set()
        return go_on.wait(10)

    gate = Gate(prepare)
    opener = threading.Thread(target=gate.passes)
    opener.start()
    assert begun.wait(10)

    assert gate.may_pay()
    assert not gate.is_open

    go_on.set()
    opener.join(10)
    assert gate.is_open


def test_may_pay__closed_and_not_yet_to_be_tried() -> None:
    gate = opened()
    gate.fail(READONLY)

    assert not gate.may_pay()


def test_leave__during_an_opening_that_may_not_have_seen_it() -> None:
    def prepare() -> bool:
        gate.leave()
        return True

    gate = Gate(prepare)

    assert not gate.passes()


def test_leave__too_late_to_matter() -> None:
    gate = opened()

    gate.leave()

    assert gate.is_open
