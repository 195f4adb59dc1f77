import pytest

from tests.detectors.driver import Driver, an_event
from workflow_engine.types.detection import Change
from workflow_engine.types.priority import Priority
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot


def results(logic="any", **priorities):
    """Return a group of `data.value eq <word>`, each with a result; None = without one."""
    return GroupSnapshot(
        id=1,
        logic=logic,
        conditions=tuple(
            ConditionSnapshot(
                id=place,
                type="eq",
                config={"path": "data.value", "value": word.partition("_")[0]},
                position=place,
                result=result,
            )
            for place, (word, result) in enumerate(priorities.items())
        ),
    )


def test_event__every_event_at_the_priority():
    driver = Driver("event", {"priority": "high"})

    assert driver.values(1, 1) == ["repeated high", "repeated high"]
    assert driver.states == {}


def test_event__medium_unless_told():
    assert Driver("event").values(1) == ["repeated medium"]


def test_event__filtered_by_its_trigger():
    driver = Driver("event", trigger=results(firing=None))

    assert driver.values("firing", "calm") == ["repeated medium", "trigger"]


def test_event__highest_result_of_the_true_conditions():
    trigger = results(firing_1=0, firing_2=50, firing_3=25, other=75)

    assert Driver("event", trigger=trigger).values("firing") == ["repeated medium"]


def test_event__a_result_before_the_priority_even_a_lower_one():
    driver = Driver("event", {"priority": "high"}, trigger=results(firing=25))

    assert driver.values("firing") == ["repeated low"]


def test_event__first_result_of_any_short():
    trigger = results("any_short", firing_1=25, firing_2=75)

    assert Driver("event", trigger=trigger).values("firing") == ["repeated low"]


def test_event__first_condition_of_any_short_without_a_result():
    trigger = results("any_short", firing_1=None, firing_2=75)

    assert Driver("event", trigger=trigger).values("firing") == ["repeated medium"]


def test_event__a_result_of_ok_triggers_nothing():
    assert Driver("event", trigger=results(calm=0)).values("calm") == ["unchanged"]


def test_track__opened_repeated_resolved_and_then_nothing():
    driver = Driver("event", {"track": True}, trigger=results(firing=75, resolved=0))

    said = driver.values("firing", "firing", "resolved", "resolved")

    assert said == ["opened high", "repeated high", "resolved", "unchanged"]


def test_track__raised_and_lowered():
    trigger = results(low=25, medium=50, high=75)
    driver = Driver("event", {"track": True}, trigger=trigger)

    said = driver.values("medium", "high", "low", "low")

    assert said == ["opened medium", "raised high", "lowered low", "repeated low"]
    assert driver.state().previous_priority is Priority.HIGH


def test_track__a_higher_result_beside_the_one_of_ok():
    trigger = results(both_1=0, both_2=25)
    driver = Driver("event", {"track": True}, trigger=trigger)

    assert driver.values("both", "both") == ["opened low", "repeated low"]


def test_track__a_new_episode_each_time():
    driver = Driver("event", {"track": True}, trigger=results(firing=75, resolved=0))

    driver.values("firing", "resolved", "firing")

    assert driver.state().episode == 2


def test_track__each_subject_by_itself():
    driver = Driver("event", {"track": True})

    said = driver.run([an_event(subject="a"), an_event(subject="b", seconds=1)])

    assert said == ["opened medium", "opened medium"]


def test_track__late_event():
    driver = Driver("event", {"track": True}, trigger=results(firing=75, resolved=0))

    driver.take(an_event("firing", seconds=10))

    assert driver.run([an_event("resolved", seconds=9, arrived=11)]) == ["late_event"]
    assert driver.state().priority is Priority.HIGH


@pytest.mark.parametrize("track", [True, False])
def test_event__a_condition_that_watches_for_change(track):
    trigger = GroupSnapshot(
        id=1,
        logic="any",
        conditions=(
            ConditionSnapshot(
                id=1, type="changed", config={"path": "data.owner"}, position=0
            ),
        ),
    )
    driver = Driver("event", {"track": track}, trigger=trigger)

    def owned(*owners, subject):
        data = [{} if owner is ... else {"owner": owner} for owner in owners]
        return [
            driver.take(an_event(data=one, subject=subject, seconds=n))
            for n, one in enumerate(data)
        ]

    first = owned("x", "x", "y", ..., None, subject="cart-7")
    second = owned("z", subject="cart-8")

    is_triggered = [answer != "trigger" for answer in first + second]
    assert is_triggered == [False, False, True, True, True, False]
    assert first[-1].change is Change.REPEATED
