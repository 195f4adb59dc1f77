"""Every way to change a rule on PostgreSQL, by SQL alone: what the outbox then says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, models, transaction

from tests.factories import (
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    WorkflowFactory,
)
from tests.models.outbox import (
    asked,
    clear,
    insert_detectors,
    recorded,
    run,
    session,
)
from workflow_engine.caches import declared
from workflow_engine.models import (
    CacheOutbox,
    ConditionGroup,
    Detector,
    Workflow,
)
from workflow_engine.models.cache_triggers import CHANNEL, WATCHED

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

MODELS = sorted(WATCHED, key=lambda model: model.__name__)


@pytest.fixture(autouse=True)
def _nothing_owed() -> None:
    clear()


def image(number: int, *, pk: int, **columns: Any) -> dict[str, Any]:
    given = {"event_type": f"order.n{number}", "source": "", "enabled": True}
    return {"id": pk, **given, **columns}


def in_order(images: list[dict[str, Any]] | None) -> list[list[Any]]:
    assert images is not None
    return sorted([list(map(str, sorted(one.items()))) for one in images])


@pytest.mark.parametrize("model", MODELS)
def test_columns__are_those_that_functions_read(model: type[models.Model]) -> None:
    read = {
        column
        for question in declared.spoiled_by(model)
        for column in question.depends_on[model].columns
    }

    assert read | {model._meta.pk.column} <= set(WATCHED[model])


def test_columns__every_watched_model_has_triggers() -> None:
    assert set(declared.models()) == set(WATCHED)


@pytest.mark.parametrize("model", MODELS)
def test_columns__are_columns(model: type[models.Model]) -> None:
    columns = {field.column for field in model._meta.concrete_fields}

    assert set(WATCHED[model]) <= columns
    foreign = {f.column for f in model._meta.concrete_fields if f.remote_field}
    assert foreign <= set(WATCHED[model])


@pytest.mark.parametrize("model", MODELS)
def test_truncate__is_everything_of_the_table(model: type[models.Model]) -> None:
    table = model._meta.db_table

    run(f"TRUNCATE {table} CASCADE")

    assert (table.removeprefix("workflow_engine_"), None) in recorded()


def test_insert__one_row() -> None:
    workflow = WorkflowFactory()
    clear()

    run(
        "INSERT INTO workflow_engine_conditiongroup"
        " (role, logic, workflow_id, position, created_at, updated_at)"
        " VALUES ('when', 'all', %s, 0, now(), now())",
        workflow.pk,
    )

    pk = ConditionGroup.objects.get().pk
    expected = {"id": pk, "detector_id": None, "workflow_id": workflow.pk}
    assert recorded() == [("conditiongroup", [expected])]


def test_insert__a_portion_has_a_thousand_rows() -> None:
    insert_detectors(1, 2500)

    found = recorded()
    assert [len(images or ()) for _, images in found] == [1000, 1000, 500]
    ids = {one["id"] for _, images in found for one in images or ()}
    assert ids == set(Detector.objects.values_list("pk", flat=True))


def test_insert__of_nothing() -> None:
    insert_detectors(1, 0)

    assert recorded() == []


def test_insert__on_conflict_do_nothing_and_do_update() -> None:
    insert_detectors(1, 1)
    pk = Detector.objects.get().pk
    clear()

    insert_detectors(1, 1, suffix="ON CONFLICT (slug) DO NOTHING")
    untouched = recorded()
    insert_detectors(
        1, 1, suffix="ON CONFLICT (slug) DO UPDATE SET event_type = 'order.moved'"
    )

    assert untouched == []
    ((source, images),) = recorded()
    assert source == "detector"
    assert in_order(images) == in_order(
        [image(1, pk=pk), image(1, pk=pk, event_type="order.moved")]
    )


def test_update__key_moved() -> None:
    pk = DetectorFactory(event_type="order.n1").pk
    clear()

    run("UPDATE workflow_engine_detector SET event_type = 'order.n2', enabled = false")

    ((_, images),) = recorded()
    assert in_order(images) == in_order(
        [image(1, pk=pk), image(2, pk=pk, enabled=False)]
    )


def test_update__primary_key_moved() -> None:
    pk = EnvironmentFactory().pk
    clear()

    run("UPDATE workflow_engine_environment SET id = id + 1000")

    ((_, images),) = recorded()
    assert in_order(images) == in_order([{"id": pk}, {"id": pk + 1000}])


def test_update__of_another_column_is_one_image() -> None:
    pk = EnvironmentFactory().pk
    clear()

    run("UPDATE workflow_engine_environment SET name = 'renamed'")

    assert recorded() == [("environment", [{"id": pk}])]


def test_update__identical_rows_are_skipped() -> None:
    insert_detectors(1, 3)
    changed = Detector.objects.get(slug="s-2").pk
    clear()

    run("UPDATE workflow_engine_detector SET name = name, config = config")
    untouched = recorded()
    run(
        "UPDATE workflow_engine_detector SET name = CASE slug WHEN 's-2' THEN 'm' ELSE name END"
    )

    assert untouched == []
    ((_, images),) = recorded()
    assert images == [image(2, pk=changed)]


def test_update__equal_is_not_identical() -> None:
    insert_detectors(1, 1)
    run("""UPDATE workflow_engine_detector SET config = '{"n": 1}'""")
    clear()

    run("""UPDATE workflow_engine_detector SET config = '{"n": 1.0}'""")

    assert len(recorded()) == 1


def test_update__a_portion_has_a_thousand_rows() -> None:
    insert_detectors(1, 1001)
    clear()

    run("UPDATE workflow_engine_detector SET source = 'shop'")

    assert sorted(len(images or ()) for _, images in recorded()) == [2, 2000]


def test_delete__and_the_cascade_of_the_database() -> None:
    link = DetectorWorkflowFactory()
    DetectorWorkflowFactory()
    run("SET CONSTRAINTS ALL IMMEDIATE")
    (name,) = _foreign_keys("workflow_engine_detectorworkflow", "workflow_id")
    run(
        f"ALTER TABLE workflow_engine_detectorworkflow DROP CONSTRAINT {name},"
        f" ADD CONSTRAINT {name} FOREIGN KEY (workflow_id)"
        " REFERENCES workflow_engine_workflow ON DELETE CASCADE"
    )
    clear()

    run("DELETE FROM workflow_engine_workflow WHERE id = %s", link.workflow_id)

    expected = {
        "id": link.pk,
        "detector_id": link.detector_id,
        "workflow_id": link.workflow_id,
    }
    assert [one for one in recorded() if one[0] == "detectorworkflow"] == [
        ("detectorworkflow", [expected])
    ]
    assert ("workflow", [{"id": link.workflow_id, "environment_id": None}]) in (
        recorded()
    )


def test_copy() -> None:
    connection.ensure_connection()
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(
            "COPY workflow_engine_environment (id, name, description, created_at, updated_at) FROM STDIN"
        ) as copy,
    ):
        for number in (901, 902):
            copy.write_row((number, f"env-{number}", "", "2026-05-02", "2026-05-02"))

    assert recorded() == [("environment", [{"id": 901}, {"id": 902}])]


def test_merge() -> None:
    insert_detectors(1, 2)
    first = Detector.objects.get(slug="s-1").pk
    second = Detector.objects.get(slug="s-2").pk
    clear()

    run(
        "MERGE INTO workflow_engine_detector AS d USING (VALUES ('s-1'), ('s-2'), ('s-3')) AS v (slug)"
        " ON d.slug = v.slug"
        " WHEN MATCHED AND v.slug = 's-1' THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET event_type = 'order.moved'"
        " WHEN NOT MATCHED THEN INSERT (slug, name, event_type, source,"
        " kind, config, enabled, created_at, updated_at) VALUES"
        " (v.slug, 'n', 'order.n3', '', 'event', '{}'::jsonb, true, now(), now())"
    )

    third = Detector.objects.get(slug="s-3").pk
    images = [one for _, found in recorded() for one in found or ()]
    assert in_order(images) == in_order(
        [
            image(1, pk=first),
            image(2, pk=second),
            image(2, pk=second, event_type="order.moved"),
            image(3, pk=third),
        ]
    )


@pytest.mark.parametrize("undone", ["transaction", "savepoint"])
@pytest.mark.django_db(transaction=True)
def test_rollback__leaves_nothing(undone: str) -> None:
    with transaction.atomic():
        with transaction.atomic():
            insert_detectors(1, 1)
            transaction.set_rollback(undone == "savepoint")
        transaction.set_rollback(undone == "transaction")

    assert recorded() == []


@pytest.fixture
def writer() -> Iterator[str]:
    """Yield a role that may write the rule tables and nothing else."""
    name = "wfe_test_writer"
    run(f"CREATE ROLE {name} NOLOGIN")
    for model in MODELS:
        run(
            f"GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON {model._meta.db_table} TO {name}"
        )
    try:
        yield name
    finally:
        run("RESET ROLE")
        run(f"DROP OWNED BY {name}")
        run(f"DROP ROLE {name}")


@pytest.mark.django_db(transaction=True)
def test_role__that_has_no_right_on_the_outbox(writer: str) -> None:
    EnvironmentFactory()
    clear()
    before = asked("SELECT generation FROM workflow_engine_cachegeneration")

    with session() as other:
        run(f"SET ROLE {writer}", on=other)
        run("UPDATE workflow_engine_environment SET name = 'theirs'", on=other)
        with pytest.raises(Exception, match="permission denied"):
            run("SELECT FROM workflow_engine_cacheoutbox", on=other)

    assert len(recorded()) == 1
    assert asked("SELECT generation FROM workflow_engine_cachegeneration") != before


#: Code of whoever owns the type would run with the rights of whoever owns the function.
THEIR_TABLE = """
    CREATE SCHEMA wfe_test_theirs AUTHORIZATION {role};
    SET ROLE {role};
    CREATE TYPE wfe_test_theirs.kind AS ENUM ('a');
    CREATE TABLE wfe_test_theirs.one (id wfe_test_theirs.kind)
"""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.django_db(transaction=True)
def test_role__puts_our_function_on_its_own_table(
    writer: str, model: type[models.Model]
) -> None:
    function = f"public.wfe_cache_{model._meta.model_name}()"
    try:
        with session() as other:
            run(THEIR_TABLE.format(role=writer), on=other)
            with pytest.raises(Exception, match="permission denied for function"):
                run(
                    "CREATE TRIGGER theirs AFTER INSERT ON wfe_test_theirs.one"
                    " REFERENCING NEW TABLE AS wfe_new"
                    f" FOR EACH STATEMENT EXECUTE FUNCTION {function}",
                    on=other,
                )
    finally:
        run("DROP SCHEMA wfe_test_theirs CASCADE")


@pytest.mark.django_db(transaction=True)
def test_role__puts_the_function_of_the_outbox_on_its_own_table(writer: str) -> None:
    try:
        with session() as other:
            run(THEIR_TABLE.format(role=writer), on=other)
            with pytest.raises(Exception, match="permission denied for function"):
                run(
                    "CREATE TRIGGER theirs AFTER INSERT ON wfe_test_theirs.one"
                    " FOR EACH ROW EXECUTE FUNCTION public.wfe_cache_bump()",
                    on=other,
                )
    finally:
        run("DROP SCHEMA wfe_test_theirs CASCADE")


@pytest.mark.parametrize(
    "path", ["''", "wfe_test_other", "pg_temp", "wfe_test_other, pg_catalog, public"]
)
@pytest.mark.django_db(transaction=True)
def test_search_path__of_the_writer_does_not_matter(path: str) -> None:
    EnvironmentFactory()
    clear()
    run("CREATE SCHEMA wfe_test_other")
    run("CREATE TABLE wfe_test_other.workflow_engine_cacheoutbox (id int)")
    run("CREATE TABLE wfe_test_other.workflow_engine_cachegeneration (id int)")
    run(
        "CREATE FUNCTION wfe_test_other.pg_notify(text, text) RETURNS void"
        " LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'slipped in'; END$$"
    )
    try:
        with session() as other:
            run(f"SET search_path = {path}", on=other)
            run("UPDATE public.workflow_engine_environment SET name = 'x'", on=other)

        assert len(recorded()) == 1
    finally:
        run("DROP SCHEMA wfe_test_other CASCADE")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda on: run("UPDATE workflow_engine_environment SET name = 'x'", on=on), 1),
        (
            lambda on: run("UPDATE workflow_engine_environment SET name = name", on=on),
            0,
        ),
    ],
    ids=["changed", "identical"],
)
@pytest.mark.django_db(transaction=True)
def test_notify__at_the_commit_without_a_word(
    write: Callable[[Any], None], words: int
) -> None:
    EnvironmentFactory()
    with session() as listener, session() as other:
        run(f"LISTEN {CHANNEL}", on=listener)

        write(other)

        heard = list(listener.connection.notifies(timeout=0.5, stop_after=1))
    assert [(one.channel, one.payload) for one in heard] == [(CHANNEL, "")] * words


@pytest.mark.django_db(transaction=True)
def test_ids__commit_out_of_order() -> None:
    insert = (
        "INSERT INTO workflow_engine_environment"
        " (name, description, created_at, updated_at) VALUES (%s, '', now(), now())"
    )
    with session() as other:
        other.set_autocommit(False)
        run(insert, "early", on=other)
        run(insert, "late")
        with transaction.atomic():
            first = CacheOutbox.objects.take(10, waits=True)
        other.commit()
        other.set_autocommit(True)

    with transaction.atomic():
        second = CacheOutbox.objects.take(10, waits=True)
    assert [len(first), len(second)] == [1, 1]


def test_owner__of_a_group_moved() -> None:
    group = ConditionGroupFactory(role="when")
    new = WorkflowFactory()
    clear()

    run("UPDATE workflow_engine_conditiongroup SET workflow_id = %s", new.pk)

    ((_, images),) = recorded()
    assert {one["workflow_id"] for one in images or ()} == {group.workflow_id, new.pk}
    assert Workflow.objects.count() == 2


def _foreign_keys(table: str, column: str) -> list[str]:
    found = connection.introspection.get_constraints(connection.cursor(), table)
    return [
        f'"{name}"'
        for name, one in found.items()
        if one["foreign_key"] and one["columns"] == [column]
    ]
