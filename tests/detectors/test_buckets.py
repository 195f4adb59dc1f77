import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.detectors.driver import Driver, an_event, at
from workflow_engine.detectors.buckets import Buckets
from workflow_engine.types.buckets import buckets_of


@pytest.mark.parametrize("period", [1, 59, 60, 61, 119, 120, 1800, 3601, 604_800])
def test_buckets__are_those_of_frequency(period):
    buckets = Buckets.read(period, {}).counting(at(12_345.678))
    theirs = buckets_of(period, at(12_345.678))

    assert buckets.step_seconds == theirs.step
    assert list(buckets.counts) == [theirs.last]
    assert buckets.length == theirs.last - theirs.first + 1


@given(st.integers(1, 400), st.lists(st.integers(0, 1500), min_size=1, max_size=40))
def test_buckets__survive_the_memory(period, seconds):
    buckets = Buckets.read(period, {})
    for second in seconds:
        buckets = buckets.counting(at(second))

    assert Buckets.read(period, buckets.as_memory()) == buckets


def test_falls_at__has_fallen_already():
    buckets = Buckets.read(60, {}).counting(at(0)).counting(at(10))

    assert buckets.falls_at(3) is None
    assert buckets.falls_at(2) is None
    assert buckets.falls_at(1) == at(60)
    assert buckets.falls_at(0) == at(70)


class Sliding:
    """Keeps every event and counts them all again, each time."""

    def __init__(self, period, count, resolve):
        self.step = max(1, period // 60)
        self.length = -(-period // self.step)
        self.count, self.resolve = count, resolve
        self.buckets = []
        self.is_open = False
        self.changes = []

    def number(self, newest):
        return sum(1 for b in self.buckets if newest - self.length < b <= newest)

    def pass_time(self, start, end):
        """Look at every second from `start` up to, not at, `end`."""
        for second in range(start, end):
            if not self.is_open:
                return
            if self.number(int(at(second).timestamp()) // self.step) <= self.resolve:
                self.is_open = False
                self.changes.append((at(second), "resolved"))

    def take(self, moment, second):
        self.buckets.append(int(at(second).timestamp()) // self.step)
        if not self.is_open and self.number(max(self.buckets)) >= self.count:
            self.is_open = True
            self.changes.append((at(moment), "opened"))


@given(
    st.sampled_from([1, 7, 60, 119, 120, 150]),
    st.integers(1, 5),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(1, 90), st.integers(0, 100)), max_size=40),
)
def test_rate__does_what_counting_them_all_does(period, count, below, steps):
    resolve = max(0, count - below)
    config = {"period": period, "count": count, "resolve": resolve}
    one, other = Driver("rate", config), Sliding(period, count, resolve)
    moment = 0

    for gap, age in steps:
        other.pass_time(moment, moment + gap)
        moment += gap
        one.take(an_event(seconds=moment - age, arrived=moment))
        other.take(moment, moment - age)
    one.run_until(at(moment + 1000))
    other.pass_time(moment, moment + 1000)

    changes = [(at_, change) for at_, change, _ in one.transitions]
    assert changes == other.changes
