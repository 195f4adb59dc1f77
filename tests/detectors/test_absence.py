import pytest

from tests.detectors.driver import Driver, an_event, at
from workflow_engine import registry
from workflow_engine.detectors import is_paused, pause
from workflow_engine.types.detection import Sample, State
from workflow_engine.types.facts import Facts
from workflow_engine.types.priority import Priority


def problems(config):
    entry = registry.detectors.get("absence")
    assert entry is not None
    return entry.problems(config)


def absence(seconds=300, **more):
    return Driver("absence", {"for": seconds, **more})


def heard_at(*seconds, **attributes):
    return [
        an_event(seconds=second, id=f"{second}", **attributes) for second in seconds
    ]


def test_absence__opened_once_after_the_last_arrival():
    one = absence()
    one.run(heard_at(0, 240))

    one.run_until(at(10_000))
    said = one.run(heard_at(10_000))

    assert one.transitions == [
        (at(540), "opened", "medium"),
        (at(10_000), "resolved", "ok"),
    ]
    assert said == ["resolved"]


def test_absence__asked_again_and_again_while_it_is_open():
    # As after a restart of who asks: the same wake comes twice more.
    one = absence()
    one.run(heard_at(0))
    one.run_until(at(301))
    opened = one.state()

    answers = [one.entry.tick(opened, one.config, at(301 + n)) for n in range(2)]

    assert answers == [(opened, "unchanged")] * 2
    assert len(one.transitions) == 1


def test_absence__every_event_is_heard():
    assert absence().run(heard_at(0, 100, 250)) == ["heard"] * 3


def test_absence__one_wake_on_its_way_whatever_is_heard():
    one = absence()

    one.run(heard_at(0, 100, 250))

    assert one.wakes == [(at(300), ("", ""))]
    assert one.state().last_seen_at == at(250)


def test_absence__wake_that_finds_something_heard():
    one = absence()
    one.run(heard_at(0, 100, 250))

    one.run_until(at(301))

    assert [str(answer) for _, _, answer in one.said[3:]] == ["heard"]
    assert one.wakes == [(at(550), ("", ""))]


def test_absence__event_at_the_due_moment_is_in_time():
    one = absence()

    said = one.run(heard_at(0, 300))
    one.run_until(at(301))

    assert said == ["heard", "heard"]
    assert one.transitions == []
    assert one.wakes == [(at(600), ("", ""))]


def test_absence__event_of_the_due_moment_that_is_taken_up_too_late():
    one = absence()
    one.run(heard_at(0))
    one.run_until(at(301))

    said = one.run(heard_at(300))

    assert said == ["resolved"]
    assert one.wakes == [(at(600), ("", ""))]


def test_absence__event_taken_up_after_a_later_one():
    one = absence()
    event = an_event(seconds=100)
    state = State(last_seen_at=at(400))
    sample = Sample(event=event, facts=Facts(event), now=at(500))

    after, answer = one.entry.handler(sample, state, one.config)

    assert (str(answer), after.wake_at) == ("heard", at(700))


def test_absence__waits_anew_after_it_was_resolved():
    one = absence(priority="high")

    one.run(heard_at(0, 1000))
    one.run_until(at(5000))

    assert one.transitions == [
        (at(300), "opened", "high"),
        (at(1000), "resolved", "ok"),
        (at(1300), "opened", "high"),
    ]
    assert one.state().episode == 2


def test_absence__says_how_long():
    one = absence()
    one.run(heard_at(0, 1000))

    assert [answer.value for _, _, answer in one.said[1:]] == [300, 1000]


def test_absence__measured_by_arrival():
    one = absence()

    one.take(an_event(seconds=-5000, arrived=0))
    first = one.wakes
    one.take(an_event(seconds=9000, arrived=200))
    one.run_until(at(1000))

    assert first == [(at(300), ("", ""))]
    assert [moment for moment, *_ in one.transitions] == [at(500)]


def test_absence__late_event_is_a_sign_of_life():
    one = absence()
    one.take(an_event(seconds=100, arrived=100))

    said = one.run([an_event(seconds=50, arrived=200)])

    assert said == ["heard"]
    assert one.state().last_seen_at == at(200)
    assert one.state().watermark == at(100)


def test_absence__event_from_before_the_silence_does_not_end_it():
    one = absence()
    one.run(heard_at(0, 240))
    one.run_until(at(600))
    state = one.state()

    after, answer = one.judge(an_event(seconds=200), state)

    assert str(answer) == "unchanged"
    assert after.priority is Priority.MEDIUM
    assert after.last_seen_at == at(240)


def test_absence__each_subject_and_environment_by_itself():
    one = absence()
    one.run(heard_at(0, subject="a"))
    one.run(heard_at(10, subject="b", environment="staging"))

    one.run(heard_at(200, subject="a"))
    one.run_until(at(311))

    assert one.state("a").priority is Priority.OK
    assert one.state("b", "staging").priority is Priority.MEDIUM


def test_absence__wake_that_was_lost_is_asked_for_again():
    # As when the detector was off at that moment.
    one = absence()
    one.run(heard_at(0))
    one.wakes_lost()

    one.run(heard_at(300))
    before = one.wakes
    one.run(heard_at(301))

    assert before == []
    assert one.wakes == [(at(601), ("", ""))]


def test_absence__listed_subject_that_was_never_heard():
    one = absence()

    state, answer = one.entry.tick(State(), one.config, at(300))

    assert (answer.change, answer.value) == ("opened", None)
    assert state == State()


def test_absence__wake_that_came_while_it_was_off():
    one = absence()
    one.run(heard_at(0))
    off = pause(one.state())

    heard, _ = one.judge(an_event(seconds=900), off)
    waits, answer = one.entry.tick(off, one.config, at(1000))

    assert (waits.wake_at, str(answer)) == (at(1300), "unchanged")
    assert is_paused(off)
    assert not is_paused(waits)
    assert not is_paused(heard)


def test_absence__edited_to_a_longer_wait():
    one = absence()
    one.run(heard_at(0))

    one.edit({"for": 600})
    one.run_until(at(10_000))

    assert one.transitions == [(at(600), "opened", "medium")]


# What a recorded series does, in small: two pauses that are too long, one that is not, and
# an hour that comes twice.
def test_absence__series():
    one = absence(7200)
    hours = [0, 1, 2, 3, 2, 3, 4, 6, 8.1, 9, 15, 16]

    for hour in hours:
        one.take(an_event(seconds=hour * 3600))
    one.run_until(at(18 * 3600 + 1))

    assert [(moment, change) for moment, change, _ in one.transitions] == [
        (at(8 * 3600), "opened"),
        (at(8.1 * 3600), "resolved"),
        (at(11 * 3600), "opened"),
        (at(15 * 3600), "resolved"),
        (at(18 * 3600), "opened"),
    ]


@pytest.mark.parametrize(
    "config",
    [
        {"for": 1},
        {"for": 2_592_000},
        {"for": 60, "subjects": ["db-1", ""]},
        {"for": 60, "subjects": ["db-1"], "environment": "production"},
    ],
    ids=str,
)
def test_config__fine(config):
    assert problems(config) == []


@pytest.mark.parametrize(
    "change",
    [
        {"for": 0},
        {"for": 2_592_001},
        {"for": "300"},
        {"subjects": "db-1"},
        {"subjects": [1]},
        {"subjects": ["a", "a"]},
        {"subjects": ["x" * 201]},
        {"subjects": [str(n) for n in range(1001)]},
        {"environment": "x" * 65},
        {"environment": None},
    ],
    ids=range(10),
)
def test_config__each_key(change):
    assert len(problems({"for": 300, **change})) == 1
