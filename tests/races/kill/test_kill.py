"""Kills: whatever step a process did not live to take, one sweep makes every read fresh."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.lookups.rows import linked, whole_detector
from tests.races.kill.children import NAME, Children
from tests.races.processes import (
    Answers,
    Asked,
    direct,
    everything,
    not_among,
    owed,
    process,
    read,
    wait_until_disconnected,
    warm,
)
from tests.receivers.conftest import write_rules
from tests.waiting import wait_until
from workflow_engine.caches.coherence import current, reset
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.models import Detector, Workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]

MOST_STEPS = 120
#: The server ends a drain after 0.3 s here; the rest is for a machine under load.
FREE_SECONDS = 10

Prepare = Callable[[], None]


class Watchers:
    """Two processes that look on: one has near copies, the other reads the cells."""

    def __init__(self) -> None:
        write_rules()
        side = current()
        assert isinstance(side, CellCoherence)
        self.near = side
        self.asked = self._ask()
        self.cells = process()
        warm([self.near], self.asked)

    def begin(self) -> Answers:
        """Have everything in cells and near copies, and return it."""
        self.near.sweep()
        self.asked = self._ask()
        warm([self.near], self.asked)
        self.cells = process()
        assert self.cells.gate.passes()
        return direct(self.asked)

    def read(self) -> list[Answers]:
        return [read(side, self.asked) for side in (self.near, self.cells)]

    def fail_unless_fresh(self, where: object) -> None:
        after = direct(self.asked)
        newcomer = read(process(), self.asked)
        for answers in (*self.read(), newcomer):
            assert not not_among(answers, after), where

    def _ask(self) -> Asked:
        detectors = list(Detector.objects.values_list("pk", flat=True))
        workflows = list(Workflow.objects.values_list("pk", flat=True))
        return everything([*detectors, max(detectors) + 1], workflows)


@pytest.fixture
def watchers() -> Iterator[Watchers]:
    """Yield who looks on, in processes that start now."""
    reset()
    yield Watchers()
    reset()


@pytest.fixture
def children(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Children]:
    """Yield what runs the processes that are killed."""
    with Children(child_environment, tmp_path / "children.log") as children:
        yield children


def nothing() -> None:
    """Leave the rules as they are."""


def detector_to_delete() -> None:
    linked(whole_detector(source="/shop"), Workflow.objects.order_by("pk")[0])


WRITES = {
    "save": nothing,
    "move": nothing,
    "rename": nothing,
    "delete": detector_to_delete,
    "link": nothing,
    "bulk": nothing,
}
SWEEPS = ("sweep", "sweep_all")


def fail_at_every_step(
    watchers: Watchers,
    run_child: Callable[[int], dict[str, Any]],
    *,
    prepare: Prepare = nothing,
) -> int:
    """Kill before step 1, 2, ... until the child survives; say how often it was needed.

    That is: how often the sweep found something that some read was still missing.
    """
    needed = 0
    for at in range(1, MOST_STEPS):
        prepare()
        before = watchers.begin()
        ended = run_child(at)
        wait_until_disconnected(NAME)
        after = direct(watchers.asked)
        stale: dict[Any, Any] = {}
        for answers in watchers.read():
            assert not not_among(answers, before, after), at
            stale |= not_among(answers, after)
        assert owed() or not stale, at

        watchers.near.sweep()

        watchers.fail_unless_fresh(at)
        assert owed() == 0, at
        if ended["end"] == "survived":
            assert not stale, ended["steps"]
            return needed
        assert ended["end"] == "killed"
        needed += bool(stale)
    raise AssertionError(f"no child survived {MOST_STEPS} steps")


@pytest.mark.parametrize("act", WRITES)
def test_write__killed_before_each_step(
    act: str, watchers: Watchers, children: Children
) -> None:
    needed = fail_at_every_step(
        watchers,
        lambda at: children.run(act, at, signal.SIGKILL),
        prepare=WRITES[act],
    )

    assert needed, "no child died between its commit and its forget"


def test_write__killed_before_each_step_of_its_first_act(
    watchers: Watchers, children: Children
) -> None:
    needed = fail_at_every_step(
        watchers, lambda at: children.run("save", at, signal.SIGKILL, is_cold=True)
    )

    assert needed, "no child died between its commit and its forget"


@pytest.mark.parametrize("act", SWEEPS)
def test_sweep__killed_before_each_step(
    act: str, watchers: Watchers, children: Children
) -> None:
    needed = fail_at_every_step(
        watchers, lambda at: children.run(act, at, signal.SIGKILL)
    )

    assert needed, "no child died before its forget"


def fresh_without_it(watchers: Watchers) -> Callable[[], bool]:
    """Return what sweeps once, and says whether every read is fresh and nothing owed."""

    def is_fresh() -> bool:
        watchers.near.sweep()
        after = direct(watchers.asked)
        return not owed() and all(
            not not_among(answers, after) for answers in watchers.read()
        )

    return is_fresh


def stop_at_every_step(watchers: Watchers, children: Children, act: str) -> int:
    """Stop for good before step 1, 2, ...; say how many ended badly when they went on."""
    ended_badly = 0
    for at in range(1, MOST_STEPS):
        watchers.begin()
        answer = children.run(act, at, signal.SIGSTOP)
        if answer["end"] == "survived":
            return ended_badly
        wait_until(
            fresh_without_it(watchers),
            f"everything was fresh with a process stopped before step {at}",
            limit_seconds=FREE_SECONDS,
        )

        children_end = children.resume(answer["pid"])

        ended_badly += children_end != "survived"
        wait_until_disconnected(NAME)
        watchers.near.sweep()
        watchers.fail_unless_fresh(at)
    raise AssertionError(f"no child survived {MOST_STEPS} steps")


@pytest.mark.parametrize("act", SWEEPS)
def test_sweep__stopped_for_good_before_each_step(
    act: str, watchers: Watchers, children: Children
) -> None:
    ended_badly = stop_at_every_step(watchers, children, act)

    assert ended_badly, "the server has ended no drain"


def test_write__stopped_for_good_before_each_step(
    watchers: Watchers, children: Children
) -> None:
    stop_at_every_step(watchers, children, "save")

    assert connection.is_usable()
