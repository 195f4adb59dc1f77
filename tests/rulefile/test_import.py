"""What an import costs and what it leaves alone, over rows that people made."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import ProtectedError
from django.db.models.signals import post_save, pre_delete
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.rulefile.documents import condition, file_of
from workflow_engine.exceptions import InvalidRules
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    GroupAction,
    Workflow,
)
from workflow_engine.rulefile import dumps, export_rules, import_rules

pytestmark = pytest.mark.django_db

LOG = {"level": "info", "message": "{{ subject }}"}
HOOK = {"url": "https://example.org/hook", "secret": {"env": "HOOK_SECRET"}}
TABLES: tuple[type[models.Model], ...] = (
    Environment,
    Detector,
    Action,
    Workflow,
    ConditionGroup,
    Condition,
    GroupAction,
    DetectorWorkflow,
)


def rows() -> dict[str, list[Any]]:
    """Return every column of every rule row, `updated_at` among them."""
    found = {}
    for model in TABLES:
        manager = model._default_manager
        found[model.__name__] = list(manager.order_by("pk").values())
    return found


def many(number: int, value: int = 0) -> dict[str, Any]:
    """Return a file with so many detectors, actions and workflows."""
    numbers = range(number)
    return file_of(
        environments=[{"name": "production"}],
        detectors=[
            {
                "slug": f"d{n}",
                "event_type": "t",
                "kind": "event",
                "trigger": {"conditions": [condition(n)]},
            }
            for n in numbers
        ],
        actions=[{"slug": f"a{n}", "kind": "log", "config": LOG} for n in numbers],
        workflows=[
            {
                "slug": f"w{n}",
                "environment": "production",
                "when": {"conditions": [condition(n)]},
                "if": [
                    {
                        "conditions": [condition(value)],
                        "actions": [{"action": f"a{n}"}],
                    }
                ],
                "detectors": [f"d{n}"],
            }
            for n in numbers
        ],
    )


def queries_of(data: dict[str, Any], **how: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        import_rules(data, **how)
    return len(queries)


def test_import__the_demo() -> None:
    text = resources.files("workflow_engine.management.demo") / "rules.json"
    data = json.loads(text.read_text("utf-8"))

    found = import_rules(data)

    assert [str(one) for one in found] == [
        "+ environment production",
        "+ detector demo-disk-usage",
        "+ detector demo-failed-logins",
        "+ action demo-email-team",
        "+ action demo-escalate",
        "+ action demo-note-disk",
        "+ workflow demo-tell-the-team",
        "+ workflow demo-watch-disks",
    ]
    assert import_rules(data) == []


def test_import__check_leaves_every_row_as_it_is() -> None:
    import_rules(many(2))
    before = rows()
    data = many(1, value=5)

    said = import_rules(data, check=True, delete_missing=True)

    assert rows() == before
    assert said == import_rules(data, delete_missing=True)
    assert [str(one) for one in said] == [
        "- detector d1",
        "- action a1",
        "~ workflow w0: if[0].conditions[0].config.value 0 -> 5",
        "- workflow w1",
    ]


def test_import__a_second_time_touches_no_row() -> None:
    import_rules(many(2))
    before = rows()

    import_rules(many(2))

    assert rows() == before


def test_import__a_changed_condition_is_the_only_row_that_changes() -> None:
    import_rules(many(2))
    before = rows()

    import_rules(many(2, value=5))

    after = rows()
    changed = [name for name, found in after.items() if found != before[name]]
    assert changed == ["Condition"]


def test_import__another_kind_of_detector_keeps_its_conditions() -> None:
    group = ConditionGroupFactory(trigger=True, detector__slug="d")
    kept = ConditionFactory(group=group, position=0)
    ConditionFactory(
        group=group, position=1, result=50, config={"path": "id", "value": 1}
    )
    data = export_rules()
    (detector,) = data["detectors"]
    del detector["trigger"]["conditions"][1]
    detector |= {"kind": "absence", "config": {"for": 60}}

    import_rules(data)

    assert Condition.objects.get() == kept
    assert Detector.objects.get().kind == "absence"
    assert import_rules(data) == []


def test_import__saves_only_the_columns_that_differ() -> None:
    workflow = WorkflowFactory(slug="w", name="W", interval=1800)
    heard: list[Any] = []

    def note(update_fields: frozenset[str] | None, **_: Any) -> None:
        heard.append(update_fields)

    post_save.connect(note, sender=Workflow)
    try:
        import_rules(file_of(workflows=[{"slug": "w", "name": "W", "interval": 600}]))
    finally:
        post_save.disconnect(note, sender=Workflow)

    assert heard == [{"interval", "updated_at"}]
    workflow.refresh_from_db()
    assert workflow.interval == 600


def test_import__a_deletion_that_is_refused_undoes_everything() -> None:
    import_rules(many(1))
    before = rows()

    def refuse(instance: Action, **_: Any) -> None:
        raise ProtectedError("Invoices need it.", {instance})

    pre_delete.connect(refuse, sender=Action)
    try:
        with pytest.raises(InvalidRules) as refused:
            import_rules(file_of(), delete_missing=True)
    finally:
        pre_delete.disconnect(refuse, sender=Action)

    (error,) = refused.value.errors
    assert error.startswith("action a0: cannot be deleted, other rows need it: ")
    assert rows() == before


def test_difference__a_secret_is_not_shown() -> None:
    def data(headers: dict[str, str] | None) -> dict[str, Any]:
        config = HOOK if headers is None else {**HOOK, "headers": headers}
        return file_of(actions=[{"slug": "h", "kind": "webhook", "config": config}])

    import_rules(data(None))
    added = import_rules(data({"Authorization": "old", "X-Team": "a"}))
    changed = import_rules(data({"Authorization": "new", "X-Team": "b"}))

    assert added[0].changes == (
        'config.headers nothing -> {"Authorization": "[hidden]", "X-Team": "a"}',
    )
    assert changed[0].changes == (
        "config.headers.Authorization [hidden] -> [hidden]",
        'config.headers.X-Team "a" -> "b"',
    )


@pytest.mark.parametrize(
    ("value", "stored"),
    [(1e16, 10**16), (-1e300, -(10**300)), (-0.0, 0.0), (1e15, 1e15), (True, True)],
)
def test_export__one_number_on_every_database(value: Any, stored: Any) -> None:
    group = ConditionGroupFactory(workflow__slug="w")
    ConditionFactory(group=group, config={"path": "id", "value": value})

    found = dumps(export_rules()["workflows"][0]["when"]["conditions"][0]["config"])

    assert found == dumps({"path": "id", "value": stored})


def test_export__a_secret_stays_where_it_is() -> None:
    import_rules(file_of(actions=[{"slug": "h", "kind": "webhook", "config": HOOK}]))

    found = export_rules()

    assert found["actions"][0]["config"] == HOOK


@pytest.mark.parametrize("number", [1, 10, 100])
def test_import__queries(number: int) -> None:
    created = queries_of(many(number))
    same = queries_of(many(number))
    checked = queries_of(many(number, value=5), check=True)
    changed = queries_of(many(number, value=5))

    # Reading all rules costs the same whatever their number. Then a rule that differs is
    # paid for: a new detector, action and workflow are eleven rows here, and the cache asks,
    # in a savepoint, for old rows and for whom a child belongs to.
    assert (same, checked) == (17, 13)
    assert created == 12 + 33 * number
    assert changed == 17 + 18 * number


places = st.lists(st.integers(-3, 12), max_size=3, unique=True)
triggers = st.none() | places
workflow_traits = st.fixed_dictionaries(
    {"production": st.booleans(), "snoozed": st.booleans()}
)
compared: st.SearchStrategy[Any] = st.sampled_from(
    [1, 1.0, True, "1", None, [{}], 1e30]
)


@st.composite
def rules_by_hand(draw: st.DrawFn) -> None:
    """Make rows as people do, with gaps between positions and children in any order."""
    actions = ActionFactory.create_batch(draw(st.integers(0, 2)))
    detectors = DetectorFactory.create_batch(
        draw(st.integers(0, 2)), threshold=draw(st.booleans())
    )
    for detector in detectors:
        positions = draw(triggers)
        if positions is not None:
            group = ConditionGroupFactory(trigger=True, detector=detector)
            conditions_by_hand(draw, group, positions)
    for traits in draw(st.lists(workflow_traits, max_size=2)):
        workflow = WorkflowFactory(**traits)
        for detector in detectors[: draw(st.integers(0, 2))]:
            DetectorWorkflowFactory(detector=detector, workflow=workflow)
        for position in draw(places):
            group = ConditionGroupFactory(
                if_group=True, workflow=workflow, position=position
            )
            conditions_by_hand(draw, group, draw(places))
            for action in actions:
                GroupActionFactory(
                    group=group, action=action, position=draw(st.integers(0, 1))
                )


def conditions_by_hand(
    draw: st.DrawFn, group: ConditionGroup, positions: list[int]
) -> None:
    for position in positions:
        config = {"path": "data.v", "value": draw(compared)}
        ConditionFactory(group=group, position=position, config=config)


@settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_round_trip__rules_made_by_hand(data: st.DataObject) -> None:
    with transaction.atomic():
        data.draw(rules_by_hand())
        first = dumps(export_rules())
        before = rows()

        same = import_rules(json.loads(first), delete_missing=True)
        after = rows()
        for model in (Workflow, Detector, Action, Environment):
            model._default_manager.all().delete()
        import_rules(json.loads(first))

        assert same == []
        assert after == before
        assert dumps(export_rules()) == first
        transaction.set_rollback(True)
