"""The inspector: one entry and the question itself, from both sides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from tests.factories import DetectorFactory, EnvironmentFactory, WorkflowFactory
from tests.inspection.cached import (
    cached_workflow,
    change_unseen,
    figures,
    keep_in_redis,
    lose_redis,
    table_rows,
    text_of,
)
from workflow_engine import clock
from workflow_engine.admin.cache.asking_form import AskingForm
from workflow_engine.lookups.detectors import detectors
from workflow_engine.lookups.workflows import workflows
from workflow_engine.metrics.figures import figures as written
from workflow_engine.models import CacheForget, CacheGeneration, DetectorWorkflow
from workflow_engine.models.cache_forget import joined

pytestmark = pytest.mark.django_db(transaction=True)

INSPECT = "admin:workflow_engine_cache_inspect"
ASK = "admin:workflow_engine_cache_ask"
MOST_QUERIES = 12


def get(client: Client, name: str, **query: Any) -> str:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(reverse(name), query)
    assert response.status_code == 200
    assert len(queries) <= MOST_QUERIES, [one["sql"] for one in queries]
    return response.content.decode()


def reader_of(*models: str) -> Client:
    """Return a client that may see the pages of the cache, and rows of some models."""
    user = User.objects.create_user(f"reader of {models}", is_staff=True)
    names = [f"view_{name}" for name in ("cache", *models)]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(user)
    return client


# --- one entry


@pytest.mark.redis
def test_inspect__equal(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()

    page = get(editor, INSPECT, access="workflows", key=workflow.pk)

    seen = figures(page)
    assert seen["cell.state"] == "value: it answers look-ups"
    assert len(seen["cell.nonce"]) == len("9f3c0123…")
    assert seen["cell.schema"] == "current"
    assert " s ago (" in seen["cell.filled"]
    assert " min" in seen["cell.life"]
    assert seen["cell.near"] == "none"
    assert seen["cell.mode"] == "enabled"
    assert seen["verdict"] == "Equal."
    rows = table_rows(page, "data-field")
    assert rows["name"] == ["Name", "Tell the team", "Tell the team"]
    assert rows["interval_seconds"][1:] == ["10 min (600 s)"] * 2
    assert reverse("admin:workflow_engine_workflow_change", args=[workflow.pk]) in page


@pytest.mark.redis
def test_inspect__different_is_said_in_words_of_the_row(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    change_unseen(workflow)

    page = get(editor, INSPECT, access="workflows", key=workflow.pk)

    assert figures(page)["verdict"] == (
        "! DIFFERENT (looked at again after 0.1 s: still different)."
    )
    rows = table_rows(page, "data-field")
    assert rows["interval_seconds"][1:] == [
        "10 min (600 s)",
        "30 min (1800 s) ! DIFFERENT",
    ]
    assert rows["name"][-1] == "Tell the team"


@pytest.mark.redis
def test_inspect__nobody_waits_for_a_long_grace_period(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings, CACHE_VERIFY_GRACE_SECONDS=60)
    workflow = cached_workflow()
    change_unseen(workflow)
    began = clock.monotonic()

    page = get(editor, INSPECT, access="workflows", key=workflow.pk)

    assert clock.monotonic() - began < 30
    assert figures(page)["verdict"].startswith("! DIFFERENT, seen once.")
    assert "look again in 60 s" in page


@pytest.mark.redis
def test_inspect__absent_and_another_version(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()

    absent = get(editor, INSPECT, access="workflows", key=workflow.pk + 1)
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_MODE": "shadow"}
    shadow = get(editor, INSPECT, access="detector_ids_by_route", key="a.b@/repo")

    assert figures(absent)["cell.state"] == (
        "absent: the next look-up asks the database"
    )
    assert table_rows(absent, "data-field")["answer"][1:] == ["-", "absent"]
    assert "the database answers" in figures(shadow)["cell.mode"]


@pytest.mark.redis
def test_inspect__secrets_are_not_shown(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    detector = DetectorFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_detector SET config = %s WHERE id = %s",
            ['{"api_token": "hidden-by-its-name"}', detector.pk],
        )
    detectors.get(detector.pk)

    page = get(editor, INSPECT, access="detectors", key=detector.pk)

    assert "hidden-by-its-name" not in page
    assert table_rows(page, "data-field")["config.api_token"][1:] == ["[redacted]"] * 2


@pytest.mark.redis
def test_inspect__forgotten_by_whom_and_why(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    workflows.get(0)  # a process that has looked something up before
    written.discard()
    changelist = reverse("admin:workflow_engine_workflow_changelist")
    chosen = {"action": "disable", "_selected_action": [workflow.pk]}
    editor.post(changelist, chosen)
    written.flush()

    page = get(editor, INSPECT, access="workflows", key=workflow.pk)

    row = table_rows(page, "data-cause")["bulk:workflow"]
    assert row[1:] == [
        "Workflow written in bulk",
        str(workflow.pk),
        "admin",
        "this entry",
        "1",
    ]


def test_inspect__perhaps_this_entry(editor: Client) -> None:
    now = clock.now()
    workflow = WorkflowFactory()
    about = {"access": "workflows", "at": now}
    CacheForget.objects.create(
        cause="save:workflow",
        count=1,
        keys=joined(["7"]),
        rows=joined([str(workflow.pk)]),
        author="anna",
        **about,
    )
    CacheForget.objects.create(
        cause="bulk:condition", count=30, keys=joined(["1", "2"]), is_cut=True, **about
    )
    CacheForget.objects.create(cause="hand", count=None, is_cut=True, **about)
    CacheForget.objects.create(
        cause="delete:action", count=1, keys=joined(["8"]), **about
    )
    CacheForget.objects.create(
        cause="m2m:action",
        count=1,
        keys=joined(["7"]),
        access="detectors",
        at=now - timedelta(minutes=1),
    )

    page = get(editor, INSPECT, access="workflows", key="7")

    rows = table_rows(page, "data-cause")
    concerns = {cause: row[4] for cause, row in rows.items()}
    assert concerns == {
        "save:workflow": "this entry",
        "bulk:condition": "? perhaps this entry: not all keys are named",
        "hand": "every entry",
    }
    assert rows["save:workflow"][3] == "anna"
    url = reverse("admin:workflow_engine_workflow_change", args=[workflow.pk])
    assert f'<a href="{url}">{workflow.pk}</a>' in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"access": "workflows", "key": "seven"}, "a key of this access is an id such"),
        ({"access": "detector_ids_by_route", "key": "@x"}, "a route is an event type"),
        ({"access": "workflow", "key": "7"}, "workflow is not one of the available"),
        ({"access": "workflows", "key": ""}, "This field is required"),
    ],
    ids=["no id", "no route", "no access", "no key"],
)
def test_inspect__what_cannot_be_read_is_said_beside_the_field(
    editor: Client, query: dict[str, str], said: str
) -> None:
    page = get(editor, INSPECT, **query)

    assert said in text_of(page)
    assert 'data-figure="cell.' not in page


@pytest.mark.redis
def test_inspect__redis_is_away(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = WorkflowFactory(name="Tell the team")
    lose_redis(settings)

    page = get(editor, INSPECT, access="workflows", key=workflow.pk)

    assert "not reached: the connection to it failed. Look-ups ask" in page
    assert "127.0.0.1" not in page
    assert table_rows(page, "data-field")["name"] == ["Name", "-", "Tell the team"]


def test_inspect__without_redis(editor: Client, settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {}
    CacheGeneration.objects.begin()
    detector = DetectorFactory(name="Pushes")
    detectors.get(detector.pk)

    page = get(editor, INSPECT, access="detectors", key=detector.pk)

    assert "each process keeps its own entries" in page
    assert figures(page)["cell.state"] == "value: it answers look-ups"
    assert "in the database" in figures(page)["cell.nonce"]
    assert table_rows(page, "data-field")["name"] == ["Name", "Pushes", "Pushes"]


def test_inspect__opens_with_the_access_chosen(reader: Client) -> None:
    page = get(reader, INSPECT, access="workflows")

    assert '<option value="workflows" selected>' in page
    assert "This field is required" not in page


# --- the question


@pytest.mark.redis
def test_ask__both_sides_and_what_they_were_read_from(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    EnvironmentFactory(name="production")
    workflow = cached_workflow()
    detector = workflow.detectors.get()
    elsewhere = WorkflowFactory(
        name="Elsewhere", environment=EnvironmentFactory(name="staging")
    )
    DetectorWorkflow.objects.create(detector=detector, workflow=elsewhere)

    page = get(editor, ASK, detector=detector.pk, environment="production")

    assert figures(page)["verdict"].startswith("Equal.")
    rows = table_rows(page, "data-workflow")
    assert rows[str(workflow.pk)] == [
        "Tell the team",
        "applies",
        "applies",
        f"workflows / {workflow.pk} (value)",
    ]
    assert rows[str(elsewhere.pk)][1:] == [
        "does not apply",
        "does not apply: of another environment",
        f"workflows / {elsewhere.pk} (absent)",
    ]
    assert f"workflow_ids_by_detector / {detector.pk}</a> (absent)" in page


@pytest.mark.redis
def test_ask__difference(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    change_unseen(workflow)
    workflows.get(0)  # a process that has looked something up before

    page = get(editor, ASK, detector=workflow.detectors.get().pk, environment="")

    assert figures(page)["verdict"].startswith(
        "! DIFFERENT (looked at again after 0.1 s: still different)."
    )
    row = table_rows(page, "data-workflow")[str(workflow.pk)]
    assert row[1:3] == ["applies, with other fields", "applies ! DIFFERENT"]


@pytest.mark.redis
def test_ask__redis_is_away(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    lose_redis(settings)

    page = get(editor, ASK, detector=workflow.detectors.get().pk)

    assert "not reached: the connection to it failed. The look-up" in page
    assert "both sides are one" in page
    assert "127.0.0.1" not in page
    assert table_rows(page, "data-workflow")[str(workflow.pk)][1] == "applies"


def test_ask__without_redis(reader: Client, settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {}
    workflow = cached_workflow()

    page = get(reader, ASK, detector=f"{workflow.detectors.get().pk}, 999999")

    assert "the look-up was that of the process" in page
    assert table_rows(page, "data-workflow")[str(workflow.pk)][1:3] == ["applies"] * 2
    assert "detector 999999: there is none" in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("seven", "a key of this access is an id such as 7"),
        (",".join(map(str, range(1, 22))), "At most 20 at once, not 21."),
    ],
    ids=["no id", "too many"],
)
def test_ask__refused(editor: Client, typed: str, said: str) -> None:
    page = get(editor, ASK, detector=typed)

    assert said in text_of(page)


def test_asking_form__ids_are_typed_where_there_are_many() -> None:
    detector = DetectorFactory(name="Pushes")
    DetectorFactory()
    EnvironmentFactory(name="production")
    EnvironmentFactory(name="staging")
    typed = {"detector": f"{detector.pk} {detector.pk},7", "environment": "staging"}

    form = AskingForm(typed, most_options=1)

    assert form.is_valid(), form.errors
    assert form.cleaned_data["detector"] == [detector.pk, 7]
    assert '<input type="text" name="detector"' in str(form)
    assert '<input type="text" name="environment"' in str(form)
    assert form.names([detector.pk]) == {detector.pk: "Pushes"}


@pytest.mark.redis
def test_inspect__values_are_for_who_may_see_the_rows(settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow(name="Wake the director")
    change_unseen(workflow)

    page = get(reader_of("detector"), INSPECT, access="workflows", key=workflow.pk)

    assert figures(page)["cell.state"] == "value: it answers look-ups"
    assert figures(page)["verdict"].startswith("! DIFFERENT")
    assert "take the permission workflow_engine.view_workflow." in page
    assert "Wake the director" not in page
    assert "data-field" not in page


@pytest.mark.redis
def test_ask__names_are_for_who_may_see_the_rows(settings: Settings) -> None:
    keep_in_redis(settings)
    EnvironmentFactory(name="secret-launch")
    workflow = cached_workflow(name="Wake the director")
    detector = workflow.detectors.get()

    page = get(reader_of(), ASK, detector=detector.pk)
    of_detectors = get(reader_of("detector"), ASK, detector=detector.pk)

    assert figures(page)["verdict"].startswith("Equal.")
    assert table_rows(page, "data-workflow")[str(workflow.pk)] == [
        f"workflow {workflow.pk}",
        "-",
        "-",
        f"workflows / {workflow.pk} (value)",
    ]
    assert "workflow_engine.view_detector, workflow_engine.view_workflow" in page
    for name in ("Wake the director", "Pushes", "secret-launch"):
        assert name not in page
    assert "Pushes" in of_detectors
    assert "Wake the director" not in of_detectors


@pytest.mark.redis
def test_pages__ids_are_no_numbers_to_be_formatted(
    editor: Client, settings: Settings
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    settings.LANGUAGE_CODE = "de"
    keep_in_redis(settings)
    detector = DetectorFactory(pk=12_345)
    workflow = WorkflowFactory(pk=67_890)
    DetectorWorkflow.objects.create(detector=detector, workflow=workflow)

    asked = get(editor, ASK, detector=12_345)
    inspected = get(editor, INSPECT, access="workflows", key=67_890)

    assert 'id="wfe-detector-12345"' in asked
    assert 'data-detector="12345"' in asked
    assert 'data-workflow="67890"' in asked
    assert not re.search(r"12[.,]345|67[.,]890", asked + inspected)


@pytest.mark.parametrize("name", [INSPECT, ASK])
def test_page__not_without_permission(
    client: Client, django_user_model: Any, name: str
) -> None:
    user = django_user_model.objects.create_user("stranger", is_staff=True)
    client.force_login(user)

    assert client.get(reverse(name)).status_code == 403
