"""The public door: what a project calls, and what it may count on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from celery._state import get_current_app
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from tests.factories import WorkflowFactory
from tests.handlers import ANYTHING, PLAIN, RECORDED, Outbox, Script, registered
from tests.processing.world import Carry, World
from workflow_engine import api, clock, registry
from workflow_engine.exceptions import (
    DuplicateHandler,
    InvalidEvent,
    InvalidPause,
    Permanent,
    RetryAfter,
    SubmitFailed,
    UnknownRule,
)
from workflow_engine.models import (
    ActionInterval,
    Delivery,
    Firing,
    Workflow,
    WorkItem,
)
from workflow_engine.processing.buffer import buffer
from workflow_engine.types import opened

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "/shop",
    "type": "order.failed",
    "subject": "cart-7",
}
HOUR = timedelta(hours=1)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """Return what the recording action writes to."""
    outbox = Outbox()
    with registered(outbox, Script()):
        yield outbox
    buffer.discard()


@pytest.fixture
def world(db: None, outbox: Outbox) -> World:
    """Return an empty world whose clock tells the time of the system."""
    world = World()
    world.clock.move_to(clock.now())
    return world


@pytest.fixture
def shop(world: World) -> World:
    """Return a world that tells of every order that failed."""
    world.detector("orders")
    world.workflow("tell", "orders")
    return world


@pytest.fixture
def threads(settings: Any) -> None:
    """Let the threads of this process carry out items."""
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads"}


def _celery(settings: Any, **conf: Any) -> Iterator[Celery]:
    """Make an app of this test's own the current one."""
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "celery"}
    before = get_current_app()
    app = Celery("tests", set_as_current=True, **conf)
    yield app
    app.close()
    before.set_current()


@pytest.fixture
def eager(settings: Any) -> Iterator[Celery]:
    """Run tasks where they are sent."""
    yield from _celery(settings, broker="memory://", task_always_eager=True)


@pytest.fixture
def refusing(settings: Any) -> Iterator[Celery]:
    """Let the broker refuse everything."""
    yield from _celery(settings, broker="no-such-transport://")


# Submitting


def test_submit__goes_all_the_way(shop: World, outbox: Outbox, eager: Celery) -> None:
    id_ = shop.committing(
        lambda: api.submit_event(type="order.failed", source="/shop", subject="cart-7")
    )

    assert [message.event for message in outbox.sent] == [id_]
    assert shop.firings() == [("email", "succeeded", "sent")]


def test_submit__fills_in_what_is_missing(shop: World, eager: Celery) -> None:
    before = clock.now()

    ids = [api.submit_event(type="order.failed", source="/shop") for _ in range(3)]

    assert [uuid.UUID(id_).version for id_ in ids] == [7, 7, 7]
    assert len(set(ids)) == 3
    milliseconds = uuid.UUID(ids[0]).int >> 80
    assert abs(milliseconds / 1000 - before.timestamp()) < 60


def test_submit__event_or_attributes_but_not_both(db: None) -> None:
    with pytest.raises(TypeError, match="not both"):
        api.submit_event(EVENT, subject="cart-8")


def test_submit__moment_may_be_a_datetime(shop: World, eager: Celery) -> None:
    moment = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)

    shop.committing(
        lambda: api.submit_event(type="order.failed", source="/shop", time=moment)
    )

    decision = Firing.objects.select_related("decision").get().decision
    assert decision is not None
    assert decision.event_time == moment


def test_submit__invalid_event_hands_over_nothing(
    shop: World, outbox: Outbox, eager: Celery
) -> None:
    bad = {"specversion": "1.0", "id": 7, "type": "order.failed"}

    with pytest.raises(InvalidEvent) as refused:
        shop.committing(lambda: api.submit_events([EVENT, bad]))

    found = [(index, code, name) for index, code, name, _ in refused.value.errors]
    assert found == [(1, "wrong_type", "id"), (1, "missing_attribute", "source")]
    assert outbox.sent == []
    assert WorkItem.objects.count() == 0


def test_submit__waits_for_the_commit(
    shop: World, outbox: Outbox, eager: Celery
) -> None:
    def submit() -> list[str]:
        with transaction.atomic():
            api.submit_event(EVENT)
            return outbox.actions

    before = shop.committing(submit)

    assert before == []
    assert outbox.actions == ["email"]


@pytest.mark.parametrize("durable", [False, True])
def test_submit__rolled_back_never_was(
    shop: World, outbox: Outbox, eager: Celery, durable: bool
) -> None:
    def submit_and_fail() -> None:
        with suppress(ZeroDivisionError), transaction.atomic():
            api.submit_event(EVENT, durable=durable)
            raise ZeroDivisionError

    shop.committing(submit_and_fail)

    assert outbox.sent == []
    assert WorkItem.objects.count() == 0
    assert set(shop.rows().values()) == {0}


def test_submit__durable_is_an_item_in_the_same_transaction(
    shop: World, outbox: Outbox, eager: Celery
) -> None:
    def submit() -> list[str]:
        with transaction.atomic():
            api.submit_event(EVENT, durable=True)
            return list(WorkItem.objects.values_list("kind", flat=True))

    kinds = shop.committing(submit)

    assert kinds == ["event"]
    assert outbox.actions == ["email"]
    assert WorkItem.objects.get(kind="event").state == "done"


def test_submit__broker_that_refuses(
    shop: World, outbox: Outbox, refusing: Celery
) -> None:
    shop.committing(lambda: api.submit_event(EVENT))
    (item,) = shop.items()

    shop.clock.move_to(clock.now())
    shop.run()

    assert item.kind == "event"
    assert outbox.actions == ["email"]
    assert shop.items() == []


@pytest.mark.django_db(transaction=True)
def test_submit__broker_and_database_that_refuse(
    outbox: Outbox, refusing: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_late = {**EVENT, "subject": "s"}
    table = WorkItem._meta.db_table
    monkeypatch.setattr(WorkItem._meta, "db_table", "no_such_table")

    with pytest.raises(SubmitFailed, match="nor did the database"):
        api.submit_event(too_late)

    monkeypatch.setattr(WorkItem._meta, "db_table", table)
    assert WorkItem.objects.count() == 0


def test_submit__many_in_one_call(shop: World, outbox: Outbox, eager: Celery) -> None:
    events = [{**EVENT, "id": f"e{n}"} for n in range(250)]

    ids = shop.committing(lambda: api.submit_events(events))

    assert ids == [f"e{n}" for n in range(250)]
    shop.run()
    assert len({message.event for message in outbox.sent}) == 250


# Judging


@pytest.mark.usefixtures("threads")
def test_process_events__in_order(shop: World) -> None:
    events = [
        {**EVENT, "id": "a"},
        {**EVENT, "id": "b", "type": "nobody.watches"},
        {**EVENT, "id": "a"},
    ]

    outcomes = api.process_events(iter(events))

    said = [(one.id, one.outcome.value, one.reason.value) for one in outcomes]
    assert said == [
        ("a", "fired", "sent"),
        ("b", "no_match", "no_detector"),
        ("a", "held", "duplicate_event"),
    ]


@pytest.mark.usefixtures("threads")
def test_process_events__all_or_none(shop: World) -> None:
    with pytest.raises(InvalidEvent):
        api.process_events([EVENT, {**EVENT, "specversion": "0.3"}])

    assert set(shop.rows().values()) == {0}


@pytest.mark.usefixtures("threads")
def test_process_events__more_than_a_batch(shop: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"EVENT_BATCH": 10, "EXECUTOR": "threads"}

    outcomes = api.process_events({**EVENT, "id": f"e{n}"} for n in range(25))

    assert [outcome.id for outcome in outcomes] == [f"e{n}" for n in range(25)]
    assert Firing.objects.count() == 25


def test_explain__writes_nothing(shop: World, outbox: Outbox) -> None:
    trace = api.explain(EVENT)

    assert trace.reason == "sent"
    assert outbox.prepared == ["email"]
    assert outbox.attempted == []
    assert set(shop.rows().values()) == {0}


def test_explain__refuses_what_submit_refuses(db: None) -> None:
    with pytest.raises(InvalidEvent):
        api.explain({**EVENT, "time": "2026-05-02 10:00"})


def test_replay__takes_the_events_own_times(shop: World) -> None:
    Workflow.objects.update(interval=300)
    events = [
        {**EVENT, "id": f"e{second}", "time": f"2026-05-02T10:{second:02}:00Z"}
        for second in (0, 4, 5, 6)
    ]

    outcomes = list(api.replay(events))

    said = [outcome.reason.value for outcome in outcomes]
    assert said == ["sent", "interval", "sent", "interval"]
    assert set(shop.rows().values()) == {0}


# Acting by hand


def test_test_fire__on_an_empty_database(db: None, outbox: Outbox) -> None:
    action = World().action("email", kind=RECORDED)

    attempt = api.test_fire("email")

    assert attempt.error is None
    (message,) = outbox.sent
    assert (message.purpose, message.subject) == ("test", "test")
    firing = Firing.objects.get()
    assert (firing.action, firing.purpose, firing.state) == (
        action,
        "test",
        "succeeded",
    )
    assert Delivery.objects.get().firing == firing
    assert ActionInterval.objects.count() == 0


def test_test_fire__with_an_event(shop: World, outbox: Outbox) -> None:
    api.test_fire("email", EVENT)
    api.test_fire("email", EVENT)

    assert [message.event for message in outbox.sent] == ["e1", "e1"]


def test_test_fire__dry_run_sends_and_keeps_nothing(
    shop: World, outbox: Outbox
) -> None:
    attempt = api.test_fire("email", dry_run=True)

    assert attempt.delivery.endpoint == "outbox"
    assert outbox.attempted == []
    assert Firing.objects.count() == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Permanent("no"), "permanent"), (RetryAfter(5), "attempts_used")],
)
def test_test_fire__that_fails(
    shop: World, outbox: Outbox, error: Exception, reason: str
) -> None:
    outbox.fail("email", error)

    attempt = api.test_fire("email")

    assert attempt.error is error
    assert shop.firings() == [("email", "failed", reason)]
    assert WorkItem.objects.count() == 0


def test_test_fire__kind_nobody_registered(shop: World) -> None:
    shop.action("orphan", kind=PLAIN)
    registry.actions.unregister(PLAIN)
    try:
        api.test_fire("orphan")
    finally:
        api.register_action(PLAIN, schema=ANYTHING)(lambda firing, config: None)

    assert shop.firings() == [("orphan", "failed", "handler_missing")]


@pytest.mark.parametrize("until", ["a while", "a moment"])
@pytest.mark.usefixtures("threads")
def test_snooze__holds(shop: World, until: str) -> None:
    end = clock.now() + HOUR

    ends = api.snooze("tell", HOUR if until == "a while" else end, note="release")

    assert abs(ends - end) < timedelta(minutes=1)
    row = Workflow.objects.get()
    assert (row.snoozed_until, row.snooze_note) == (ends, "release")
    assert [one.reason for one in api.process_events([EVENT])] == ["snoozed"]


def test_snooze__naive_moment(shop: World) -> None:
    with pytest.raises(ValueError, match="time zone"):
        api.snooze("tell", datetime(2026, 5, 2))  # noqa: DTZ001 - the point of it


@pytest.mark.usefixtures("threads")
def test_acknowledge__cancels_what_would_escalate(world: World) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[Carry(action="page", delay=600)])
    api.process_events([{**EVENT, "data": {"value": 11}}])

    counts = [
        api.acknowledge("hot", "cart-7", "production"),
        api.acknowledge("hot", "cart-7"),
        api.acknowledge("hot", "cart-7"),
    ]

    assert counts == [0, 1, 0]
    assert world.firings() == [("page", "cancelled", "acknowledged")]


def test_schedule__and_cancel(shop: World, outbox: Outbox) -> None:
    now = clock.now()
    first = api.schedule(workflow="tell", subject="cart-7", due_at=now + HOUR)
    second = api.schedule(workflow="tell", subject="cart-8", due_at=now + HOUR)

    came = [api.cancel(first), api.cancel(first), api.cancel(-1)]
    shop.clock.move_to(now + HOUR)
    shop.run()

    assert came == [True, False, False]
    assert first != second
    assert [message.subject for message in outbox.sent] == ["cart-8"]


def test_schedule__obeys_the_transaction(shop: World) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        api.schedule(workflow="tell", subject="cart-7", due_at=clock.now())
        raise ZeroDivisionError

    assert WorkItem.objects.count() == 0


def test_names__slug_first_then_a_name_that_is_unique(shop: World) -> None:
    shop.workflow("other", name="tell")
    shop.workflow("twin-1", name="Twin")
    shop.workflow("twin-2", name="Twin")
    shop.workflow("single", name="The only one")

    api.snooze("tell", HOUR)
    api.snooze("The only one", HOUR)
    with pytest.raises(UnknownRule, match="more than one workflow"):
        api.snooze("Twin", HOUR)
    with pytest.raises(UnknownRule, match="no workflow with slug or name 'nobody'"):
        api.snooze("nobody", HOUR)

    snoozed = Workflow.objects.filter(snoozed_until__isnull=False)
    assert sorted(row.slug for row in snoozed) == ["single", "tell"]


# Handlers of a project


@pytest.fixture
def own_handlers() -> Iterator[list[Any]]:
    """Register a condition, a detector and an action as a project would."""
    paged: list[Any] = []

    @api.register_condition(
        "weekday",
        schema={
            "type": "object",
            "required": ["days"],
            "properties": {"days": {"type": "array"}},
        },
    )
    def weekday(facts: Any, config: Any) -> bool:
        return facts.instant("time").weekday() in config["days"]

    @api.register_detector(
        "every_nth", schema={"type": "object", "required": ["n"]}, stateful=True
    )
    def every_nth(sample: Any, state: Any, config: Any) -> Any:
        count = state.memory.get("count", 0) + 1
        state = state.remember(count=count % config["n"])
        return state, opened("low") if count == config["n"] else "counting"

    @api.register_action(
        "pager", schema={"type": "object", "required": ["text"]}, timeout=10
    )
    def pager(firing: Any, config: Any) -> None:
        paged.append((firing.render(config["text"]), firing.uuid))

    yield paged
    registry.conditions.unregister("weekday")
    registry.detectors.unregister("every_nth")
    registry.actions.unregister("pager")


def test_handlers__of_a_project_work(world: World, own_handlers: list[Any]) -> None:
    world.detector("third", kind="every_nth", n=3)
    world.action("page", kind="pager", config={"text": "{{ subject }} failed"})
    saturday = {"type": "weekday", "days": [5]}
    world.workflow("tell", "third", when=[saturday], carries=["page"])
    friday, saturday_morning = -86_400, 0
    start = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
    world.clock.move_to(start)

    for time in [friday] * 3 + [saturday_morning] * 3:
        world.one(time=time)
    world.run()

    assert [text for text, _ in own_handlers] == ["cart-7 failed"]
    assert own_handlers[0][1] == str(Firing.objects.get().uuid)


def test_handlers__second_of_one_name_names_both(own_handlers: list[Any]) -> None:
    def impostor(facts: Any, config: Any) -> bool:
        return True

    with pytest.raises(DuplicateHandler, match=r"weekday.*impostor"):
        api.register_condition("weekday", impostor, schema=ANYTHING)


# Rules as a file


def test_rules__exported_and_imported_are_the_same(shop: World) -> None:
    shop.threshold("hot", breaches=2)
    shop.workflow(
        "escalate",
        "hot",
        when=["data.amount gt 5"],
        carries=[Carry(action="page", delay=60, on_resolve=True)],
        environment="production",
    )
    first = api.export_rules()
    for model in (Workflow, *_owners()):
        model.objects.all().delete()

    api.import_rules(first)
    again = api.export_rules()
    changed = api.import_rules(again)

    assert again == first
    assert not changed


def _owners() -> tuple[Any, ...]:
    rows = ("Detector", "Action", "Environment")
    return tuple(Workflow._meta.apps.get_model("workflow_engine", row) for row in rows)


@pytest.mark.django_db
def test_snooze__leaves_what_somebody_else_has_saved() -> None:
    workflow = WorkflowFactory(interval=60)
    read: list[str] = []

    def edit(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if sql.startswith("SELECT"):
            read.append(sql)
            if len(read) == 1:  # the edit reads too
                Workflow.objects.filter(pk=workflow.pk).update(interval=77)
        return answer

    with connection.execute_wrapper(edit):
        api.snooze(workflow.slug, timedelta(hours=1), note="deploy")

    workflow.refresh_from_db()
    assert (workflow.interval, workflow.snooze_note) == (77, "deploy")


@pytest.mark.django_db
def test_snooze__note_that_is_too_long() -> None:
    workflow = WorkflowFactory()

    with pytest.raises(ValidationError, match="200"):
        api.snooze(workflow.slug, timedelta(hours=1), note="x" * 201)

    workflow.refresh_from_db()
    assert workflow.snoozed_until is None


# --- pause and resume


@pytest.mark.django_db
def test_pause__for_a_while_and_until_resumed() -> None:
    before = clock.now()
    ends = api.pause(timedelta(minutes=10), by="anna", why="deploy")
    without_end = api.pause()
    answers = (api.resume(), api.resume())

    assert ends is not None
    assert timedelta(minutes=10) <= ends - before < timedelta(minutes=11)
    assert without_end is None
    assert answers == (True, False)


@pytest.mark.django_db
def test_pause__moment_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidPause):
        api.pause(datetime(2030, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("days", [10**8, -(10**8)])
def test_pause__beyond_the_calendar_is_refused(days: int) -> None:
    with pytest.raises(InvalidPause, match="no calendar reaches so far"):
        api.pause(timedelta(days=days))


def test_pause__events_are_accepted_and_judged_when_it_is_over(
    shop: World, outbox: Outbox, refusing: Celery
) -> None:
    api.pause()
    shop.committing(lambda: api.submit_event(EVENT))
    shop.clock.move_to(clock.now())
    shop.run()
    kinds = [item.kind for item in shop.items()]

    api.resume()
    shop.run()

    assert kinds == ["event"]
    assert shop.items() == []
    assert len(outbox.sent) == 1
