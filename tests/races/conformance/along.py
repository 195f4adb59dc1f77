"""Along: the real client goes a trace of the protocol, step by step, and is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.races.checker.search import Step, replay
from tests.races.checker.system import REDIS, Configuration, System
from tests.races.conformance.cast import Cast, Rollback
from tests.races.conformance.scene import Names, Scene
from tests.races.conformance.stage import IDLE

#: Which call a step is, where the words are not the same.
CALLS: Final = {
    "compares": "reads",
    "looks again": "reads",
    "gives up waiting": "reads",
    "drops an odd cell": "drops",
    "takes a permit": "takes",
    "is refused a permit": "takes",
    "renews the generation": "renews",
    "loads": "loads",
    "loads without a permit": "loads",
    "fills": "fills",
    "fills, refused": "fills",
    "commits": "commits",
    "removes the cell": "removes the cell",
    "removes the generation": "removes the generation",
    "locks the outbox rows": "locks",
    "finds no outbox row": "locks",
    "locks outbox rows": "locks",
    "commits its drain": "commits its drain",
}

#: Which call the steps of variants are nearest to.
ALSO: Final = {
    "begins to scan": "scans",
    "deletes outbox rows and commits": "locks",
    "takes a permit, sent twice": "takes",
    "cannot forget": "removes the cell",
    "finds nothing to drain": "locks",
    "opens": "commits its drain",
}

#: No process of a reader.
WRITING: Final = 90
SWEEPING: Final = 91


class Along:
    """One trace."""

    def __init__(
        self, cast: Cast, scene: Scene, configuration: Configuration, trace: list[Step]
    ) -> None:
        """Put everybody in place and open every process."""
        self._cast = cast
        self._scene = scene
        self._system = System(configuration, tells=True)
        self._trace = trace
        self._done: list[Step] = []
        self._readers = {one.name: one for one in self._system.readers}
        for process in set(configuration.readers):
            cast.processes.pop(process, None)
        for reader in self._system.readers:
            cast.of(reader.name, reader.process)
        for step in trace:
            if step.actor.startswith("W"):
                cast.of(step.actor, WRITING)
            elif step.actor.startswith("S"):
                cast.of(step.actor, SWEEPING)
        scene.happens("has room again")
        scene.clear()
        for number in {*configuration.readers, WRITING, SWEEPING}:
            assert cast.process(number).gate.passes(), f"process {number} is closed"

    def run(self) -> None:
        """Go along all of it.

        Raises:
            AssertionError: The client took another way, or left something else behind.
        """
        worlds = replay(self._system, self._trace)
        names = Names()
        try:
            for place, step in enumerate(self._trace):
                self._done.append(step)
                self._take(step)
                before, after = worlds[place : place + 2]
                wrong = self._scene.differs(after, names)
                assert not wrong, wrong
                if step.actor in self._readers:
                    self._compare_answer(step, before.actors, after)
            owed = self._scene.owed()
            assert owed == len(worlds[-1].outbox), f"{owed} outbox rows"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{story(self._done, self._cast)}") from error
        finally:
            for one in self._cast.actors():
                one.kill()

    def _take(self, step: Step) -> None:
        if step.actor == REDIS:
            self._scene.happens(step.name)
            return
        one = self._cast.actor(step.actor)
        if step.name == "is killed":
            self._cast.kill(one)
        elif step.name == "rolls back":
            self._expect(step, "commits")
            one.go(Rollback())
        elif step.name == "writes":
            is_ours = self._system.configuration.forgets
            writes = self._cast.writes if is_ours else self._cast.writes_by_sql
            one.begin(writes(int(step.actor[1:])))
        elif step.name == "asks":
            one.begin(self._cast.look_up)
            self._expect(step, "reads")
            one.go()
        else:
            if step.actor.startswith("S") and one.at == IDLE:
                one.begin(self._cast.sweep)
            self._expect(step, CALLS[step.name])
            one.go()

    def _expect(self, step: Step, call: str) -> None:
        at = self._cast.actor(step.actor).at
        assert at == call, f"'{step}' is the call '{call}'; it stands before '{at}'"

    def _compare_answer(
        self, step: Step, before: Sequence[object], after: object
    ) -> None:
        place = self._readers[step.actor].place
        left = [getattr(actors[place], "left", 0) for actors in (before, after.actors)]  # type: ignore[attr-defined]
        one = self._cast.actor(step.actor)
        if left[0] == left[1]:
            assert one.at != IDLE, f"it answers v{one.told}; the model goes on"
            return
        assert one.at == IDLE, f"no answer: it stands before '{one.at}'"
        answer = after.answer  # type: ignore[attr-defined]
        assert (step.actor, one.told) == answer, f"v{one.told}, in the model {answer}"


def story(done: Sequence[Step], cast: Cast, left_out: Sequence[Step] = ()) -> str:
    """Return the steps that were taken, and where everybody stands, for people."""
    steps = [f"{number:3}  {step}" for number, step in enumerate(done, start=1)]
    steps += [f"     left out: {step}" for step in left_out]
    steps += [f"     {one.name} stands before {one.at}" for one in cast.actors()]
    return "\n".join(steps)
