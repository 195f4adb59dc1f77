"""Search: every state that a model can reach, breadth first, with the way to it."""

from __future__ import annotations

import gc
import random
from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

W = TypeVar("W", bound=Hashable)

#: More than any configuration may have: a search that gets here has no bound.
MOST_STATES: Final = 2_000_000


@dataclass(frozen=True)
class Step:
    """One atomic step: who does what. "R1 asks" is one command, one statement or one event."""

    actor: str
    name: str

    def __str__(self) -> str:
        return f"{self.actor} {self.name}"


class Model(Protocol[W]):
    """A system of actors whose steps interleave in every order."""

    def initial(self) -> W:
        """Return the state before the first step."""
        ...

    def steps(self, world: W) -> Iterable[tuple[Step, W]]:
        """Return every step that is possible now, and what comes of it."""
        ...

    def wrong(self, world: W) -> str:
        """Return which promise is broken here, or ""."""
        ...

    def stuck(self, world: W) -> str:
        """Return what will never happen any more in a state without a next step, or ""."""
        ...


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found.

    Attributes:
        states: How many different states it has seen.
        wrong: The promise that is broken, or "".
        trace: The shortest way to where it is broken; empty if it is kept everywhere.
    """

    states: int
    wrong: str = ""
    trace: tuple[Step, ...] = ()

    def story(self) -> str:
        """Return the trace for people."""
        lines = [
            f"{number:3}  {step}" for number, step in enumerate(self.trace, start=1)
        ]
        return "\n".join([*lines, f"     {self.wrong or 'all promises kept'}"])


def search(model: Model[W]) -> Found:
    """Visit every reachable state; stop at the first where a promise is broken.

    States are tuples without circles, so looking for garbage meanwhile only costs time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _search(model)
    finally:
        if was_enabled:
            gc.enable()


def _search(model: Model[W]) -> Found:
    first = model.initial()
    ways: dict[W, tuple[W, Step] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        moves = 0
        for step, following in model.steps(world):
            moves += 1
            way = (world, step)
            if ways.setdefault(following, way) is not way:
                continue
            if wrong := model.wrong(following):
                trace = _way(ways, following)
                return Found(states=len(ways), wrong=wrong, trace=trace)
            waiting.append(following)
        if not moves and (wrong := model.stuck(world)):
            return Found(states=len(ways), wrong=wrong, trace=_way(ways, world))
        if len(ways) > MOST_STATES:
            message = f"more than {MOST_STATES} states; give the configuration a bound"
            raise ValueError(message)
    return Found(states=len(ways))


def _way(ways: dict[W, tuple[W, Step] | None], world: W) -> tuple[Step, ...]:
    trace: list[Step] = []
    came_from = ways[world]
    while came_from is not None:
        world, step = came_from
        trace.append(step)
        came_from = ways[world]
    return tuple(reversed(trace))


def walk(model: Model[W], chance: random.Random, most_steps: int) -> tuple[Step, ...]:
    """Return the steps of one random run, to its end or to `most_steps`."""
    world, trace = model.initial(), []
    for _ in range(most_steps):
        moves = list(model.steps(world))
        if not moves:
            break
        step, world = chance.choice(moves)
        trace.append(step)
    return tuple(trace)


def replay(model: Model[W], trace: Iterable[Step]) -> list[W]:
    """Return the states along a trace, the first one included.

    Raises:
        ValueError: A step of it is not possible where it stands.
    """
    worlds = [model.initial()]
    for step in trace:
        moves = dict(model.steps(worlds[-1]))
        if step not in moves:
            possible = ", ".join(map(str, moves))
            message = f"'{step}' is not possible here; possible are: {possible}"
            raise ValueError(message)
        worlds.append(moves[step])
    return worlds
