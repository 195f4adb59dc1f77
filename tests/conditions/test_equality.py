import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.conditions.equality import equal, sight
from workflow_engine.types.paths import MISSING

BIG = 2**53
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(BIG - 2, BIG + 2)
    | st.sampled_from([0.0, -0.0, 1.0, 1.5, float(BIG), 1e308])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "1", "a", "A", "é", "e\u0301", "null", "true"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "1"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def normal_form(value):
    """Write a value so that Python's own equality is the one of the rules."""
    match value:
        case bool() | None | str():
            return (type(value).__name__, value)
        case int() | float():
            return ("number", value)
        case list():
            return ("list", tuple(map(normal_form, value)))
        case dict():
            return ("object", frozenset((k, normal_form(v)) for k, v in value.items()))
        case _:
            raise AssertionError(value)


@given(one=VALUES, other=VALUES)
def test_equal__agrees_with_the_rules(one, other):
    expected = normal_form(one) == normal_form(other)

    assert equal(one, other) is expected
    assert equal(other, one) is expected


@given(one=VALUES, other=VALUES)
def test_sight__same_exactly_when_equal(one, other):
    assert (sight(one) == sight(other)) is equal(one, other)


def retyped(value: Any) -> Any:
    """Return an equal value made of other numbers, its keys in another order."""
    other: Any = value
    match value:
        case list():
            other = [retyped(element) for element in value]
        case dict():
            other = {key: retyped(value[key]) for key in reversed(value)}
        case int() if type(value) is int and float(value) == value:
            other = float(value)
        case float() if value.is_integer():
            other = int(value)
        case _:
            pass
    return other


@given(value=VALUES)
def test_equal__to_itself_in_other_numbers(value):
    other = retyped(value)

    assert equal(value, other)
    assert sight(value) == sight(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (0, -0.0, True),
        (BIG + 1, float(BIG), False),
        (10**300, 1e300, False),
        (int(1e300), 1e300, True),
        (1, True, False),
        (0, False, False),
        (0, None, False),
        ("", None, False),
        ([], {}, False),
        ([], None, False),
        ([1], [True], False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1.0}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("é", "e\u0301", False),
        ("1", 1, False),
        (MISSING, None, False),
    ],
)
def test_equal_and_sight__named_pairs(one, other, same):
    assert equal(one, other) is same
    assert (sight(one) == sight(other)) is same


def test_sight__is_short_and_never_empty():
    for value in (MISSING, None, "", math.pi, "x" * 60_000, "\ud800"):
        assert len(sight(value)) == 24
