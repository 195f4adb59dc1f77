"""Which detectors are asked about an event: exact types, prefixes, everything; sources."""

from __future__ import annotations

from tests.processing.world import World, reasons
from workflow_engine.types.outcome import Outcome

SHOP = "/shop"


def _asked(outcome: Outcome) -> list[str]:
    return [said.detector for said in outcome.detections]


def test_routes__each_detector_once(world: World) -> None:
    routes = [
        ("1", "order.paid", ""),
        ("2", "order.*", ""),
        ("3", "order.*", SHOP),
        ("4", "order.paid.*", ""),
        ("5", "*", ""),
        ("6", "order.paid", "/other"),
    ]
    for slug, event_type, source in routes:
        world.detector(slug, event_type=event_type, source=source)

    paid = world.one(type="order.paid", source=SHOP)
    bare = world.one(type="order", source=SHOP)

    assert _asked(paid) == ["1", "2", "3", "5"]
    assert _asked(bare) == ["5"]


def test_routes__new_detector_is_met_by_the_next_event(world: World) -> None:
    event_type = "a.b.c.d.e.f.g.h.i.j"
    assert reasons([world.one(type=event_type)]) == ["no_detector"]

    world.detector("eight", event_type="a.b.c.d.e.f.g.h.*")

    assert _asked(world.one(type=event_type)) == ["eight"]


def test_routes__disabled_detector_is_not_asked(world: World) -> None:
    world.detector("off", enabled=False)

    assert reasons([world.one()]) == ["no_detector"]


def test_routes__many_types_in_one_batch(world: World) -> None:
    world.detector("paid", event_type="order.paid")
    world.detector("orders", event_type="order.*")
    world.detector("users", event_type="user.created", source=SHOP)

    outcomes = world.process(
        world.event(type="order.paid"),
        world.event(type="order.failed"),
        world.event(type="user.created", source=SHOP),
        world.event(type="user.created", source="/other"),
    )

    assert [_asked(outcome) for outcome in outcomes] == [
        ["paid", "orders"],
        ["orders"],
        ["users"],
        [],
    ]
