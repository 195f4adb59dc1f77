"""Promises of a write that Python sees: of the hook, of receivers and of resolvers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models.signals import pre_save

from tests.caches.gates import Gate
from tests.factories import DetectorFactory, EnvironmentFactory, WorkflowFactory
from tests.mutants.world import PromiseBroken, World, same, unheard_by_the_database
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from workflow_engine.models import Detector, Workflow

A, B, C, D = "/a", "/b", "/c", "/d"


def reader_before_the_commit(world: World) -> None:
    """R fills after W's save, and before its COMMIT."""
    detector, reader = DetectorFactory(source=A), world.side()
    with world.heard(), transaction.atomic():
        detector.source = B
        detector.save()
        _elsewhere(lambda: reader.get_many(world.by_source, [A, B]))

    world.fresh(reader, world.by_source, A, B)


def reader_before_the_statement(world: World) -> None:
    """In autocommit R fills between W's `pre_save` and its UPDATE."""
    detector, reader = DetectorFactory(source=A), world.side()

    def read() -> None:
        _elsewhere(lambda: reader.get_many(world.by_source, [A, B]))

    detector.source = B
    with unheard_by_the_database(), world.heard(), _before_the_update(read):
        detector.save()

    world.fresh(reader, world.by_source, A, B)


def rollback_leaves_cells(world: World) -> None:
    """W saves and rolls back: the cells are the very same."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    cells = [world.cell(world.by_source, source) for source in (A, B)]
    with world.heard(), transaction.atomic():
        detector.source = B
        detector.save()
        transaction.set_rollback(True)

    same([world.cell(world.by_source, one) for one in (A, B)], cells, "cells")


def callback_registered_before_the_save(world: World) -> None:
    """A callback of the application, there first, finds entries forgotten."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    found: list[Any] = []
    with world.heard(), transaction.atomic():
        transaction.on_commit(
            lambda: found.append(
                _elsewhere(lambda: reader.get_many(world.by_source, [A, B]))
            )
        )
        detector.source = B
        detector.save()

    same(found, [{A: (), B: (detector.pk,)}], "what the callback found")


def callback_raises(world: World) -> None:
    """A callback of the application, there first, raises: entries are forgotten all the same."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    detector.source = B

    def fail() -> None:
        raise ZeroDivisionError

    try:
        with world.heard(), transaction.atomic():
            transaction.on_commit(fail)
            detector.save()
    except ZeroDivisionError:
        world.fresh(reader, world.by_source, A, B)
    else:
        raise PromiseBroken("the error did not reach the caller")


def savepoint_is_rolled_back(world: World) -> None:
    """W saves in a savepoint; another is rolled back that has its number again."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    detector.source = B
    with world.heard(), transaction.atomic():
        transaction.clean_savepoints()
        with transaction.atomic():
            detector.save()
        transaction.clean_savepoints()
        with transaction.atomic():
            transaction.set_rollback(True)

    world.fresh(reader, world.by_source, A, B)


def forget_raises(world: World) -> None:
    """Something nobody thought of is raised while W's save forgets: the save has succeeded."""
    detector = DetectorFactory(source=A)

    def fail() -> None:
        raise ZeroDivisionError

    world.writer.store.before["unlink"] = fail
    detector.source = B
    try:
        with world.heard():
            detector.save()
    except ZeroDivisionError as error:
        raise PromiseBroken("a save raised what its forget did") from error


def instance_is_old(world: World) -> None:
    """The row was moved since W read it; the database triggers are off."""
    detector, reader = DetectorFactory(source=A), world.side()
    with unheard_by_the_database():
        Detector.objects.filter(pk=detector.pk).update(source=B)
    reader.get_many(world.by_source, [A, B, C])
    detector.source = C
    with unheard_by_the_database(), world.heard():
        detector.save()

    world.fresh(reader, world.by_source, A, B, C)


def rows_are_updated(world: World) -> None:
    """A QuerySet moves a row; the database triggers are off."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    with unheard_by_the_database(), world.heard():
        Detector.objects.filter(pk=detector.pk).update(source=B)

    world.fresh(reader, world.by_source, A, B)


def row_is_deleted(world: World) -> None:
    """An instance is deleted; the database triggers are off."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get(world.by_source, A)
    with unheard_by_the_database(), world.heard():
        detector.delete()

    world.fresh(reader, world.by_source, A)


def row_is_moved_behind_the_old_row(world: World) -> None:
    """W has read the old row; another moves it, and R fills; W moves it on."""
    detector, reader = DetectorFactory(source=A), world.side()

    def move() -> None:
        world.write_as(other)
        Detector.objects.filter(pk=detector.pk).update(source=B)
        reader.get_many(world.by_source, [A, B, C])

    other = world.side()
    detector.source = C
    with world.heard(), _before_the_update(lambda: _elsewhere(move)):
        detector.save()

    world.fresh(reader, world.by_source, A, B, C)


def way_to_an_entry_comes_before_the_commit(world: World) -> None:
    """T1 renames an environment, T2 gives it to a workflow, R fills, T1 commits."""
    environment, workflow = EnvironmentFactory(name="old"), WorkflowFactory()
    reader, other = world.side(), world.side()

    def give() -> None:
        world.write_as(other)
        found = Workflow.objects.filter(pk=workflow.pk)
        with (
            unheard_by_the_database()
        ):  # nor does it wait for T1, as a foreign key would
            found.update(environment_id=environment.pk)
        reader.get(world.named, workflow.pk)

    with unheard_by_the_database(), world.heard(), transaction.atomic():
        environment.name = "new"
        environment.save()
        _elsewhere(give)

    world.fresh(reader, world.named, workflow.pk)


def way_to_an_entry_goes_before_the_commit(world: World) -> None:
    """T1 renames an environment, T2 takes it from a workflow; T2 has not forgotten yet."""
    environment = EnvironmentFactory(name="old")
    workflow = WorkflowFactory(environment=environment)
    reader, other = world.side(), world.side()
    reader.get(world.named, workflow.pk)
    gate = other.store.before["unlink"] = Gate("T2 forgets")

    def take() -> None:
        world.write_as(other)
        with unheard_by_the_database():
            row = Workflow.objects.get(pk=workflow.pk)
            row.environment = None
            row.save()

    with unheard_by_the_database(), world.heard():
        with transaction.atomic():
            environment.name = "new"
            environment.save()
            taking = elsewhere(take)
            gate.wait_until_reached()
        try:
            world.fresh(reader, world.named, workflow.pk)
        finally:
            gate.open()
            taking.result(LIMIT_SECONDS)


def _elsewhere(call: Callable[[], Any]) -> Any:
    return elsewhere(call).result(LIMIT_SECONDS)


@contextmanager
def _before_the_update(call: Callable[[], object]) -> Iterator[None]:
    """Make a call in the next save, after our receivers and before its statement."""
    left = [call]

    def receive(**_: Any) -> None:
        if left:
            left.pop()()

    pre_save.connect(receive, sender=Detector, weak=False)
    try:
        yield
    finally:
        pre_save.disconnect(receive, sender=Detector)
