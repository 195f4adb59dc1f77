"""Verify and forget: a page before, who may, what is told and what is written down."""

from __future__ import annotations

import logging
import re
from itertools import chain
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from tests.admin.forms import fields_of
from tests.inspection.cached import (
    cached_workflow,
    change_unseen,
    figures,
    keep_in_redis,
    lose_redis,
    text_of,
)
from workflow_engine.admin.cache import CacheAdmin
from workflow_engine.caches import declared
from workflow_engine.caches.coherence import current
from workflow_engine.lookups.workflows import workflows
from workflow_engine.metrics.figures import figures as written
from workflow_engine.models import Cache, CacheForget, CacheGeneration

pytestmark = pytest.mark.django_db(transaction=True)

FORGET = reverse("admin:workflow_engine_cache_forget")
VERIFY = reverse("admin:workflow_engine_cache_verify")
MOST_QUERIES = 12


def entries() -> dict[str, int]:
    """Return how many entries each access has."""
    return {one.name: len(set(chain(*current().suffixes(one)))) for one in declared}


def send(client: Client, url: str, **sent: Any) -> list[str]:
    """Send the form of a confirm page; return what is told on the page that follows."""
    response = client.post(url, sent, follow=True)
    assert response.status_code == 200
    return [text_of(str(message)) for message in response.context["messages"]]


# --- forget


@pytest.mark.redis
def test_forget__asks_first_and_changes_nothing(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    cached_workflow()

    with CaptureQueriesContext(connection) as queries:
        page = editor.get(FORGET).content.decode()

    shown = figures(page)
    assert {name: shown[f"forget.{name}"] for name in entries()} == {
        "detector_ids_by_route": "0",
        "detectors": "1",
        "workflow_ids_by_detector": "1",
        "workflows": "1",
    }
    assert 'name="csrfmiddlewaretoken"' in page
    assert '<a href="?access=workflows"' in page
    assert len(queries) <= MOST_QUERIES
    assert entries()["workflows"] == 1
    assert not LogEntry.objects.exists()


class Hasty(CacheAdmin):
    counting_seconds = -1


@pytest.mark.redis
def test_forget__counted_no_longer_than_a_page_may_take(
    admin_user: Any, rf: RequestFactory, settings: Settings
) -> None:
    keep_in_redis(settings)
    cached_workflow()
    request = rf.get(FORGET)
    request.user = admin_user

    response: Any = Hasty(Cache, site).forget_view(request)

    shown = figures(response.render().content.decode())
    assert {shown[f"forget.{name}"] for name in entries()} == {"not counted in time"}


@pytest.mark.redis
def test_forget__one_entry(
    editor: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    written.discard()
    caplog.set_level(logging.INFO, logger="workflow_engine.admin")

    told = send(editor, FORGET, access="workflows", key=workflow.pk)

    text = f"1 entry was forgotten: workflows / {workflow.pk}."
    assert told == [text]
    assert entries() == {
        "detector_ids_by_route": 0,
        "detectors": 1,
        "workflow_ids_by_detector": 1,
        "workflows": 0,
    }
    entry = LogEntry.objects.get()
    assert entry.content_type == ContentType.objects.get_for_model(
        Cache, for_concrete_model=False
    )
    assert (entry.object_repr, entry.change_message) == (
        f"workflows {workflow.pk}",
        text,
    )
    (record,) = caplog.records
    assert record.getMessage() == "Somebody looked after the cache by hand."
    assert record.__dict__["user"] == "admin"
    assert record.__dict__["forgotten"] == [
        {"access": "workflows", "key": str(workflow.pk), "entries": 1}
    ]
    written.flush()
    forgotten = CacheForget.objects.of_key("workflows", str(workflow.pk)).get()
    assert (forgotten.cause, forgotten.author) == ("hand", "admin")


@pytest.mark.redis
@pytest.mark.parametrize(
    ("access", "left"),
    [("workflows", {"detectors", "workflow_ids_by_detector"}), ("", set())],
    ids=["of an access", "of all"],
)
def test_forget__all_entries(
    editor: Client, settings: Settings, access: str, left: set[str]
) -> None:
    keep_in_redis(settings)
    cached_workflow()

    (told,) = send(editor, FORGET, access=access)

    assert {name for name, number in entries().items() if number} == left
    assert told.startswith(f"{1 if access else 3} entr")
    assert LogEntry.objects.get().object_repr == (access or "every access")


def test_forget__without_redis_all_of_every_process(
    editor: Client, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {}
    CacheGeneration.objects.begin()
    before = CacheGeneration.objects.current()

    page = editor.get(FORGET).content.decode()
    (told,) = send(editor, FORGET)

    assert "every entry of every access is forgotten" in page
    assert figures(page)["forget.workflows"] == "unknown"
    assert told.startswith("Forgotten in every process")
    assert CacheGeneration.objects.current() != before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"access": "workflow"}, "workflow is not one of the available choices"),
        ({"access": "workflows", "key": "x"}, "a key of this access is an id"),
        ({"key": "7"}, "A key is of one access: say which."),
    ],
    ids=["no access", "no key", "key alone"],
)
def test_forget__what_cannot_be_read(
    editor: Client, given: dict[str, str], said: str
) -> None:
    asked = editor.get(FORGET, given).content.decode()
    sent = editor.post(FORGET, given).content.decode()

    assert said in text_of(asked)
    assert said in text_of(sent)
    assert "wfe-forget-form" not in asked + sent
    assert not LogEntry.objects.exists()


# --- verify


@pytest.mark.redis
def test_verify__all_equal(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    cached_workflow()

    (told,) = send(editor, VERIFY)

    assert told == (
        "Verified 3 of 3 entries: 3 equal, 0 stale, 0 moved meanwhile, 0 unreadable."
    )
    assert LogEntry.objects.get().change_message == told
    assert told in text_of(editor.get(VERIFY).content.decode())


@pytest.mark.redis
def test_verify__stale_is_named_and_forgotten(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    change_unseen(workflow)

    response = editor.post(VERIFY, {"access": "workflows"}, follow=True)

    (message,) = response.context["messages"]
    url = reverse("admin:workflow_engine_cache_inspect")
    entry = f"workflows / {workflow.pk}"
    assert message.level_tag == "warning"
    assert text_of(str(message)) == (
        "Verified 1 of 1 entries: 0 equal, 1 stale, 0 moved meanwhile, 0 unreadable. "
        f"What was stale is forgotten now. Look at: {entry}"
    )
    assert f'href="{url}?access=workflows&amp;key={workflow.pk}"' in str(message)
    assert entries()["workflows"] == 0
    assert LogEntry.objects.get().change_message.endswith(f"{entry}.")


@pytest.mark.redis
def test_verify__asks_first_and_changes_nothing(
    editor: Client, settings: Settings
) -> None:
    keep_in_redis(settings)
    change_unseen(cached_workflow())

    with CaptureQueriesContext(connection) as queries:
        page = editor.get(VERIFY, {"access": "workflows"}).content.decode()

    assert "Up to 100 entries, taken at random, of each of workflows" in page
    assert 'name="csrfmiddlewaretoken"' in page
    assert len(queries) <= MOST_QUERIES
    assert entries()["workflows"] == 1
    assert not LogEntry.objects.exists()


# --- who may, and when


@pytest.mark.redis
@pytest.mark.parametrize("url", [FORGET, VERIFY])
def test_buttons__redis_is_away(
    editor: Client, settings: Settings, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    keep_in_redis(settings)
    lose_redis(settings)

    page = editor.get(url)
    (told,) = send(editor, url)

    assert page.status_code == 200
    assert told.startswith("The cache was not reached")
    shown = page.content.decode() + told
    assert "the connection to it failed" in shown
    assert "127.0.0.1" not in shown
    assert "127.0.0.1:1" in caplog.text
    assert ("Nothing was promised to be forgotten" in told) is (url == FORGET)
    assert not LogEntry.objects.exists()


@pytest.mark.redis
def test_buttons__what_was_done_is_told_though_the_history_fails(
    editor: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    keep_in_redis(settings)
    cached_workflow()

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "django_admin_log"'):
            raise OperationalError("no space left on device")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail):
        done, history = send(editor, FORGET, access="workflows")

    assert done == "1 entry was forgotten: workflows."
    assert "could not be written to the change history" in history
    assert entries()["workflows"] == 0
    assert "no space left on device" in caplog.text
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("url", [FORGET, VERIFY])
@pytest.mark.parametrize("method", ["get", "post"])
def test_buttons__not_for_readers(reader: Client, url: str, method: str) -> None:
    assert getattr(reader, method)(url).status_code == 403


@pytest.mark.parametrize("url", [FORGET, VERIFY])
def test_buttons__not_from_elsewhere(admin_user: Any, url: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    assert client.post(url).status_code == 403


def test_buttons__not_shown_to_readers(reader: Client, editor: Client) -> None:
    query = {"access": "workflows", "key": "7"}
    inspector = reverse("admin:workflow_engine_cache_inspect")

    for_reader = reader.get(inspector, query).content.decode()
    for_editor = editor.get(inspector, query).content.decode()

    assert FORGET not in for_reader
    assert FORGET in for_editor


@pytest.mark.redis
def test_buttons__in_a_project_that_wraps_requests(
    editor: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    change_unseen(workflow)

    send(editor, VERIFY)

    assert entries()["workflows"] == 0


# --- who changed it


@pytest.mark.redis
@pytest.mark.parametrize(
    ("way", "filled"), [("change", {"name": "Tell nobody"}), ("delete", {})]
)
def test_page__what_is_changed_is_changed_by_its_user(
    editor: Client, settings: Settings, way: str, filled: dict[str, str]
) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    workflows.get(0)  # a process that has looked something up before
    written.discard()
    url = reverse(f"admin:workflow_engine_workflow_{way}", args=[workflow.pk])

    response = editor.post(url, fields_of(editor.get(url), **filled))

    assert response.status_code == 302
    written.flush()
    forgotten = CacheForget.objects.of_key("workflows", str(workflow.pk))
    by = {one.author for one in forgotten}
    assert by == {"admin"}


# --- on a site of one's own


@pytest.mark.redis
@pytest.mark.urls("tests.admin.own_site")
def test_pages__stay_on_a_site_of_ones_own(editor: Client, settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    cache = "/own/workflow_engine/cache/"
    entry = f"?access=workflows&key={workflow.pk}"
    asked = f"?detector={workflow.detectors.get().pk}"
    pages = ["verify/", "forget/", f"forget/{entry}", f"inspect/{entry}"]

    shown = "".join(
        editor.get(cache + page).content.decode() for page in (*pages, f"ask/{asked}")
    )
    response = editor.post(f"{cache}forget/", {"access": "workflows"})

    links = set(re.findall(r'href="(/[^"#?]*)', shown))
    assert {
        link for link in links if link.startswith(("/own/", "/static/"))
    } == links - {"/"}
    assert response.headers["Location"] == cache
    assert LogEntry.objects.get().object_repr == "workflows"
