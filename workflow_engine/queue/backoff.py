"""Back-off: how long a failed item waits before its next attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workflow_engine.conf import options

LEAST_SECONDS: Final = 1.0


def delay_seconds(attempt: int, random: Callable[[], float]) -> float:
    """Return the wait after attempt `attempt`, counted from 1.

    `random` returns a number from 0 to 1 and decides how much of the jitter is taken off:
    min(max, base · factor^(attempt - 1)) · (1 - jitter · random()), at least one second.
    """
    setting = options.BACKOFF
    longest = float(setting["max_seconds"])
    try:
        grown = float(setting["base_seconds"]) * float(setting["factor"]) ** (
            attempt - 1
        )
    except OverflowError:
        grown = longest
    share = 1 - float(setting["jitter"]) * random()
    return max(LEAST_SECONDS, min(longest, grown) * share)
