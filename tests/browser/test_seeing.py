"""The dashboard, the cache page and the inspector, as an operator reads and uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from tests.browser.screen import Screen
from tests.browser.test_pages import NARROW, rules
from tests.factories import DetectorFactory, DetectorWorkflowFactory, WorkflowFactory
from tests.inspection.cached import change_unseen
from workflow_engine.lookups import workflows_for_detectors
from workflow_engine.metrics import figures
from workflow_engine.models import CacheForget, Workflow

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

PROCESSES = 4
LOOK_UPS = 25
ACCESSES = ("workflow_ids_by_detector", "workflows")


def page(name: str, **query: str) -> str:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return reverse(f"admin:workflow_engine_{name}") + (f"?{asked}" if asked else "")


def shared_rules() -> list[int]:
    """Write three detectors, each with two workflows of its own and one that all share."""
    shared = WorkflowFactory(name="Tell the team", production=True)
    detectors = DetectorFactory.create_batch(3)
    for detector in detectors:
        DetectorWorkflowFactory(detector=detector, workflow=shared)
        DetectorWorkflowFactory.create_batch(
            2, detector=detector, workflow__production=True
        )
    return [detector.pk for detector in detectors]


def look_up_in_processes(ids: list[int], environment: dict[str, str]) -> Counter[Any]:
    """Look up in four processes at once; return what they say they counted, together."""
    command = [sys.executable, "-m", "tests.browser.looking_up", str(LOOK_UPS)]
    children = [
        subprocess.Popen(
            [*command, "production", *map(str, ids)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    told: Counter[Any] = Counter()
    for child in children:
        said, _ = child.communicate(timeout=120)
        assert child.returncode == 0
        for scope, counter, reason, count in json.loads(said):
            told[scope, counter, reason] += count
    return told


def of(told: Counter[Any], scope: str, counter: str) -> int:
    return sum(
        n for (its, name, _), n in told.items() if (its, name) == (scope, counter)
    )


def test_cache_page__figures_of_four_processes(
    screen: Screen, child_environment: dict[str, str], capsys: Any
) -> None:
    ids = shared_rules()
    told = look_up_in_processes(ids, child_environment)

    screen.open(page("cache_changelist"))
    shown = {
        (access, name): screen.value(f"{access}.{name}")
        for access in ACCESSES
        for name in ("reads", "misses", "bypasses", "refused", "forgotten")
    }
    reads, misses = screen.value("reads"), screen.value("misses")
    screen.shoot("cache-of-four-processes")

    for access in ACCESSES:
        ends = [of(told, access, name) for name in ("hit", "miss", "bypass")]
        assert shown[access, "reads"] == sum(ends)
        assert shown[access, "misses"] == ends[1]
        assert shown[access, "bypasses"] == ends[2]
        assert shown[access, "refused"] == of(told, access, "refused")
    asked = shown["workflow_ids_by_detector", "reads"]
    assert asked is not None
    assert asked >= PROCESSES * LOOK_UPS * len(ids)
    total = sum(
        of(told, one, name) for one in ACCESSES for name in ("hit", "miss", "bypass")
    )
    assert (reads, misses) == (total, sum(of(told, one, "miss") for one in ACCESSES))
    capsys.readouterr()
    call_command("workflow_cache", "stats", json=True)
    lines = json.loads(capsys.readouterr().out)["figures"]
    assert sum(line["reads"] for line in lines) == total
    screen.open(page("dashboard_metrics"))
    assert _sum_of(screen.text(), "workflow_engine_lookup_reads_total") == total
    assert screen.complaints() == []


def _sum_of(text: str, name: str) -> float:
    """Return the sum of all samples of a name in the text of a scrape."""
    words = text.split()
    return sum(
        float(words[place + 1])
        for place, word in enumerate(words)
        if word.startswith(f"{name}{{")
    )


def test_inspector__a_stale_entry_is_seen_and_forgotten(screen: Screen) -> None:
    ids = shared_rules()
    workflow = Workflow.objects.get(name="Tell the team")
    workflows_for_detectors(ids, "production")
    change_unseen(workflow)

    screen.open(page("cache_changelist"))
    screen.follow("Look at an entry")
    screen.choose("access", "workflows")
    screen.type("key", str(workflow.pk))
    screen.follow("Inspect")
    stale = screen.text()
    screen.shoot("inspector-different")
    faults = screen.faults()
    screen.follow("Forget this entry")
    screen.shoot("inspector-forget")
    faults += screen.faults()
    screen.follow("Forget")
    figures.flush()
    screen.open(page("cache_inspect", access="workflows", key=str(workflow.pk)))
    after = screen.text()
    screen.shoot("inspector-forgotten")

    assert "DIFFERENT" in stale
    assert "still different" in stale
    assert "DIFFERENT" not in after
    assert "By hand" in after
    record = CacheForget.objects.get(cause="hand")
    assert (record.access, record.count, record.author) == ("workflows", 1, "anna")
    assert not faults, "\n".join(faults)
    assert screen.complaints() == []


def test_inspector__forget_by_keyboard_without_scripts(plain_screen: Screen) -> None:
    ids = shared_rules()
    workflows_for_detectors(ids, "production")

    plain_screen.open(page("cache_forget"))
    plain_screen.enter("_forget")

    assert "workflow_ids_by_detector" in plain_screen.text()
    figures.flush()
    assert CacheForget.objects.filter(cause="hand").exists()
    assert plain_screen.complaints() == []


WIDE = 1280
PAGES = {
    "dashboard": ("dashboard_changelist", {}),
    "dashboard-7d": ("dashboard_changelist", {"window": "7d"}),
    "pause": ("dashboard_pause", {}),
    "cache": ("cache_changelist", {}),
    "cache-access": ("cache_changelist", {"access": "workflows", "window": "8h"}),
    "inspector": ("cache_inspect", {"access": "workflows", "key": "{workflow}"}),
    "ask": ("cache_ask", {}),
    "verify": ("cache_verify", {}),
    "forget": ("cache_forget", {"access": "workflows"}),
}


def test_pages__light_dark_and_narrow(screen: Screen) -> None:
    workflow = rules()
    ids = [detector.pk for detector in workflow.detectors.all()]
    workflows_for_detectors(ids, "production")
    workflow.name = "Tell everybody"
    workflow.save()
    workflows_for_detectors(ids, "production")
    figures.flush()

    found = {}
    for name, (view, query) in PAGES.items():
        asked = {key: text.format(workflow=workflow.pk) for key, text in query.items()}
        screen.open(page(view, **asked))
        wide = screen.shoot(f"seeing-{name}-1280")
        faults = screen.faults()
        screen.shoot(f"seeing-{name}-dark", dark=True)
        faults += screen.faults()
        narrow = screen.shoot(f"seeing-{name}-320", width=NARROW)
        is_whole = wide <= WIDE and narrow <= NARROW
        found[name] = (is_whole, faults, screen.complaints())

    assert found == dict.fromkeys(PAGES, (True, [], []))
