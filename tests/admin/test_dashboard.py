"""The dashboard: the figures a workload made, what needs a look, and pausing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import Model
from django.db.models.signals import pre_save
from django.test import Client
from django.test.utils import CaptureQueriesContext

from settings.base import redis_cache
from tests.factories import (
    ActionHealthFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from workflow_engine import api, clock
from workflow_engine.metrics.counts import Figure
from workflow_engine.models import MetricBucket, MetricSource
from workflow_engine.queue.pausing import current
from workflow_engine.status import report

pytestmark = pytest.mark.django_db

PAGE = "/admin/workflow_engine/dashboard/"
PAUSE = f"{PAGE}pause/"
RESUME = f"{PAGE}resume/"
_FIGURE = re.compile(r'data-figure="(\w+)"[^>]*>([^<]*)<')


def figures(response: Any) -> dict[str, str]:
    """Return the figures of a page by name, digits without gaps."""
    assert response.status_code == 200
    found = _FIGURE.findall(response.content.decode())
    return {name: text.replace("\u202f", "") for name, text in found}


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def link_of(response: Any, figure: str) -> str:
    """Return where a figure leads."""
    found = re.search(
        rf'<a (?:class="[^"]*" )?href="([^"]*)">(?:<span[^>]*>! ?</span>)?<b data-figure="{figure}"',
        response.content.decode(),
    )
    assert found is not None, f"{figure} leads nowhere"
    return found[1].replace("&amp;", "&")


def counted(counter: str, scope: str, reason: str, count: int) -> Figure:
    return Figure(scope=scope, counter=counter, reason=reason, count=count)


def write(*found: Figure, ago: timedelta = timedelta(0)) -> None:
    """Write figures as processes do."""
    now = clock.now() - ago
    MetricBucket.objects.add(found, now)
    MetricSource.objects.create(
        name=f"host {now:%H%M%S%f}", started_at=now, flushed_at=now
    )


@pytest.fixture
def workload() -> None:
    """Write what some processes counted."""
    write(
        counted("event", "fired", "", 84),
        counted("event", "held", "interval", 1200),
        counted("event", "held", "pending", 7),
        counted("event", "failed", "error", 3),
        counted("event", "no_match", "", 11186),
        counted("hit", "workflows", "near", 987),
        counted("miss", "workflows", "absent", 13),
        counted("lateness", "act", "", 5),
        counted("lateness.le", "act", "20", 5),
    )


@pytest.mark.usefixtures("workload")
def test_dashboard__shows_what_was_counted(editor: Client) -> None:
    WorkItemFactory(due_at=clock.now() + timedelta(hours=2, minutes=1))
    WorkItemFactory(due_at=clock.now() - timedelta(minutes=10))
    WorkItemFactory(dead=True)

    shown = figures(editor.get(PAGE))

    assert {name: shown[name] for name in ("events", "fired", "held", "failed")} == {
        "events": "12480",
        "fired": "84",
        "held": "1207",
        "failed": "3",
    }
    assert shown["hit_share"].replace("\xa0", " ") == "98.7 %"
    assert (shown["misses"], shown["stale"]) == ("13", "-")
    assert (shown["coming"], shown["overdue"], shown["dead"]) == ("1", "1", "1")
    assert (shown["next_in"], shown["oldest_late"]) == ("2 h", "10 min late")


@pytest.mark.usefixtures("workload")
def test_dashboard__figures_of_each_window(editor: Client) -> None:
    write(counted("event", "fired", "", 100), ago=timedelta(hours=3))

    hour, eight = (figures(editor.get(f"{PAGE}?window={w}")) for w in ("1h", "8h"))

    assert (hour["fired"], eight["fired"]) == ("84", "184")


def test_dashboard__nothing_is_known_before_anything_is_written(editor: Client) -> None:
    response = editor.get(PAGE)

    shown = figures(response)
    unknown = ("events", "fired", "held", "failed", "hit_share", "misses", "stale")
    assert {shown[name] for name in unknown} == {"-"}
    assert shown["dead"] == "0"
    assert "python manage.py workflow_demo" in text_of(response)


def test_dashboard__no_event_is_none_where_somebody_counts(editor: Client) -> None:
    write(counted("hit", "workflows", "near", 1))
    WorkflowFactory()

    response = editor.get(PAGE)

    assert figures(response)["events"] == "0"
    assert "Send one with api.submit_event" in text_of(response)


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(
    "figure",
    ["events", "fired", "held", "failed", "oldest_late", "dead", "coming", "sent"],
)
def test_dashboard__every_number_leads_to_its_rows(editor: Client, figure: str) -> None:
    leads_to = link_of(editor.get(f"{PAGE}?window=8h"), figure)

    response = editor.get(leads_to)

    assert response.status_code == 200
    query = {
        "events": "recent=8h",
        "fired": "recent=8h&outcome__exact=fired",
        "held": "recent=8h&outcome__exact=held",
        "failed": "recent=8h&outcome__exact=failed",
        "dead": "state__exact=dead&recent=all",
        "sent": "state__exact=sent&recent=all",
    }.get(figure, "state__exact=scheduled&recent=all")
    assert leads_to.endswith(f"?{query}")


def test_dashboard__attention_says_what_workflow_status_says(editor: Client) -> None:
    WorkItemFactory(due_at=clock.now() - timedelta(minutes=10))

    page = editor.get(PAGE)
    report = editor.get(f"{PAGE}?format=json").json()

    (items,) = (one for one in report["parts"] if one["name"] == "items")
    assert items["level"] == "warn"
    assert "items : 1 overdue (it is 10 min late)" in text_of(page)
    assert items["cure"] in text_of(page)
    assert 'data-attention="none"' not in page.content.decode()


def test_dashboard__looks_at_every_part_that_workflow_status_does(
    editor: Client,
) -> None:
    shown = editor.get(f"{PAGE}?format=json").json()

    found = report.read("default", clock.now())
    assert [one["name"] for one in shown["parts"]] == [one.name for one in found.parts]


def test_dashboard__attention_leads_to_the_row(editor: Client) -> None:
    workflow = WorkflowFactory(slug="notify-all")
    DetectorWorkflowFactory(workflow=workflow)
    GroupActionFactory(group__workflow=workflow)
    health = ActionHealthFactory(paused=True, action__slug="hook")

    page = editor.get(PAGE)

    text = text_of(page)
    assert "rules : &quot;notify-all&quot; matches every event" in text
    assert "actions : &quot;hook&quot; fails since" in text
    for address in (f"workflow/{workflow.pk}", f"action/{health.action_id}"):
        link = f'href="/admin/workflow_engine/{address}/change/"'
        assert link in page.content.decode()


def test_dashboard__attention_names_no_process_silent_for_hours(editor: Client) -> None:
    at = clock.now() - timedelta(hours=3)
    MetricSource.objects.create(
        name="killed", started_at=at, flushed_at=at, expected_at=at
    )

    shown = editor.get(f"{PAGE}?window=8h&format=json").json()

    assert shown["events"]["sources"]["silent"] == 1
    (look_ups,) = (one for one in shown["parts"] if one["name"] == "look-ups")
    assert look_ups["facts"]["sources"]["silent"] == 0
    assert look_ups["level"] == "ok"


class Astray:
    """Refuses to say where our rows are: whoever asks did not."""

    def db_for_read(self, model: Any, **hints: Any) -> None:
        assert model._meta.app_label != "workflow_engine", model


@pytest.mark.parametrize("page", [PAGE, PAUSE, f"{PAGE}?format=json"])
def test_dashboard__reads_where_the_settings_say(
    editor: Client, settings: Any, page: str
) -> None:
    settings.DATABASE_ROUTERS = [Astray()]

    assert editor.get(page).status_code == 200


def test_dashboard__redis_is_away(editor: Client, settings: Any) -> None:
    settings.CACHES = {"default": redis_cache("redis://127.0.0.1:1/0")}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "default", "CACHE_PREFIX": "nobody"}

    page = editor.get(PAGE)
    report = editor.get(f"{PAGE}?format=json")

    assert (
        "! error cache : cache &#x27;default&#x27; was not reached: the connection to it"
        " failed"
    ) in text_of(page)
    assert "127.0.0.1" not in f"{page.content.decode()}{report.content.decode()}"


def test_dashboard__leads_to_the_metrics_for_prometheus(editor: Client) -> None:
    found = re.search(r'href="([^"]*/metrics/)"', editor.get(PAGE).content.decode())
    assert found is not None

    response = editor.get(found[1])

    assert response.status_code == 200
    assert "workflow_engine_" in response.content.decode()


def test_dashboard__nothing_needs_a_look(editor: Client) -> None:
    assert 'data-attention="none"' in editor.get(PAGE).content.decode()


@pytest.mark.usefixtures("workload")
def test_json__says_what_the_page_says(editor: Client) -> None:
    response = editor.get(f"{PAGE}?format=json&window=8h")

    found = response.json()
    assert found["events"]["outcomes"]["held"] == 1207
    assert found["events"]["window"]["name"] == "8h"
    assert (found["look_ups"]["misses"], found["paused"]) == (13, None)


@pytest.mark.usefixtures("workload")
def test_dashboard__pictures_and_their_numbers(editor: Client) -> None:
    page = editor.get(PAGE).content.decode()

    names = re.findall(r'<figure[^>]* data-chart="(\w+)"', page)
    assert names == ["events", "outcomes", "lateness"]
    assert page.count("<details>") >= 3
    assert not re.search(r"<script(?! src)|<style| style=| on\w+=", page)


@pytest.mark.usefixtures("workload")
@pytest.mark.parametrize(("window", "most"), [("1h", 12), ("8h", 13)])
def test_dashboard__costs(editor: Client, window: str, most: int) -> None:
    editor.get(PAGE)

    with CaptureQueriesContext(connection) as queries:
        editor.get(PAGE, {"window": window})

    assert len(queries) <= most, "\n".join(one["sql"] for one in queries)


# --- who may


def test_reader__sees_every_figure_and_no_button(
    reader: Client, editor: Client
) -> None:
    theirs, all_of_them = reader.get(PAGE), editor.get(PAGE)

    assert figures(theirs) == figures(all_of_them)
    assert (
        PAUSE in theirs.content.decode(),
        PAUSE in all_of_them.content.decode(),
    ) == (
        False,
        True,
    )


@pytest.mark.parametrize("page", [PAUSE, RESUME])
def test_reader__may_not_pause(reader: Client, page: str) -> None:
    answers = [reader.get(page).status_code, reader.post(page).status_code]

    assert answers == [403, 403]
    assert current(clock.now()) is None


@pytest.mark.parametrize("page", [PAGE, f"{PAGE}?format=json", PAUSE, RESUME])
def test_stranger__is_asked_to_log_in(client: Client, page: str) -> None:
    assert client.get(page).headers["Location"].startswith("/admin/login/")


def test_viewer_of_the_dashboard_alone__gets_no_link_to_lists(client: Client) -> None:
    user = User.objects.create_user("guard", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_dashboard"))
    client.force_login(user)

    page = client.get(PAGE).content.decode()

    assert "/admin/workflow_engine/workitem/" not in page
    assert "/admin/workflow_engine/decision/" not in page
    assert 'data-figure="dead"' in page


@pytest.mark.urls("tests.admin.own_site")
def test_dashboard__on_a_site_of_ones_own(editor: Client) -> None:
    WorkItemFactory(dead=True)
    api.pause()

    page = editor.get("/own/workflow_engine/dashboard/").content.decode()

    assert 'data-figure="dead">1<' in page
    assert not re.findall(r'(?:href|action)="(/admin/[^"]*)"', page)


# --- pausing


def test_pause__asked_for_confirmed_and_noted(editor: Client) -> None:
    before = clock.now()

    asked = editor.get(f"{PAUSE}?minutes=10")
    answer = editor.post(PAUSE, {"minutes": "10", "why": "deploy <7>"})

    pause = current(clock.now())
    assert 'value="10"' in asked.content.decode()
    assert answer.headers["Location"] == PAGE
    assert pause is not None
    assert pause.until is not None
    assert timedelta(minutes=10) <= pause.until - before < timedelta(minutes=11)
    assert (pause.by, pause.why) == ("admin", "deploy <7>")
    (entry,) = LogEntry.objects.all()
    assert json.loads(entry.change_message)[0]["changed"]["fields"][2] == (
        "Why: - → deploy <7>"
    )
    page = text_of(editor.get(PAGE))
    assert "By admin, since" in page
    assert "Why: deploy &lt;7&gt;" in page
    assert "paused by admin" in page  # as workflow_status says it


def test_pause__asking_alone_pauses_nothing(editor: Client) -> None:
    editor.get(f"{PAUSE}?minutes=10")

    assert current(clock.now()) is None


@pytest.mark.parametrize("page", [PAUSE, RESUME])
def test_pause__undone_where_it_cannot_be_noted(editor: Client, page: str) -> None:
    if page == RESUME:
        api.pause()
    before = current(clock.now())
    editor.raise_request_exception = False

    with refused(LogEntry):
        response = editor.post(page)

    assert response.status_code == 500
    assert current(clock.now()) == before


@contextmanager
def refused(model: type[Model]) -> Iterator[None]:
    """Refuse to write rows of a model."""

    def refuse(**_: Any) -> None:
        raise RuntimeError

    pre_save.connect(refuse, sender=model)
    try:
        yield
    finally:
        pre_save.disconnect(refuse, sender=model)


@pytest.mark.parametrize(
    "given", [{"minutes": "7"}, {"why": "x" * 201}], ids=["no such time", "too long"]
)
def test_pause__refused_beside_its_field(editor: Client, given: dict[str, str]) -> None:
    response = editor.post(PAUSE, given)

    assert "errorlist" in response.content.decode()
    assert current(clock.now()) is None


def test_resume__asked_for_confirmed_and_noted(editor: Client) -> None:
    api.pause(by="ben", why="deploy")

    asked = editor.get(RESUME)
    is_paused = current(clock.now()) is not None
    answer = editor.post(RESUME)

    assert "By ben, since" in text_of(asked)
    assert is_paused
    assert (answer.headers["Location"], current(clock.now())) == (PAGE, None)
    (entry,) = LogEntry.objects.all()
    assert "Why: deploy" in json.loads(entry.change_message)[0]["changed"]["fields"][2]


def test_pause__needs_the_token_of_a_form(admin_user: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    answers = [client.post(PAUSE).status_code, client.post(RESUME).status_code]

    assert answers == [403, 403]
    assert current(clock.now()) is None


def test_items__their_list_says_that_they_wait(reader: Client) -> None:
    api.pause(timedelta(minutes=10), by="anna")

    page = text_of(reader.get("/admin/workflow_engine/workitem/"))

    assert "Paused:" in page
    assert "By anna, since" in page
