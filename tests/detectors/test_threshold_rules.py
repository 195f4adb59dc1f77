"""The threshold rules against their text, written down a second time in `oracle`."""

from hypothesis import given
from hypothesis import strategies as st

from tests.detectors.driver import Driver
from tests.detectors.driver import threshold_config as config
from tests.detectors.oracle import NAMES, told
from workflow_engine.types.detection import State
from workflow_engine.types.priority import Priority

# As narrow as the bounds lie, so that most samples stand for another grade than the last.
values = st.lists(st.integers(-5, 5), min_size=10, max_size=60)


@st.composite
def rules(draw):
    op = draw(st.sampled_from(["gt", "gte", "lt", "lte"]))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    is_upper = op in {"gt", "gte"}
    bounds = draw(
        st.lists(
            st.integers(-3, 3), min_size=len(names), max_size=len(names), unique=True
        )
    )
    bounds.sort(reverse=not is_upper)
    ordered = [name for name in NAMES if name in names]
    found = config(op, levels=dict(zip(ordered, bounds, strict=True)))
    found["breaches"] = draw(st.integers(1, 3))
    found["clears"] = draw(st.integers(1, 3))
    found["repeat"] = draw(st.booleans())
    slack = draw(st.none() | st.integers(0, 3))
    if slack is not None:
        found["resolve"] = bounds[0] - slack if is_upper else bounds[0] + slack
    return found


@given(rules(), values)
def test_threshold__does_what_the_text_says(some_rules, values):
    one = Driver("threshold", some_rules)
    expected = list(told(some_rules, values))

    said = []
    for place, value in enumerate(values):
        before = one.state().priority.label
        (words,) = one.values(value, start=place)
        said.append((before, words, one.state().priority.label))

    assert said == expected


@given(rules(), values)
def test_threshold__counts_nothing_after_a_transition(some_rules, values):
    one = Driver("threshold", some_rules)

    for place, value in enumerate(values):
        before = one.state().priority
        one.values(value, start=place)
        state = one.state()
        if state.priority is not before:
            assert (state.streaks, state.clears) == ({}, 0)
            assert state.previous_priority is before
        if state.priority is Priority.OK:
            assert state.clears == State().clears
