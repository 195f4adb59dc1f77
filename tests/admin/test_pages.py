"""Every list and every page: it opens, for whom it should, with few queries, safely."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from tests.factories import (
    FACTORIES,
    ActionHealthFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DeliveryFactory,
    DetectorFactory,
    DetectorStateFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from workflow_engine.admin import PAGES, STANDING
from workflow_engine.models import (
    Action,
    Decision,
    Delivery,
    Detector,
    Firing,
    Workflow,
    WorkflowDecision,
    WorkItem,
)

pytestmark = pytest.mark.django_db

MOST_QUERIES = 12
HISTORY = (Decision, WorkflowDecision, Firing, Delivery, WorkItem)
KINDS = [
    "detector/add/?kind=event",
    "detector/add/?kind=threshold",
    "detector/add/?kind=rate",
    "detector/add/?kind=absence",
    "action/add/?kind=email",
    "action/add/?kind=webhook",
    "action/add/?kind=log",
    "action/add/?kind=task",
]

every_model = pytest.mark.parametrize("model", PAGES, ids=lambda m: m.__name__)
history_model = pytest.mark.parametrize("model", HISTORY, ids=lambda m: m.__name__)


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:workflow_engine_{model._meta.model_name}_{page}", args=args)


def fill(number: int) -> None:
    """Write rows of every table, related to each other as in life."""
    for index in range(number):
        workflow = WorkflowFactory(production=index % 2 == 0)
        when = ConditionGroupFactory(workflow=workflow)
        ConditionFactory(group=when)
        then = ConditionGroupFactory(if_group=True, workflow=workflow)
        ConditionFactory(group=then)
        carried = GroupActionFactory(group=then)
        ActionHealthFactory(action=carried.action, paused=True)
        link = DetectorWorkflowFactory(workflow=workflow)
        trigger = ConditionGroupFactory(trigger=True, detector=link.detector)
        ConditionFactory(group=trigger)
        DetectorStateFactory(detector=link.detector, opened=True)
        firing = FiringFactory(
            workflow=workflow, action=carried.action, detector=link.detector
        )
        DeliveryFactory(firing=firing)
        WorkItemFactory(firing=firing)
        line = WorkflowDecisionFactory(workflow=workflow, outcome="held")
        Firing.objects.filter(pk=firing.pk).update(decision=line.decision)


class _Inline(HTMLParser):
    """Finds what a policy without 'unsafe-inline' would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _value in attrs}
        if tag == "style" or (tag == "script" and not names & {"src", "type"}):
            self.found.append(f"<{tag}>")
        self.found += [name for name in names if name == "style" or name[:2] == "on"]


def inline_code(response: Any) -> list[str]:
    parser = _Inline()
    parser.feed(response.content.decode())
    return parser.found


@every_model
@pytest.mark.parametrize("who", ["editor", "reader"])
@pytest.mark.parametrize("rows", [0, 2], ids=["empty", "rows"])
def test_list__opens(
    request: pytest.FixtureRequest, model: Any, who: str, rows: int
) -> None:
    client = request.getfixturevalue(who)
    fill(rows)

    response = client.get(address(model, "changelist"))

    assert response.status_code == 200
    assert not inline_code(response)
    is_empty = "wfe-empty" in response.content.decode()
    assert is_empty == (rows == 0)


@every_model
def test_list__says_what_to_do_next(editor: Client, model: Any) -> None:
    empty = editor.get(address(model, "changelist")).content.decode()
    filtered = editor.get(address(model, "changelist"), {"q": "x"}).content.decode()

    assert str(escape(PAGES[model].empty_state)) in empty
    assert "Nothing here matches" in filtered


@every_model
@pytest.mark.parametrize("who", ["editor", "reader"])
def test_page__opens(request: pytest.FixtureRequest, model: Any, who: str) -> None:
    client = request.getfixturevalue(who)
    fill(2)

    response = client.get(address(model, "change", model.objects.first().pk))

    assert response.status_code == 200
    assert not inline_code(response)


@pytest.mark.parametrize(
    "page",
    ["environment/add/", "workflow/add/", "detector/add/", "action/add/", *KINDS],
)
def test_add_page__opens_for_editors_only(
    editor: Client, reader: Client, page: str
) -> None:
    response = editor.get(f"/admin/workflow_engine/{page}")
    refused = reader.get(f"/admin/workflow_engine/{page}")

    assert response.status_code == 200
    assert not inline_code(response)
    assert refused.status_code == 403


def test_add_page__every_kind_is_tried() -> None:
    tried = {page.partition("?kind=")[2] for page in KINDS}
    detectors, actions = PAGES[Detector].kinds, PAGES[Action].kinds

    assert tried == {entry.slug for entry in (*detectors, *actions)}


@every_model
@pytest.mark.parametrize("who", ["editor", "reader"])
def test_list__few_queries_for_fifty_rows(
    request: pytest.FixtureRequest, model: Any, who: str
) -> None:
    client = request.getfixturevalue(who)
    fill(51)
    EnvironmentFactory.create_batch(50)

    with CaptureQueriesContext(connection) as queries:
        response = client.get(address(model, "changelist"))

    assert len(response.context["cl"].result_list) == 50
    assert len(queries) <= MOST_QUERIES, "\n".join(q["sql"] for q in queries)


@every_model
@pytest.mark.parametrize("who", ["editor", "reader"])
def test_page__few_queries(
    request: pytest.FixtureRequest, model: Any, who: str
) -> None:
    client = request.getfixturevalue(who)
    fill(3)
    workflow = Workflow.objects.order_by("pk").first()
    for position in range(1, 6):
        group = ConditionGroupFactory(
            if_group=True, workflow=workflow, position=position
        )
        ConditionFactory(group=group)
        GroupActionFactory(group=group)

    page = address(model, "change", model.objects.order_by("pk").first().pk)

    with CaptureQueriesContext(connection) as queries:
        client.get(page)

    assert len(queries) <= MOST_QUERIES, "\n".join(q["sql"] for q in queries)


@history_model
@pytest.mark.parametrize("query", [{}, {"_facets": "True"}], ids=["list", "facets"])
def test_history__never_counts(
    editor: Client, model: Any, query: dict[str, str]
) -> None:
    fill(1)

    with CaptureQueriesContext(connection) as queries:
        editor.get(address(model, "changelist"), query)

    assert not [q["sql"] for q in queries if "COUNT(" in q["sql"].upper()]


@history_model
def test_history__reads_no_heavy_column_for_a_list(editor: Client, model: Any) -> None:
    fill(1)
    heavy = '"(event|detail|payload|result|request|response|error)"'

    with CaptureQueriesContext(connection) as queries:
        editor.get(address(model, "changelist"))

    assert not [q["sql"] for q in queries if re.search(heavy, q["sql"])]


@history_model
def test_history__goes_on_by_key(editor: Client, model: Any) -> None:
    fill(51)
    newest = list(model.objects.order_by("-pk"))

    first = editor.get(address(model, "changelist"))
    second = editor.get(address(model, "changelist") + first.context["cl"].older)

    assert first.context["cl"].result_list == newest[:50]
    assert second.context["cl"].result_list == newest[50:]
    assert not second.context["cl"].older
    assert second.context["cl"].newest


@history_model
@pytest.mark.parametrize("recent", ["1h", "8h", "24h", "7d", "all"])
def test_history__window(editor: Client, model: Any, recent: str) -> None:
    fill(1)

    response = editor.get(address(model, "changelist"), {"recent": recent})

    assert len(response.context["cl"].result_list) == 1


@history_model
def test_history__nobody_writes(editor: Client, model: Any) -> None:
    fill(1)
    pk = model.objects.get().pk

    answers = [
        editor.post(address(model, "add"), {}),
        editor.post(address(model, "change", pk), {}),
        editor.post(address(model, "delete", pk), {"post": "yes"}),
    ]
    editor.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [pk], "post": "yes"},
    )

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert model.objects.filter(pk=pk).exists()


@every_model
def test_reader__may_not_write(reader: Client, model: Any) -> None:
    fill(1)
    pk = model.objects.first().pk

    answers = [
        reader.post(address(model, "add"), {}),
        reader.post(address(model, "change", pk), {}),
        reader.post(address(model, "delete", pk), {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_pages__every_admin_of_ours_has_a_factory() -> None:
    registered = {
        m for m in admin.site._registry if m._meta.app_label == "workflow_engine"
    }

    assert registered == {*PAGES, *STANDING}
    assert set(PAGES) <= set(FACTORIES)


def test_item__payload_is_shown_without_secrets(editor: Client) -> None:
    payload = {
        "event": {"data": {"user": "ann", "password": "hunter2"}},
        "detection": {"path": "data.secret_level", "value": 471_100},
    }
    item = WorkItemFactory(payload=payload)

    response = editor.get(address(WorkItem, "change", item.pk))

    text = response.content.decode()
    assert "ann" in text
    assert "[redacted]" in text
    assert "hunter2" not in text
    assert "471100" not in text


def test_detector__states_with_since(editor: Client) -> None:
    detector = DetectorFactory(threshold=True)
    for _ in range(25):
        DetectorStateFactory(detector=detector, opened=True)

    response = editor.get(address(Detector, "change", detector.pk))

    text = response.content.decode()
    assert len(re.findall(r'<th scope="row">cart-\d+</th>', text)) == 20
    assert "Only the first 20 are shown" in text
