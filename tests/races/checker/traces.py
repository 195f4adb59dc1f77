"""Traces: orders of steps as data, for tests that drive the real client along them.

Who: R1, R2, ... readers, each in the process that its configuration names; W1, W2 writers
of v1, v2; "W1's look-up" inside the transaction of W1; T a reader in a transaction of its
own; S1, S2 sweeps; P0 the opening of process 0; F a forget_all; Redis for all events.

What of the real client a step is, where its words do not say so (a step with "in vain" is
the same call with Redis away; one with "times out" was sent, and its reply never came):

| step | call |
|---|---|
| asks | the first MGET: generation, and the cell if there is no near copy |
| compares; uses its copy | the second MGET; no call, the tag of an earlier MGET stands |
| looks again | MGET while waiting for another reader's permit |
| drops an odd cell; takes a permit, is refused a permit; renews the generation | UNLINK; SET NX PX; SET: one pipeline, three commands |
| renews the generation, compares | SET; MGET of generation and cell: one pipeline, two commands |
| renews the generation, after a hit; renews the generation early | SET; the SET of a pipeline for other entries of the same look-up |
| gives up waiting, drops an odd cell | the last MGET found no permit to wait for; UNLINK |
| loads | the query of `load` |
| fills; fills, refused | the script |
| keeps a copy | no call: a thread stops between its reply and its process's copies |
| removes the cell, removes the generation | UNLINK |
| locks the outbox rows, commits its drain | the DELETE of a drain, its COMMIT |

A cell in the model says kind, nonce and version; nonces there are names, so compare which
are equal, not what they are. `System(..., tells=True)` also keeps the latest answer.
"""

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
