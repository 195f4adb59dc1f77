"""Questions: what everybody is asked, and how much there is to ask about.

1,000 detectors, 500 workflows, 10 environments, 5,000 links. Half of the workflows are for
every environment, the others for one of the ten; one in 21 is disabled. Each has one if-group
with one condition and one action. Each detector watches an event type of its own and has a
trigger group with one condition.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

DETECTORS: Final = 1_000
WORKFLOWS: Final = 500
ENVIRONMENTS: Final = 10
LINKS_EACH: Final = 5
DISABLED_EACH: Final = 21

SIZES: Final = (1, 10, 100)
#: How many questions of a size; every one is asked in every turn.
QUESTIONS: Final = {1: 20, 10: 10, 100: 4}

#: An event with more than this makes a detector trigger; with more than `NEVER` an
#: if-group would pass.
BOUND: Final = 100
NEVER: Final = 1_000_000


@dataclass(frozen=True)
class Asked:
    """One question: some detectors and an environment."""

    detector_ids: tuple[int, ...]
    environment: str


def questions(size: int) -> list[Asked]:
    """Return the questions about so many detectors; the same ones in every process."""
    chance = random.Random(size)  # noqa: S311 - the same questions every time
    return [
        Asked(
            tuple(chance.sample(range(1, DETECTORS + 1), size)),
            f"environment-{chance.randrange(ENVIRONMENTS)}",
        )
        for _ in range(QUESTIONS[size])
    ]


def event_type(detector: int) -> str:
    """Return what a detector watches, by its place."""
    return f"shop.kind-{detector}"
