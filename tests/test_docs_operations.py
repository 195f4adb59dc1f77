"""docs/operations.md names the metrics that are exported and the checks there are, no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from django.urls import resolve

from tests.test_checks import CASES, OTHERS
from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.export.families import read_families
from workflow_engine.export.family import Family, Times
from workflow_engine.export.view import metrics_view
from workflow_engine.metrics.lines import NOT_LOOK_UPS
from workflow_engine.processing.counting import RESULTS

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = (ROOT / "docs" / "operations.md").read_text()
BLOCKS: Final = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SCRAPE, RULES = BLOCKS

#: What a rule may look like, line by line; anything else is a slip.
RULE: Final = re.compile(
    r"      - alert: (?P<alert>\w+)\n"
    r"        expr: (?P<expr>[^\n]+)\n"
    r"(?:        for: \d+[mh]\n)?"
    r"        labels: \{severity: (?:warning|critical)\}\n"
    r"        annotations:\n"
    r'          summary: "[^"\n]+"\n'
    r'          action: "[^"\n]+"\n'
)
COMMENT: Final = re.compile(r"      # [^\n]+\n")
METRIC: Final = re.compile(r"\b(workflow_engine_\w+)(?:\{(\w+)=\"(\w+)\"\})?")
ROW: Final = re.compile(
    r"^\| `(workflow_engine_\w+)` \| ((?:`\w+`(?:, )?)*) ?\| (.+) \|$", re.MULTILINE
)

#: What the values of labels in the rules stand for.
VALUES: Final = {"result": {"hit", "miss", "bypass"}}

pytestmark = pytest.mark.django_db


@pytest.fixture
def families() -> dict[str, Family]:
    return {one.name: one for one in read_families(options.DATABASE, clock.now())}


def test_page__counters_of_events_and_items() -> None:
    section = PAGE.partition("### What is counted of events and items")[2]
    section = section.partition("### ")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|", section, re.MULTILINE)

    assert {counter for counter, _ in rows} == NOT_LOOK_UPS
    (results,) = [reasons for counter, reasons in rows if counter == "delivery"]
    assert tuple(re.findall(r"`(\w+)`", results)) == RESULTS


def test_page__metrics(families: dict[str, Family]) -> None:
    described = {
        name: tuple(re.findall(r"\w+", labels)) for name, labels, _ in ROW.findall(PAGE)
    }

    assert described == {name: one.labels for name, one in families.items()}
    histograms = {name for name, _, text in ROW.findall(PAGE) if "histogram:" in text}
    assert histograms == {
        name for name, one in families.items() if isinstance(one, Times)
    }


def test_page__rules_are_well_formed() -> None:
    head = "groups:\n  - name: workflow-engine\n    rules:\n"

    assert RULES.startswith(head)
    left = COMMENT.sub("", RULE.sub("", RULES.removeprefix(head)))
    assert left == ""
    names = [match["alert"] for match in RULE.finditer(RULES)]
    assert len(names) == len(set(names)) == RULES.count("alert:")


@pytest.mark.parametrize(
    "expr",
    [match["expr"] for match in RULE.finditer(RULES)],
    ids=lambda expr: expr[:40],
)
def test_page__rule_asks_for_what_is_exported(
    families: dict[str, Family], expr: str
) -> None:
    asked = METRIC.findall(expr)

    assert asked
    for name, label, value in asked:
        family = families[name.removesuffix("_bucket")]
        assert isinstance(family, Times) is name.endswith("_bucket")
        if label:
            assert label in family.labels
            known = VALUES.get(label) or _values(family, label)
            assert value in known
    for opening, closing in ("()", "{}", "[]"):
        assert expr.count(opening) == expr.count(closing)


def _values(family: Family, label: str) -> set[str]:
    """Return what a label may be, of a family whose members are always the same."""
    assert not isinstance(family, Times)
    place = family.labels.index(label)
    return {labels[place] for labels in family.values}


def test_page__address_of_the_scrape_config() -> None:
    found = re.search(r"^ +metrics_path: (\S+)$", SCRAPE, re.MULTILINE)

    assert found is not None
    assert resolve(found[1]).func is metrics_view


def test_page__checks() -> None:
    table = PAGE[PAGE.index("## System checks") :]
    said = set(re.findall(r"`([EWI]\d{3})`", table))

    # E007 is raised by the start itself.
    assert said == {case.id for case in CASES} | OTHERS | {"E007"}
