"""A detector that is off when its item comes due: the wait is put off, and not forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models

from tests.factories import DetectorFactory
from tests.handlers import Outbox
from tests.processing.world import START, World
from workflow_engine.models import Detector, DetectorState, WorkItem

FIVE_MINUTES = 300


def switch(enabled: bool) -> None:
    Detector.objects.update(enabled=enabled)


def test_pause__host_that_died_meanwhile_is_reported(
    world: World, outbox: Outbox
) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one()
    switch(enabled=False)
    world.run_until(1000)
    assert outbox.sent == []

    switch(enabled=True)
    world.run_until(1000 + 2 * FIVE_MINUTES)

    assert outbox.actions == ["email"]
    assert DetectorState.objects.get().priority == 50


def test_pause__host_that_lives_is_not_reported(world: World, outbox: Outbox) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    for second in range(0, 1060, 60):
        world.run_until(second)
        world.one()
        switch(enabled=not 60 <= second < 1000)

    for second in range(1260, 3000, 200):  # the next item runs before the first event
        world.run_until(second)
        world.one()

    assert outbox.sent == []


def test_pause__host_heard_after_it_is_due_from_then(
    world: World, outbox: Outbox
) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one()
    switch(enabled=False)
    world.run_until(1000)
    switch(enabled=True)
    world.at(1010).one()

    world.run_until(1310)
    before = list(outbox.sent)
    world.run_until(1311)

    assert before == outbox.sent
    assert outbox.actions == ["email"]
    assert DetectorState.objects.get().changed_at == world.at(1310).clock.now()


def test_pause__listed_subject_is_still_awaited(world: World, outbox: Outbox) -> None:
    DetectorFactory(
        kind="absence", config={"for": FIVE_MINUTES, "subjects": ["host-1"]}
    )
    waits = WorkItem.objects.get()
    assert waits.due_at is not None
    world.clock.move_to(waits.due_at)
    switch(enabled=False)
    world.run()

    switch(enabled=True)
    world.clock.move_to(WorkItem.objects.get().due_at)
    world.run()
    world.clock.move_to(WorkItem.objects.get().due_at)
    world.run()

    assert DetectorState.objects.get().priority == 50


@pytest.mark.parametrize(
    ("seconds", "pause"), [(5, 60), (FIVE_MINUTES, 300), (86_400, 3600)]
)
def test_pause__one_wait_at_least_a_minute_at_most_an_hour(
    world: World, seconds: int, pause: int
) -> None:
    world.absence("heartbeat", seconds)
    world.one()
    switch(enabled=False)

    world.at(seconds).run()

    (item,) = world.items()
    assert (item.due_at - START).total_seconds() == seconds + pause
    assert item.attempts == 0


def test_pause__lasts_for_any_number_of_attempts(world: World) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.one()
    switch(enabled=False)

    world.run_until(100 * FIVE_MINUTES)

    assert [item.state for item in world.items()] == ["scheduled"]
    assert DetectorState.objects.get().version == 2  # once, however long it is off


def test_pause__configuration_that_cannot_be_read(world: World, outbox: Outbox) -> None:
    row = world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one()
    models.QuerySet(Detector).update(config={"for": "long"})  # as SQL by hand does
    world.run_until(1000)

    row.save()
    world.run_until(1000 + 2 * FIVE_MINUTES)

    assert outbox.actions == ["email"]


def test_pause__rate_resolves_when_it_is_on_again(world: World) -> None:
    world.detector("storm", kind="rate", period=60, count=1)
    world.one()
    switch(enabled=False)
    world.run_until(200)

    switch(enabled=True)
    world.run_until(300)

    state = DetectorState.objects.get()
    assert (state.priority, "paused" in state.memory) == (0, False)
    assert world.items("detect") == []


def test_pause__state_that_somebody_else_moved_meanwhile(world: World) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.one()
    switch(enabled=False)
    world.at(FIVE_MINUTES)
    moved: list[int] = []

    def move_first(execute: Any, sql: str, *rest: Any) -> Any:
        if not moved and "INSERT" in sql and "detectorstate" in sql:
            moved.append(DetectorState.objects.update(version=7, episode=5))
        return execute(sql, *rest)

    with connection.execute_wrapper(move_first):
        world.run()

    state = DetectorState.objects.get()
    assert (state.version, state.episode, moved) == (8, 5, [1])
    assert state.memory["paused"]
    assert len(world.items("detect")) == 1
