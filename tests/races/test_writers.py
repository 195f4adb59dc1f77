"""Writes that overlap: what one of them could not know is fresh all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Cells, Process, figures
from tests.factories import (
    ActionFactory,
    DetectorFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.queue.threads import elsewhere, wait_until_somebody_waits
from tests.races.writers import Writers, heard_by, held_before
from workflow_engine.caches import CacheMapping, Resolved
from workflow_engine.caches.cell import VALUE
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.question import Question
from workflow_engine.lookups import (
    detector_ids_by_route,
    detectors,
    workflow_ids_by_detector,
    workflows,
)
from workflow_engine.models import (
    CacheOutbox,
    Detector,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

A, B, C = (("type.a", ""), ("type.b", ""), ("type.c", ""))
ROUTES = (A, B, C)


@pytest.fixture
def writer(cells: Cells) -> Process:
    return cells.process()


@pytest.fixture
def reader(cells: Cells) -> Process:
    return cells.process()


@pytest.fixture(autouse=True)
def writers(writer: Process) -> Iterator[Writers]:
    with heard_by(writer.coherence) as made:
        yield made


def routes(reader: Process) -> list[Any]:
    return list(reader.get_many(detector_ids_by_route, ROUTES).values())


def name_of(reader: Process, workflow: Workflow) -> Any:
    return reader.get(workflows, workflow.pk).name


def test_rollback__entries_are_as_they_were(cells: Cells, reader: Process) -> None:
    workflow = WorkflowFactory(name="old")
    reader.get(workflows, workflow.pk)
    cell = cells.cell(workflows, workflow.pk)
    life_ms: Any = cells.client.pttl(cells.name(workflows, workflow.pk))
    other = cells.process()

    with transaction.atomic():
        workflow.name = "new"
        workflow.save()
        seen = elsewhere(lambda: name_of(other, workflow)).result(LIMIT_SECONDS)
        transaction.set_rollback(True)

    assert seen == "old"
    assert name_of(reader, workflow) == "old"
    assert cells.cell(workflows, workflow.pk) == cell
    left_ms: Any = cells.client.pttl(cells.name(workflows, workflow.pk))
    assert life_ms - LIMIT_SECONDS * 1000 < left_ms <= life_ms


@pytest.mark.postgres
def test_transaction__own_view_whatever_wrote(reader: Process, writer: Process) -> None:
    detector = DetectorFactory(name="0")
    workflow = WorkflowFactory()
    reader.get(detectors, detector.pk)
    table = Detector._meta.db_table
    by_sql = f"UPDATE {table} SET name = '2'"  # noqa: S608 - our own table
    by_function = f"DO $$ BEGIN UPDATE {table} SET name = '3'; END $$"  # noqa: S608 - as above

    def own() -> tuple[str, Any]:
        name = writer.get(detectors, detector.pk).name
        return name, writer.get(workflow_ids_by_detector, detector.pk)

    def others() -> tuple[str, Any]:
        name = reader.get(detectors, detector.pk).name
        return name, reader.get(workflow_ids_by_detector, detector.pk)

    own_views, other_views = [], []
    with transaction.atomic():
        for step in ("save", "sql", "function", "copy"):
            with connection.cursor() as cursor:
                if step == "save":
                    detector.name = "1"
                    detector.save()
                elif step == "sql":
                    cursor.execute(by_sql)
                elif step == "function":
                    cursor.execute(by_function)
                else:
                    copy_in(cursor, (detector.pk, workflow.pk))
            own_views.append(own())
            other_views.append(elsewhere(others).result(LIMIT_SECONDS))

    assert own_views == [("1", ()), ("2", ()), ("3", ()), ("3", (workflow.pk,))]
    assert other_views == [("0", ())] * 4
    assert others() == ("3", (workflow.pk,))
    assert not CacheOutbox.objects.exists()


def copy_in(cursor: Any, link: tuple[int, int]) -> None:
    """Write a link by COPY."""
    columns = "detector_id, workflow_id, created_at, updated_at"
    table = DetectorWorkflow._meta.db_table
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        copy.write_row((*link, *["2026-01-01T00:00:00Z"] * 2))


def test_transaction__that_only_reads(cells: Cells, reader: Process) -> None:
    workflow = WorkflowFactory(name="old")
    name_of(reader, workflow)
    reader.store.taken_calls()
    figures("workflows")

    with transaction.atomic():
        name = name_of(reader, workflow)

    assert name == "old"
    assert reader.store.calls == []
    assert figures("workflows") == {"bypass.transaction": 1}


@pytest.mark.postgres
def test_transaction__a_snapshot_from_before_a_write(
    reader: Process, writer: Process, writers: Writers
) -> None:
    workflow = WorkflowFactory(name="old")
    name_of(reader, workflow)

    def rename() -> None:
        Workflow.objects.filter(pk=workflow.pk).update(name="new")

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = name_of(reader, workflow)
        elsewhere(writers.as_(writer, rename)).result(LIMIT_SECONDS)
        inside = name_of(reader, workflow)

    assert (before, inside) == ("old", "old")
    assert name_of(reader, workflow) == "new"


def test_autocommit_off__asks_the_database(reader: Process) -> None:
    workflow = WorkflowFactory(name="old")
    name_of(reader, workflow)
    figures("workflows")

    transaction.set_autocommit(False)
    try:
        inside = name_of(reader, workflow)
        workflow.name = "new"
        workflow.save()
        own = name_of(reader, workflow)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

    assert (inside, own) == ("old", "new")
    assert figures("workflows")["bypass.transaction"] == 2
    assert name_of(reader, workflow) == "new"


@pytest.mark.parametrize("is_savepoint", [False, True], ids=["outer", "savepoint"])
def test_rollback__no_uncommitted_value_is_ever_stored(
    cells: Cells, reader: Process, is_savepoint: bool
) -> None:
    workflow = WorkflowFactory(enabled=True)

    def enabled_in_cell() -> set[bool]:
        cell = cells.cell(workflows, workflow.pk)
        if cell is None or not cell.startswith(VALUE):
            return set()
        return {workflows.codec.decode(cell[50:]).enabled}  # type: ignore[union-attr] # a row

    seen: set[bool] = set()
    with transaction.atomic():
        with transaction.atomic():
            workflow.enabled = False
            workflow.save()
            inside = reader.get(workflows, workflow.pk).enabled
            elsewhere(lambda: reader.get(workflows, workflow.pk)).result(LIMIT_SECONDS)
            seen |= enabled_in_cell()
            transaction.set_rollback(is_savepoint)
        seen |= enabled_in_cell()
        transaction.set_rollback(not is_savepoint)

    assert inside is False
    assert seen == {True}
    assert reader.get(workflows, workflow.pk).enabled is True


def test_link__seen_by_every_read_that_begins_after_it(reader: Process) -> None:
    detector = DetectorFactory()
    workflows_ = [WorkflowFactory() for _ in range(20)]
    returned: list[int] = []
    ended = threading.Event()

    def hammer() -> int:
        reads = 0
        while not ended.is_set() or not reads:
            least = set(returned)
            assert least <= set(reader.get(workflow_ids_by_detector, detector.pk))
            reads += 1
        return reads

    hammering = [elsewhere(hammer) for _ in range(2)]
    for workflow in workflows_:
        DetectorWorkflow.objects.create(detector=detector, workflow=workflow)
        returned.append(workflow.pk)
    ended.set()

    assert all(one.result(LIMIT_SECONDS) for one in hammering)


def test_save__an_instance_from_before_the_row_was_moved(reader: Process) -> None:
    old = DetectorFactory(event_type=A[0])
    Detector.objects.filter(pk=old.pk).update(event_type=B[0])
    assert routes(reader) == [(), (old.pk,), ()]

    old.enabled = False
    old.save(update_fields=["enabled"])

    assert routes(reader) == [(), (), ()]


def moved_meanwhile(
    cells: Cells, writers: Writers, reader: Process, detector: Detector
) -> Any:
    """Move the row from A to B while a writer, who read A, is about to move it to C.

    Returns what the writer's save will come to; it is let go.
    """
    slow = cells.process()
    gate = Gate("the writer updates the row")

    def move() -> None:
        mine = Detector.objects.get(pk=detector.pk)
        mine.event_type = C[0]
        with held_before(gate, "UPDATE", Detector._meta.db_table):
            mine.save()

    saved = elsewhere(writers.as_(slow, move))
    gate.wait_until_reached()
    detector.event_type = B[0]
    detector.save()
    assert routes(reader) == [(), (detector.pk,), ()]
    return slow, gate, saved


@pytest.mark.postgres
def test_save__row_was_moved_after_the_old_one_was_read(
    cells: Cells, writers: Writers, reader: Process
) -> None:
    detector = DetectorFactory(event_type=A[0])
    assert routes(reader) == [(detector.pk,), (), ()]
    _, gate, saved = moved_meanwhile(cells, writers, reader, detector)

    gate.open()
    saved.result(LIMIT_SECONDS)

    assert routes(reader) == [(), (), (detector.pk,)]


@pytest.mark.postgres
def test_save__the_row_that_knows_better_is_held_by_a_sweep(
    cells: Cells, writers: Writers, reader: Process
) -> None:
    detector = DetectorFactory(event_type=A[0])
    routes(reader)
    sweeper = cells.process()  # open already: opening takes rows too
    slow, gate, saved = moved_meanwhile(cells, writers, reader, detector)
    hook = slow.store.before["unlink"] = Gate("the writer's hook forgets")
    gate.open()
    hook.wait_until_reached()
    sweep = sweeper.store.before["unlink"] = Gate("the sweep forgets")
    swept = elsewhere(sweeper.coherence.sweep)
    sweep.wait_until_reached()

    hook.open()
    wait_until_somebody_waits()
    was_done = saved.done()
    sweep.open()
    saved.result(LIMIT_SECONDS)

    assert not was_done
    assert swept.result(LIMIT_SECONDS) == 1
    assert routes(reader) == [(), (), (detector.pk,)]


@pytest.mark.postgres
def test_action__taken_up_by_a_workflow_while_it_is_edited(
    cells: Cells, writers: Writers, reader: Process
) -> None:
    action = ActionFactory(enabled=True)
    group = GroupActionFactory().group
    editor = cells.process()
    gate = Gate("the editor commits")

    def edit() -> None:
        with transaction.atomic():
            action.enabled = False
            action.save()
            gate()

    edited = elsewhere(writers.as_(editor, edit))
    gate.wait_until_reached()
    GroupActionFactory(group=group, action=action)
    before = enabled(reader, group.workflow_id)
    gate.open()
    edited.result(LIMIT_SECONDS)

    assert before == {True}
    assert enabled(reader, group.workflow_id) == {True, False}


@pytest.mark.postgres
def test_action__given_up_by_a_workflow_while_it_is_edited(
    cells: Cells, writers: Writers, reader: Process
) -> None:
    carried = GroupActionFactory()
    action, workflow_id = carried.action, carried.group.workflow_id
    assert enabled(reader, workflow_id) == {True}
    editor, other = cells.process(), cells.process()
    edit_gate = Gate("the editor commits")
    unlink_gate = other.store.before["unlink"] = Gate("the other's hook forgets")

    def edit() -> None:
        with transaction.atomic():
            action.enabled = False
            action.save()
            edit_gate()

    edited = elsewhere(writers.as_(editor, edit))
    edit_gate.wait_until_reached()
    removed = elsewhere(
        writers.as_(other, lambda: GroupAction.objects.get(pk=carried.pk).delete())
    )
    unlink_gate.wait_until_reached()
    edit_gate.open()
    edited.result(LIMIT_SECONDS)
    seen = enabled(reader, workflow_id)
    unlink_gate.open()
    removed.result(LIMIT_SECONDS)

    assert seen == set()
    assert enabled(reader, workflow_id) == set()


def enabled(reader: Process, workflow_id: int | None) -> set[bool]:
    workflow = reader.get(workflows, workflow_id)
    return {one.action.enabled for group in workflow.ifs for one in group.actions}


def test_save__nobody_can_say_what_it_spoils(cells: Cells) -> None:
    def fail(rows: Any, using: str) -> set[int]:
        raise ValueError("no idea")

    names = {7: "old"}
    among = Declared()
    question: Question[int, str] = Question(
        CacheMapping("odd", str),
        load=lambda keys: dict.fromkeys(keys, names[7]),
        depends_on={Detector: Resolved(("id",), fail)},
        value_type=str,
    )
    among.add(question)
    reader, writer = cells.process(among), cells.process(among)
    reader.get_many(question, [1, 2])
    figures("odd")

    with heard_by(writer.coherence, among):
        names[7] = "new"
        DetectorFactory()

    assert reader.get_many(question, [1, 2]) == {1: "new", 2: "new"}
    counted = figures("odd")
    assert counted["error.resolve"] > 0
    assert counted["forgot_all.save:detector"] == 1


def test_many__only_what_was_written_is_forgotten(
    cells: Cells, reader: Process
) -> None:
    made = Detector.objects.bulk_create(
        Detector(slug=f"d-{n}", name="n", event_type=f"t.{n}", kind="event")
        for n in range(1000)
    )
    workflow = WorkflowFactory()
    keys = [one.pk for one in made]
    reader.get_many(detectors, keys)
    reader.get_many(workflow_ids_by_detector, keys)
    before = {key: cells.cell(detectors, key) for key in keys[3:]}
    links = {key: cells.cell(workflow_ids_by_detector, key) for key in keys[2:]}

    Detector.objects.filter(pk__in=keys[:3]).update(enabled=False)
    DetectorWorkflow.objects.bulk_create(
        [DetectorWorkflow(detector=one, workflow=workflow) for one in made[:2]],
        ignore_conflicts=True,
    )

    assert [reader.get(detectors, key).enabled for key in keys[:4]] == [False] * 3 + [
        True
    ]
    found = reader.get_many(workflow_ids_by_detector, keys[:3])
    assert list(found.values()) == [(workflow.pk,), (workflow.pk,), ()]
    assert {key: cells.cell(detectors, key) for key in before} == before
    assert {key: cells.cell(workflow_ids_by_detector, key) for key in links} == links


def test_delete__linked_to_thousands(
    cells: Cells, writer: Process, reader: Process
) -> None:
    made = Detector.objects.bulk_create(
        Detector(slug=f"d-{n}", name="n", event_type="t", kind="event")
        for n in range(5000)
    )
    workflow = WorkflowFactory(name="old")
    DetectorWorkflow.objects.bulk_create(
        DetectorWorkflow(detector=one, workflow=workflow) for one in made
    )
    keys = [one.pk for one in made]
    reader.get_many(workflow_ids_by_detector, keys)
    name_of(reader, workflow)
    writer.store.taken_calls()
    figures("workflows"), figures("workflow_ids_by_detector")

    workflow.name = "new"
    workflow.save()
    saved = writer.store.taken_calls()
    renamed = name_of(reader, workflow)
    workflow.delete()

    assert renamed == "new"
    assert 0 < len(saved) <= 2
    assert 0 < len(writer.store.calls) <= 25
    found = reader.get_many(workflow_ids_by_detector, keys)
    assert set(found.values()) == {()}


@pytest.mark.postgres
def test_first_act__of_a_process_is_a_save(
    cells: Cells, writers: Writers, reader: Process
) -> None:
    workflow = WorkflowFactory(name="old")
    name_of(reader, workflow)
    fresh = Process(cells.alias, reader.coherence.declared)

    def rename() -> None:
        workflow.name = "new"
        workflow.save()

    elsewhere(writers.as_(fresh, rename)).result(LIMIT_SECONDS)

    assert name_of(reader, workflow) == "new"
    assert not CacheOutbox.objects.exists()
    fresh.store.close()


def test_environment__renamed(reader: Process) -> None:
    environment = EnvironmentFactory(name="old")
    workflow = WorkflowFactory(environment=environment)
    before = reader.get(workflows, workflow.pk).environment

    environment.name = "new"
    environment.save()

    assert (before, reader.get(workflows, workflow.pk).environment) == ("old", "new")
