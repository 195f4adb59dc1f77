import pytest

from tests.detectors.driver import Driver, an_event, threshold_config
from workflow_engine.types.priority import Priority


def driver(*args, **more):
    return Driver("threshold", threshold_config(*args, **more))


def test_threshold__opened_raised_lowered():
    two = driver(levels={"low": 5, "high": 10}, breaches=2)

    assert two.values(11, 6) == ["counting", "opened low"]
    assert two.values(11, 11, start=2) == ["counting", "raised high"]
    assert two.values(6, 6, start=4) == ["counting", "lowered low"]


def test_threshold__gap_breaks_a_streak():
    one = driver(resolve=5, breaches=2)

    assert one.values(11, 7, 11, 11) == ["counting", "gap", "counting", "opened high"]


def test_threshold__gap_breaks_the_good_ones_too():
    one = driver(resolve=5, breaches=2, clears=2)
    one.values(11, 11)

    said = one.values(7, 5, 6, 5, 5, start=2)

    assert said == ["gap", "counting", "gap", "counting", "resolved"]


def test_threshold__breach_breaks_the_good_ones():
    one = driver(levels={"low": 10, "high": 20}, clears=2, breaches=2)
    one.values(11, 11)

    said = one.values(5, 11, 5, 21, 5, 5, start=2)

    assert said == [
        "counting",
        "unchanged",
        "counting",
        "counting",
        "counting",
        "resolved",
    ]


def test_threshold__good_one_breaks_the_breaches():
    one = driver(breaches=2)

    assert one.values(11, 5, 11) == ["counting", "unchanged", "counting"]


def test_threshold__good_one_breaks_the_way_up():
    one = driver(levels={"low": 5, "high": 10}, breaches=2, clears=2)
    one.values(6, 6)

    assert one.values(11, 5, 11, start=2) == ["counting", "counting", "counting"]


def test_threshold__sample_above_breaks_the_way_down():
    one = driver(levels={"low": 5, "medium": 10, "high": 15}, breaches=2)
    one.values(11, 11)

    assert one.values(6, 16, 16, start=2) == ["counting", "counting", "raised high"]


def test_threshold__present_level_breaks_the_way_up():
    one = driver(levels={"low": 5, "high": 10}, breaches=2)
    one.values(6, 6)

    assert one.values(11, 6, 11, start=2) == ["counting", "unchanged", "counting"]


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ("gt", "unchanged"),
        ("gte", "opened high"),
        ("lt", "unchanged"),
        ("lte", "opened high"),
    ],
)
def test_threshold__at_the_bound(op, said):
    assert driver(op).values(10) == [said]


@pytest.mark.parametrize(
    ("op", "bad", "said"),
    [
        ("gt", 21, "resolved"),
        ("gte", 21, "gap"),
        ("lt", -1, "resolved"),
        ("lte", -1, "gap"),
    ],
)
def test_threshold__at_the_bound_of_good_ones(op, bad, said):
    level = 20 if op in {"gt", "gte"} else 0
    one = driver(op, levels={"high": level}, resolve=10)

    assert one.values(bad, 10) == ["opened high", said]


@pytest.mark.parametrize("value", ["11", None, True, [11], {"n": 11}])
def test_threshold__no_value_leaves_everything_as_it_was(value):
    one = driver(breaches=2)
    one.values(11)
    before = one.state()

    said = one.run([an_event(value, seconds=5), an_event(data={}, seconds=6)])

    assert said == ["no_value", "no_value"]
    assert one.state() == before
    assert one.values(11, start=1) == ["opened high"]


def test_threshold__late_and_equal_time():
    one = driver(breaches=2)
    one.take(an_event(11, seconds=10))

    late = an_event(11, seconds=9, arrived=11, id="late")
    equal = an_event(11, seconds=10, arrived=11, id="equal")

    assert one.run([late, equal]) == ["late_event", "opened high"]


def test_threshold__one_subject_in_two_environments():
    one = driver()
    one.run([an_event(11, environment="production", subject="db")])

    said = one.run([an_event(5, environment="staging", subject="db", seconds=1)])

    assert said == ["unchanged"]
    assert one.state("db", "production").priority is Priority.HIGH


def test_threshold__two_workers_at_once():
    # Both read the same state; the second finds it moved and judges again from the new one.
    one = driver(breaches=2)
    first, second = an_event(11, id="1"), an_event(11, id="2")
    one.take(an_event(1))
    read_by_both = one.state()
    stale, _ = one.judge(second, read_by_both)

    said = one.run([first])
    assert stale.version < one.state().version
    said += one.run([second])

    assert said == ["counting", "opened high"]
    assert one.state().version == read_by_both.version + 2


def test_threshold__edited_to_a_higher_bound():
    one = driver()
    one.values(11)

    one.edit(threshold_config(levels={"high": 100}))
    still = one.state().priority
    said = one.values(50, start=1)

    assert still is Priority.HIGH
    assert said == ["resolved"]


def test_threshold__edited_while_counting():
    one = driver(breaches=2)
    one.values(11)

    one.edit(threshold_config(breaches=2, clears=1))

    assert one.values(11, 11, start=1) == ["counting", "opened high"]


def test_threshold__edited_so_that_the_present_level_is_gone():
    one = driver(levels={"low": 5, "medium": 10})
    one.values(11)

    one.edit(threshold_config(levels={"low": 5, "high": 20}))

    assert one.values(11, 21, start=1) == ["lowered low", "raised high"]


def test_threshold__repeat():
    one = driver(levels={"low": 5, "high": 10}, repeat=True)

    said = one.values(6, 6, 11, 11, 5, 5)

    assert said == [
        "opened low",
        "repeated low",
        "raised high",
        "repeated high",
        "resolved",
        "unchanged",
    ]


def test_threshold__says_what_was_measured():
    one = driver(repeat=True)

    said = [one.take(an_event(v, seconds=n)) for n, v in enumerate([11.5, 12, 3])]

    assert [answer.value for answer in said] == [11.5, 12, 3]


def test_threshold__numbers_beyond_a_float():
    one = driver(levels={"high": 2**60})

    assert one.values(2**60, 2**60 + 1) == ["unchanged", "opened high"]
    assert one.values(10**400, -(10**400), start=2) == ["unchanged", "resolved"]


# What a recorded series does, in small: raised at the third sample in a row, an hour that
# comes twice, and samples that do not decide anything.
def test_threshold__series_with_a_repeated_hour():
    hours = [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    values = [80, 40, 44, 41, 19, 18, 12, 15, 70, 30, 80, 90, 81, 80]
    one = driver(
        "lt",
        levels={"low": 60, "medium": 45, "high": 20},
        resolve=75,
        breaches=3,
        clears=3,
    )

    said = one.run(
        an_event(value, seconds=hour * 3600, arrived=place, id=str(place))
        for place, (hour, value) in enumerate(zip(hours, values, strict=True))
    )

    assert said == [
        "unchanged",
        "counting",
        "counting",
        "opened medium",
        "counting",
        "late_event",
        "counting",
        "raised high",
        "gap",
        "counting",
        "counting",
        "counting",
        "resolved",
        "unchanged",
    ]
