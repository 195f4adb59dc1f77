"""Traces: orders of steps as data, for tests that drive the real client along them."""

from __future__ import annotations

import random
from functools import cache
from typing import Final

from tests.races.checker.configurations import MIXED
from tests.races.checker.search import Found, Step, search, walk
from tests.races.checker.system import Configuration, System
from tests.races.checker.variants import VARIANTS

#: A random run ends by itself before that.
MOST_STEPS: Final = 200


@cache
def found_without(variant: str) -> Found:
    """Return what the search finds with the rule of this variant dropped."""
    chosen = VARIANTS[variant]
    return search(chosen.build(chosen.rules))


def failing_traces() -> dict[str, list[Step]]:
    """Return for each variant the shortest order of steps that breaks a promise.

    `VARIANTS[name].build(VARIANTS[name].rules)` is the model it is a trace of, and
    `search.replay` says what is where after each step.
    """
    return {name: list(found_without(name).trace) for name in VARIANTS}


def sample_traces(
    number: int, seed: int, configuration: Configuration = MIXED
) -> list[tuple[Step, ...]]:
    """Return random runs of the protocol itself, all rules kept, to their end."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    system = System(configuration)
    return [walk(system, chance, MOST_STEPS) for _ in range(number)]
