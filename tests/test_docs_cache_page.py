"""docs/cache-page.md has a section for each number of the pages, and pictures of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from workflow_engine.admin.cache.words import REASONS
from workflow_engine.conf.table import SETTINGS

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PAGE: Final = (DOCS / "cache-page.md").read_text()
TITLES: Final = set(re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE))

#: Each number of the page, by the name it has there.
NUMBERS: Final = {
    "Hit ratio",
    "Hits",
    "Misses",
    "Bypasses",
    "Refusals",
    "Near",
    "Empty",
    "Load",
    "Forgotten",
    "Stale",
    "Outbox",
    "From commit to forgotten",
    "Cache given up",
    "Store and mode",
    "Permits",
    "Bytes",
    "What spoils what",
}


def test_page__a_section_for_each_number() -> None:
    assert sorted(NUMBERS - TITLES) == []


@pytest.mark.parametrize("counter", ["miss", "bypass", "refused"])
def test_page__what_to_do_about_each_reason(counter: str) -> None:
    title = {"miss": "Misses", "bypass": "Bypasses", "refused": "Refusals"}[counter]
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]

    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)

    assert {reason for reason, _, _ in rows} == set(REASONS[counter])
    assert all(means.strip() and cure.strip() for _, means, cure in rows)


def test_page__pictures_and_links_lead_somewhere() -> None:
    named = [
        name.partition("#")[0]
        for name in re.findall(r"\]\(([^)]+)\)", PAGE)
        if not name.startswith("#")
    ]

    assert {
        f"pictures/{name}.png" for name in ("cache-page", "inspector", "dashboard")
    } <= {*named}
    assert [name for name in named if not (DOCS / name).exists()] == []


def test_page__settings_that_there_are() -> None:
    mentioned = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE))

    assert mentioned - set(SETTINGS) == {"ATOMIC_REQUESTS"} & mentioned
