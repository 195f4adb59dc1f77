"""workflow_demo: a minute with the app that ends by itself and leaves nothing behind."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from pytest_django import Settings

from tests.factories import ActionFactory, EnvironmentFactory, WorkflowFactory
from tests.management.calls import ROOT, call, manage
from workflow_engine.management.demo.asked import Asked, look_up_texts
from workflow_engine.metrics import figures
from workflow_engine.metrics.counts import counts
from workflow_engine.models import (
    CacheForget,
    CacheGeneration,
    CacheOutbox,
    Environment,
    Firing,
    MetricBucket,
    MetricSource,
    Workflow,
    WorkItem,
)

pytestmark = pytest.mark.django_db(transaction=True)

#: What the cache keeps about every write and read, also of the demo; it ages by itself.
BOOKS = {CacheForget, CacheGeneration, CacheOutbox, MetricBucket, MetricSource}


@pytest.fixture(autouse=True)
def development(settings: Settings) -> None:
    """Let the demo make a user, as it does where DEBUG is on."""
    settings.DEBUG = True


def _all_rows() -> dict[str, int]:
    """Return how many rows every table holds that the demo could write to."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.app_label in {"auth", "workflow_engine"}
        and model._meta.managed
        and model._meta.concrete_model not in BOOKS
    }


def _told(text: str) -> list[list[str]]:
    """Return label and text of each line."""
    return [[line[:9].strip(), line[10:].strip()] for line in text.splitlines()]


def _assert_login(password: str) -> None:
    user = get_user_model().objects.get(username="demo")
    assert user.check_password(password)
    assert user.is_staff


def test_demo__tour() -> None:
    said = call("workflow_demo")

    assert said.code == 0, said.out
    told = _told(said.out)
    labels = [label for label, _ in told]
    assert labels == [
        *["created"] * 4,
        *(f"evt-{number}" for number in range(1, 8)),
        *["look-ups", "", ""],
        "edited",
        "evt-8",
        "look-ups",
        "e-mail",
        *[""] * 3,
        "on time",
        "see",
        "remove",
    ]
    text = dict(told)
    assert "no match" in text["evt-1"]
    assert "data.failed is at least 5: saw 2" in text["evt-1"]
    assert "FIRED" in text["evt-2"]
    assert "demo-escalate due in 5 s" in text["evt-2"]
    assert "held      interval     demo-email-team held, next possible" in text["evt-3"]
    assert "demo-tell-the-team is for production only" in text["evt-4"]
    assert "FIRED" in text["evt-8"]
    assert text["e-mail"] == "to team@example.org"
    assert text["on time"].startswith("demo-escalate fired ")
    place, _, password = text["see"].partition("     user demo   password ")
    assert place == "start your server, then /admin/workflow_engine/dashboard/"
    _assert_login(password)
    assert not WorkItem.objects.live().exists()
    assert set(Firing.objects.values_list("state", flat=True)) == {"succeeded"}


def test_demo__look_ups_are_told_as_they_were_counted() -> None:
    told = _told(call("workflow_demo").out)

    lines = [text for label, text in told if label in {"look-ups", ""}]
    # Type, source and pattern make routes; the detector and the workflow come with what fires.
    assert [event for line in lines[:4] for event in line.split("    ")] == [
        "evt-1: 9 misses, 2 loads",
        "evt-2: 9 hits, 2 misses, 2 loads",
        "evt-3: 11 hits, 0 loads",
        "evt-4: 11 hits, 0 loads",
        "evt-5: 2 hits, 7 misses, 2 loads",
        "evt-6: 9 hits, 2 misses, 2 loads",
        "evt-7: 11 hits, 0 loads",
        "evt-8: 11 misses, 4 loads",
    ]


def test_demo__look_ups_past_the_cache(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_MODE": "disabled",
    }

    told = dict(_told(call("workflow_demo").out))

    assert told["look-ups"] == "evt-8: 11 past the cache, 4 loads"


def test_demo__look_ups_nobody_counts(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "METRICS": False}

    told = _told(call("workflow_demo").out)

    assert "look-ups" not in dict(told)


def test_asked__figures_written_meanwhile_are_not_guessed() -> None:
    counts.add("workflows", "hit", "near", 3)
    with Asked("evt-1") as cut:
        figures.flush()
        counts.add("workflows", "miss", "absent", 2)
    with Asked("evt-2") as whole:
        counts.add("workflows", "hit", "near", 2)

    assert list(look_up_texts([cut, whole])) == ["evt-2: 2 hits, 0 loads"]


def test_demo__login_after_the_tour() -> None:
    call("workflow_demo")
    before = _all_rows()

    first = call("workflow_demo", "--login")
    second = call("workflow_demo", "--login")

    assert (first.code, second.code) == (0, 0)
    assert first.out == second.out
    ((label, text),) = _told(second.out)
    place, _, password = text.partition("     user demo   password ")
    assert (label, place) == ("see", "/admin/workflow_engine/dashboard/ on your server")
    _assert_login(password)
    assert _all_rows() == before


def test_demo__login_before_the_tour() -> None:
    said = call("workflow_demo", "--login")

    told = _told(said.out)
    assert [label for label, _ in told[-2:]] == ["on time", "see"]
    _assert_login(told[-1][1].rpartition(" ")[2])
    assert Workflow.objects.count() == 2


def test_demo__twice_and_removed() -> None:
    before = _all_rows()

    first = call("workflow_demo")
    rows = _all_rows()
    second = call("workflow_demo")
    again = _all_rows()
    removed = call("workflow_demo", "--remove")
    after = _all_rows()
    nothing = call("workflow_demo", "--remove")

    assert (first.code, second.code, removed.code) == (0, 0, 0)
    assert rows != before
    assert again == rows
    assert removed.out.startswith("removed   workflows 2, detectors 2, actions 3, ")
    assert after == before
    assert nothing.out == "removed   nothing was there\n"


def test_demo__project_in_use_gets_no_user(settings: Settings) -> None:
    settings.DEBUG = False

    said = call("workflow_demo", "--json")

    (told,) = said.lines()
    see, remove = told["tour"][-2:]
    assert see["label"] == "see"
    assert see["text"].endswith("with a user of your own")
    assert remove["label"] == "remove"
    assert not get_user_model().objects.exists()


def test_demo__rows_of_the_project_are_left_alone() -> None:
    user = get_user_model().objects.create_user("demo", "ada@example.org", "hers")
    EnvironmentFactory(name="production", description="ours")
    workflow = WorkflowFactory(slug="demo-day-alert")
    ActionFactory(slug="demo-day-mail")
    before = _all_rows()

    said = call("workflow_demo")
    call("workflow_demo", "--remove")

    assert dict(_told(said.out))["see"].endswith("with a user of your own")
    assert _all_rows() == before
    assert Workflow.objects.get() == workflow
    assert Environment.objects.get().description == "ours"
    user.refresh_from_db()
    assert user.check_password("hers")
    assert not user.is_staff


@pytest.mark.postgres
def test_demo__from_outside(beside: Callable[..., dict[str, Any]]) -> None:
    environment = beside()

    done = manage(environment, "workflow_demo", "--served-by", "make serve")
    see, remove = (line[10:] for line in done.stdout.splitlines()[-2:])
    words = shlex.split(remove)  # the very line that it prints
    removed = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    address = "http://127.0.0.1:8000/admin/workflow_engine/dashboard/"
    assert see.startswith(f"make serve, then {address} (the next free port")
    assert (ROOT / words[0]).samefile(sys.executable)
    assert words[1:] == ["manage.py", "workflow_demo", "--remove"]
    # What the log action writes is no part of the tour.
    assert done.stderr.splitlines() == ["escalated: user:7, 7 failed logins"] * 2
    assert removed.returncode == 0
    assert removed.stdout.startswith(b"removed   workflows 2")


def test_demo__settings_of_the_command_line_are_told() -> None:
    said = call("workflow_demo", "--settings", "settings.test")

    remove = dict(_told(said.out))["remove"]
    assert remove.endswith(" workflow_demo --remove --settings settings.test")
