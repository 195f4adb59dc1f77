from datetime import timedelta

import pytest

from tests.detectors.driver import Driver, an_event, at
from workflow_engine import registry
from workflow_engine.types.priority import Priority


def problems(config):
    entry = registry.detectors.get("rate")
    assert entry is not None
    return entry.problems(config)


def events(*seconds):
    return [an_event(seconds=second, id=f"{n}") for n, second in enumerate(seconds)]


def rate(period=60, count=3, **more):
    return Driver("rate", {"period": period, "count": count, **more})


def test_rate__opened_at_the_count():
    said = rate(priority="high").run(events(0, 10, 20, 30))

    assert said == ["below_rate", "below_rate", "opened high", "unchanged"]


def test_rate__says_how_many():
    one = rate()
    one.run(events(0, 10, 20))
    one.run_until(at(100))

    assert [answer.value for _, _, answer in one.said[2:]] == [3, 2]


def test_rate__event_at_the_end_of_the_period_is_not_in_it():
    assert rate(count=2).run(events(0, 60)) == ["below_rate", "below_rate"]
    assert rate(count=2).run(events(0, 59)) == ["below_rate", "opened medium"]


def test_rate__resolved_when_the_count_falls():
    one = rate()
    one.run(events(0, 10, 20))
    one.run_until(at(1000))

    assert one.transitions == [
        (at(20), "opened", "medium"),
        (at(60), "resolved", "ok"),
    ]
    assert one.wakes == []


def test_rate__resolved_when_the_count_falls_as_far_as_asked():
    one = rate(resolve=1)
    one.run(events(0, 10, 20))
    one.run_until(at(1000))

    assert one.transitions[-1] == (at(70), "resolved", "ok")


def test_rate__resolved_at_nothing_left():
    one = rate(resolve=0)
    one.run(events(0, 10, 20))
    one.run_until(at(1000))

    assert one.transitions[-1] == (at(80), "resolved", "ok")


def test_rate__more_came_and_so_it_is_asked_again_later():
    one = rate()
    one.run(events(0, 10, 20, 45))
    one.run_until(at(61))

    assert one.state().priority is Priority.MEDIUM
    assert [moment for moment, _ in one.wakes] == [at(70)]
    one.run_until(at(71))
    assert one.transitions[-1] == (at(70), "resolved", "ok")


def test_rate__opened_again_from_what_is_still_in_the_period():
    one = rate()

    said = one.run(events(0, 50, 55, 61))
    one.run_until(at(1000))

    assert said == ["below_rate", "below_rate", "opened medium", "opened medium"]
    assert [(moment, change) for moment, change, _ in one.transitions] == [
        (at(55), "opened"),
        (at(60), "resolved"),
        (at(61), "opened"),
        (at(110), "resolved"),
    ]
    assert one.state().episode == 2


def test_rate__opened_again_at_the_very_moment_it_was_resolved():
    one = rate()
    one.run(events(0, 10, 20))
    one.run_until(at(61))

    said = one.run(events(60))

    assert said == ["opened medium"]
    assert [moment for moment, _ in one.wakes] == [at(70)]


def test_rate__late_event_counts_in_its_own_bucket():
    one = rate()
    one.run(events(0, 50))

    said = one.run([an_event(seconds=20, arrived=51)])

    assert said == ["opened medium"]
    assert one.state().watermark == at(50)


def test_rate__event_older_than_the_period_does_not_count():
    one = rate()
    one.run(events(100, 150))
    before = one.state().memory

    said = one.run([an_event(seconds=90, arrived=151)])

    assert said == ["below_rate"]
    assert one.state().memory == before


def test_rate__each_subject_by_itself():
    one = rate(count=2)

    said = one.run([an_event(subject="a"), an_event(subject="b", seconds=1)])

    assert said == ["below_rate", "below_rate"]


def test_rate__wake_that_was_lost_is_asked_for_again():
    one = rate()
    one.run(events(0, 10, 20))
    one.wakes_lost()

    one.run(events(30, 60, 61))

    assert [moment for moment, _ in one.wakes] == [at(90)]


def test_rate__all_of_it_was_long_ago():
    one = rate()
    for seconds in (0, 10, 20):
        one.take(an_event(seconds=seconds, arrived=900 + seconds))

    one.run_until(at(930))

    assert [(moment, change) for moment, change, _ in one.transitions] == [
        (at(920), "opened"),
        (at(920), "resolved"),
    ]


def test_rate__one_wake_for_one_episode():
    one = rate()

    one.run(events(0, 10, 20, 30, 40))

    assert [moment for moment, _ in one.wakes] == [at(60)]


def test_rate__asked_for_nothing():
    one = rate()
    one.run(events(0))
    entry, state = one.entry, one.state()

    assert entry.tick(state, one.config, at(500)) == (state, "unchanged")


def test_rate__edited_to_a_count_it_is_already_below():
    one = rate()
    one.run(events(0, 10, 20))

    one.edit({"period": 60, "count": 10})
    one.run(events(30))
    one.run_until(at(61))

    assert one.transitions[-1] == (at(60), "resolved", "ok")


def test_rate__edited_to_a_count_it_is_already_below_and_the_wake_was_lost():
    one = rate()
    one.run(events(0, 10, 20))
    one.wakes_lost()

    one.edit({"period": 600, "count": 10})
    one.run(events(61))

    assert one.wakes == [(at(61), ("", ""))]


def test_rate__edited_to_another_period():
    one = rate(count=6)
    one.run(events(0, 1, 2, 30))

    one.edit({"period": 600, "count": 6})

    assert one.run(events(500, 590)) == ["below_rate", "opened medium"]


def test_rate__memory_of_the_busiest_state_is_small():
    one = rate(period=119, count=10**9)
    for seconds in range(0, 238, 2):
        one.run(events(*[seconds] * 20))

    memory = one.state().memory

    assert len(memory["counts"]) <= 119
    assert len(str(memory)) < 1024


# What a recorded series does, in small: low values by fits and starts, counted by a trigger
# group elsewhere, opened and resolved as they come and go.
def test_rate__series():
    one = rate(period=1800, count=4, resolve=1)
    minutes = [0, 5, 10, 14, 16, 50, 55, 58, 59, 120, 121]

    one.run(events(*[minute * 60 for minute in minutes]))
    one.run_until(at(10_000))

    assert [(moment, change) for moment, change, _ in one.transitions] == [
        (at(14 * 60), "opened"),
        (at((14 + 30) * 60), "resolved"),
        (at(59 * 60), "opened"),
        (at((58 + 30) * 60), "resolved"),
    ]


def test_config__fine():
    assert problems({"period": 60, "count": 1}) == []
    assert problems({"period": 604_800, "count": 5, "resolve": 4}) == []


@pytest.mark.parametrize("resolve", [5, 6])
def test_config__resolve_that_is_no_way_out(resolve):
    config = {"period": 60, "count": 5, "resolve": resolve}

    assert problems(config) == ["resolve: must be less than count"]


@pytest.mark.parametrize(
    "change",
    [
        {"period": 0},
        {"period": 604_801},
        {"period": 1.5},
        {"count": 0},
        {"count": "3"},
        {"resolve": -1},
    ],
    ids=str,
)
def test_config__each_key(change):
    assert len(problems({"period": 60, "count": 3, **change})) == 1


def test_config__what_is_required():
    assert len(problems({})) == 2


def test_state__a_wake_is_kept_apart_from_what_is_stored():
    one = rate()
    one.run(events(0, 10, 20))

    assert one.state().wake_at is None
    assert one.wakes == [(at(0) + timedelta(seconds=60), ("", ""))]
