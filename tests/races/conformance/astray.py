"""Astray: the real client is led along a trace that ends in a stale answer without some rule.

It keeps the rule, so at some step it stands before another call than the trace says. Then it
is led as near to the trace as it can be: a step whose call does not come is left out, and a
call that the trace does not know is made. Whatever it answers on the way must be fresh.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Final

from tests.races.checker.search import Step
from tests.races.checker.system import REDIS, Configuration, System
from tests.races.conformance.along import ALSO, CALLS, SWEEPING, WRITING, story
from tests.races.conformance.cast import Cast
from tests.races.conformance.promise import Promise
from tests.races.conformance.scene import Scene
from tests.races.conformance.stage import IDLE, Actor
from tests.waiting import wait_until

#: A process of neither reader nor writer.
APART: Final = 80

#: Longer than the server lets a drain hang.
PAID_SECONDS: Final = 12.0


class Astray:
    """One trace of one variant.

    Attributes:
        left_out: Steps that the real client does not take.
    """

    def __init__(
        self,
        cast: Cast,
        scene: Scene,
        configuration: Configuration,
        trace: Sequence[Step],
        server_pid: int,
    ) -> None:
        """Put everybody in place; process 0 is closed if there are gates."""
        self._cast = cast
        self._scene = scene
        self._given = configuration
        self._trace = trace
        self._server_pid = server_pid
        self._done: list[Step] = []
        self._promise = Promise(set(configuration.readers))
        self._before_all = 0
        self.left_out: list[Step] = []
        self._readers = {one.name: one for one in System(configuration).readers}
        self._place_everybody()

    def _place_everybody(self) -> None:
        given, cast = self._given, self._cast
        cast.processes.clear()
        cast.network.is_up = True
        for reader in self._readers.values():
            cast.of(reader.name, reader.process)
        for number in range(1, given.writers + 1):
            cast.of(f"W{number}", 0 if given.has_gates else WRITING)
        for number in range(1, 10):
            cast.of(f"S{number}", SWEEPING)
        cast.of("P0", 0)
        cast.of("F", APART)
        self._scene.clear()
        for number in {*given.readers, WRITING, SWEEPING, APART}:
            if number or not given.has_gates:
                assert cast.process(number).gate.passes(), f"process {number} is closed"

    def run(self) -> None:
        """Go along as far as it goes, then read again.

        Raises:
            AssertionError: An answer was stale.
        """
        try:
            for place, step in enumerate(self._trace):
                self._done.append(step)
                later = self._trace[place + 1 :]
                theirs = {step.actor, f"{step.actor}'s look-up"}
                self._take(step, [one.name for one in later if one.actor in theirs])
                self._notice()
            self._end()
        except AssertionError as error:
            raise AssertionError(
                f"{error}\n{story(self._done, self._cast, left_out=self.left_out)}"
            ) from error
        finally:
            for one in self._cast.actors():
                one.kill()

    # Steps

    def _take(self, step: Step, later: list[str]) -> None:
        if step.actor == REDIS:
            self._happens(step.name)
        elif step.actor == "W1's look-up":
            one = self._cast.actor("W1")
            if one.at in {"looks up", "loads"}:
                one.go()
            else:
                self.left_out.append(step)
        elif step.actor in self._readers:
            self._reads(step, later)
        else:
            self._writes(step, later)

    def _happens(self, name: str) -> None:
        if name in {"goes away", "is back"}:
            self._cast.network.is_up = name == "is back"
        elif name == "process 0 is restarted":
            for reader in self._readers.values():
                if not reader.process:
                    self._cast.actor(reader.name).kill()
            self._cast.processes.pop(0)
        elif name != "gets a late command":  # what was never sent twice is not late
            self._scene.happens(name)

    def _reads(self, step: Step, later: list[str]) -> None:
        one = self._cast.actor(step.actor)
        if step.name in {"asks", "joins a load", "begins a transaction"}:
            if one.at != IDLE and step.name == "asks" and one.name == "T":
                self._go(one)
                return
            self._finish(one)
            self._begin(one)
            if step.name == "joins a load":
                self._finish(one)
            elif step.name == "asks" and one.at != IDLE:
                self._go(one)
        elif step.name.startswith("asks, times out"):
            self._finish(one)
            self._begin(one)
            self._times_out(one)
        else:
            self._comes_to(one, step, later)

    def _writes(self, step: Step, later: list[str]) -> None:
        one = self._cast.actor(step.actor)
        if step.name == "writes":
            self._begin(one)
        elif step.name == "is killed":
            self._cast.kill(one)
        elif step.name == "stops for good":
            return
        elif step.actor.startswith("P"):
            self._opens(one, step)
            return
        else:
            if one.at == IDLE and step.actor[0] in "FS":
                self._begin(one)
            self._comes_to(one, step, later)
        if not later and step.actor[0] in "WF" and step.name != "is killed":
            self._finish(one, until=IDLE if self._given.has_outbox else "locks")

    def _opens(self, one: Actor, step: Step) -> None:
        """Lead the opening of process 0; it is tried again only after a while."""
        gate = self._cast.process(0).gate
        if one.at == IDLE and not gate.is_open:
            wait_until(
                lambda: bool(self._begin(one) != IDLE or gate.is_open),
                "process 0 may open again",
                limit_seconds=5,
            )
        if one.at != IDLE:
            if step.name in {"opens", "opens at once"}:
                self._finish(one)
            else:
                self._comes_to(one, step, [])

    def _comes_to(self, one: Actor, step: Step, later: list[str]) -> None:
        """Make the call of a step, and calls before it that no later step makes."""
        wanted = self._call(step.name)
        calls_later = set()
        for name in later:
            if name == "asks":
                break
            calls_later.add(self._call(name))
        if one.name == "F" and wanted == "removes the cell":
            wanted = "drops"
        if one.name == "F":
            calls_later |= {"drops"} if "removes the cell" in calls_later else set()
        for _ in range(10):
            if one.at == wanted:
                self._go(one)
                return
            if one.at == IDLE or not wanted or one.at in calls_later:
                break
            self._go(one)
        self.left_out.append(step)

    def _call(self, name: str) -> str:
        return CALLS.get(name) or ALSO.get(name, "")

    # Moving

    def _begin(self, one: Actor) -> str:
        """Begin a piece of work; a read may not answer from before its floor."""
        one.begin(self._work(one.name))
        return one.at

    def _work(self, name: str) -> Callable[[], object]:
        cast = self._cast
        if reader := self._readers.get(name):
            self._promise.begin(name, reader.process)
            return cast.look_up_inside if reader.in_snapshot else cast.look_up
        if name[0] == "W":
            number = int(name[1:])
            if not self._given.forgets:
                return cast.writes_by_sql(number)
            own = self._given.own_look_up and number == 1
            return cast.writes(number, looks_up=own)
        if name == "F":
            self._before_all = self._promise.commits[-1]
        works = {"S": cast.sweep, "P": cast.opens, "F": cast.forget_all}
        return works[name[0]]

    def _go(self, one: Actor) -> None:
        was_committing = one.at == "commits"
        one.go()
        if was_committing:
            self._promise.commit(int(one.name[1:]))
        if one.at == IDLE:
            self._ended(one)
        elif one.at == "locks" and not self._given.has_outbox:
            self._promise.hold_all(int(one.name[1:]))

    def _finish(self, one: Actor, until: str = IDLE) -> None:
        for _ in range(50):
            if one.at in {IDLE, until}:
                return
            self._go(one)
        raise AssertionError(f"{one.name} does not come to an end")

    def _times_out(self, one: Actor) -> None:
        """Let the server be asked and not answer in time."""
        os.kill(self._server_pid, signal.SIGSTOP)
        try:
            self._finish(one)
        finally:
            os.kill(self._server_pid, signal.SIGCONT)

    # What is promised

    def _ended(self, one: Actor) -> None:
        reader = self._readers.get(one.name)
        commits = self._promise.commits
        if reader is not None:
            name, told = one.name, one.told
            self._promise.check(name, told, in_snapshot=reader.in_snapshot)
        elif one.name == "F":
            self._promise.hold_all(self._before_all)
        elif one.name[0] == "W" and self._given.forgets:
            version = int(one.name[1:])
            if version in commits and self._given.has_gates:
                self._promise.hold(0, version)

    def _notice(self) -> None:
        """Nothing is owed: nobody may miss anything."""
        if self._scene.owed() == 0:
            self._promise.hold_all(self._promise.commits[-1])

    def _end(self) -> None:
        """Let everybody finish, pay what is owed, and read twice."""
        self._cast.network.is_up = True
        self._scene.happens("has room again")
        has_stopped = any(step.name == "stops for good" for step in self._trace)
        names = sorted({step.actor for step in self._done}, key="WFPSRT".find)
        for name in names:
            is_left = has_stopped and name == "S1"
            if name in {REDIS, "W1's look-up"} or is_left:
                continue
            self._finish(self._cast.actor(name))
        wait_until(self._is_paid, "the outbox is empty", limit_seconds=PAID_SECONDS)
        self._notice()
        for name, reader in self._readers.items():
            if name == "W1's look-up" or reader.in_snapshot:
                continue
            for _ in range(2):
                one = self._cast.actor(name)
                self._begin(one)
                if one.at == IDLE:
                    self._ended(one)
                self._finish(one)
                assert one.told == self._promise.commits[-1], (
                    f"{name} answers v{one.told}"
                )

    def _is_paid(self) -> bool:
        one = self._cast.actor("S9")
        self._begin(one)
        self._finish(one)
        return self._scene.owed() == 0
