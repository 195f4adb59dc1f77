"""Away: why a cache server cannot be used, in words."""

from __future__ import annotations

import re

import pytest

from workflow_engine.caches.stores.redis.errors import REASONS
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.status.away import words

_TOLD = re.search(r"One word: ([^.]+)\.", CacheUnavailable.__doc__ or "")
assert _TOLD is not None
_NAMED = set(re.findall(r"\w+", _TOLD[1])) - {"while", "closed", "other"}


@pytest.mark.parametrize("reason", sorted(_NAMED | {name for _, name in REASONS}))
def test_words__every_reason_has_its_own(reason: str) -> None:
    found = words(reason)

    assert found != words("other")


def test_words__of_an_unknown_reason() -> None:
    assert words("new") == words("other") == "it answered with an error"
