import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conditions.builders import answer, facts_of
from workflow_engine import registry
from workflow_engine.conditions import comparisons
from workflow_engine.types.detection import Change
from workflow_engine.types.priority import Priority

PATH = "data.a"
AS_TEXT = "2026-05-02T10:00:00Z"
COMMON = ('ne "x"', 'not_in ["x"]', "eq null", "absent", "exists")


def asked(data):
    """Return the answers to the five questions of C04 and C05."""
    answers = (
        answer("ne", PATH, "x", data=data),
        answer("not_in", PATH, ["x"], data=data),
        answer("eq", PATH, None, data=data),
        answer("absent", PATH, data=data),
        answer("exists", PATH, data=data),
    )
    return dict(zip(COMMON, answers, strict=True))


def test_missing__satisfies_only_absent():
    answers = asked({})

    assert answers == dict(zip(COMMON, (False, False, False, True, False), strict=True))


def test_null__is_there():
    answers = asked({"a": None})

    assert answers == dict(zip(COMMON, (True, True, True, False, True), strict=True))


@pytest.mark.parametrize("value", ["", [], 0, False, {}])
def test_empty__is_neither_null_nor_missing(value):
    data = {"a": value}

    assert answer("eq", PATH, value, data=data) is True
    assert answer("eq", PATH, None, data=data) is False
    assert answer("absent", PATH, data=data) is False


def test_eq__one_is_not_true_and_not_text():
    data = {"a": 1}

    assert answer("eq", PATH, 1.0, data=data) is True
    assert answer("eq", PATH, True, data=data) is False
    assert answer("eq", PATH, "1", data=data) is False
    assert answer("in", PATH, [True], data=data) is False
    assert answer("eq", PATH, "1", data=data, **{"as": "string"}) is True


def test_gt__number_in_a_text():
    as_number = {"as": "number"}

    assert answer("gt", PATH, 5, data={"a": "7"}) == "type_mismatch"
    assert answer("gt", PATH, 5, data={"a": "7"}, **as_number) is True
    assert answer("gt", PATH, 5, data={"a": "7x"}, **as_number) == "cannot_coerce"


# (condition, what missing, null and each wrong sort of value answer)
MISMATCH = "type_mismatch"
OPERATORS: dict[str, tuple[dict[str, Any], dict[str, bool], dict[str, str]]] = {
    "eq": ({"value": "x"}, {"missing": False, "null": False}, {}),
    "ne": ({"value": "x"}, {"missing": False, "null": True}, {}),
    "in": ({"value": ["x"]}, {"missing": False, "null": False}, {}),
    "not_in": ({"value": ["x"]}, {"missing": False, "null": True}, {}),
    "exists": ({}, {"missing": False, "null": True}, {}),
    "absent": ({}, {"missing": True, "null": False}, {}),
    **{
        type_: (
            {"value": 5},
            {"missing": False, "null": False},
            dict.fromkeys(("text", "boolean", "list", "object"), MISMATCH),
        )
        for type_ in ("gt", "gte", "lt", "lte")
    },
    "between": (
        {"low": 1, "high": 5},
        {"missing": False, "null": False},
        dict.fromkeys(("text", "boolean", "list", "object"), MISMATCH),
    ),
    "contains": (
        {"value": "x"},
        {"missing": False, "null": False},
        dict.fromkeys(("number", "boolean"), MISMATCH),
    ),
    **{
        type_: (
            {"value": "x"},
            {"missing": False, "null": False},
            dict.fromkeys(("number", "boolean", "list", "object"), MISMATCH),
        )
        for type_ in ("starts_with", "ends_with", "regex")
    },
}
SORTS: dict[str, dict[str, Any]] = {
    "missing": {},
    "null": {"a": None},
    "number": {"a": 0},
    "text": {"a": ""},
    "boolean": {"a": False},
    "list": {"a": []},
    "object": {"a": {}},
}
PRESENT = {"ne", "not_in", "exists"}  # true of every value but the wanted one


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("type_", OPERATORS)
def test_operator__each_sort_of_value(type_, sort):
    config, known, wrong = OPERATORS[type_]
    if type_ in {"lt", "lte"} and sort == "number":
        otherwise = True
    else:
        otherwise = type_ in PRESENT
    expected = {**known, **wrong}.get(sort, otherwise)

    answered = answer(type_, PATH, data=SORTS[sort], **config)

    assert answered == expected


def test_operators__all_are_in_the_table():
    asks_a_value = {
        entry.slug
        for entry in registry.conditions
        if "path" in entry.schema["required"]
    }

    assert set(OPERATORS) == asks_a_value - {"changed"}


@pytest.mark.parametrize(
    ("type_", "value", "wanted"),
    [("gt", 2, "1"), ("lt", "2", 1), ("lte", True, 1), ("gte", [1], 1)],
)
def test_order__sorts_are_not_mixed(type_, value, wanted):
    assert answer(type_, PATH, wanted, data={"a": value}) == "type_mismatch"


ORDERS = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
BIG = 2**53
NUMBERS = st.integers(-BIG * 4, BIG * 4) | st.floats(
    allow_nan=False, allow_infinity=False
)


@given(value=NUMBERS, wanted=NUMBERS)
def test_order__of_numbers_is_by_value(value, wanted):
    data = {"a": value}

    answers = {type_: answer(type_, PATH, wanted, data=data) for type_ in ORDERS}

    assert answers == {type_: holds(value, wanted) for type_, holds in ORDERS.items()}


def test_order__beyond_what_a_float_tells_apart():
    assert answer("gt", PATH, BIG, data={"a": BIG + 1}) is True
    assert answer("gt", PATH, float(BIG), data={"a": BIG + 1}) is True
    assert answer("eq", PATH, float(BIG), data={"a": BIG + 1}) is False


def test_order__of_texts_is_by_code_point():
    assert answer("lt", PATH, "a", data={"a": "Z"}) is True
    assert answer("lt", PATH, "a", data={"a": "Z"}, ignore_case=True) is False
    assert answer("gt", PATH, "z", data={"a": "ä"}) is True
    assert answer("gt", PATH, "\uffff", data={"a": "\U0001f600"}) is True


def test_order__of_times():
    as_time = {"as": "time"}
    data = {"a": "2026-05-02T12:00:00+02:00"}

    assert answer("gte", PATH, "2026-05-02T10:00:00Z", data=data, **as_time) is True
    assert answer("gt", PATH, "2026-05-02T10:00:00Z", data=data, **as_time) is False
    assert answer("eq", PATH, "2026-05-02T10:00:00Z", data=data, **as_time) is True
    assert answer("eq", PATH, "2026-05-02T10:00:00Z", data=data) is False
    assert answer("lt", PATH, "2026-05-02T10:00:00Z", data={"a": 1}, **as_time) == (
        "cannot_coerce"
    )


def test_event_time__is_comparable():
    assert answer("gte", "time", "2026-05-02T10:00:00Z", **{"as": "time"}) is True
    assert answer("eq", "time", "2026-05-02T10:00:00Z") is True


@pytest.mark.parametrize(
    ("value", "inside"), [(1, True), (5, True), (3.5, True), (0.999, False), (6, False)]
)
def test_between__both_ends_included(value, inside):
    assert answer("between", PATH, data={"a": value}, low=1, high=5) is inside


def test_in__compares_each_as_the_options_say():
    assert answer("in", PATH, ["OPEN", "done"], data={"a": "Open"}) is False
    assert answer("in", PATH, ["OPEN"], data={"a": "Open"}, ignore_case=True) is True
    assert answer("in", PATH, ["7"], data={"a": 7}, **{"as": "number"}) is True
    assert answer("in", PATH, [None], data={"a": None}) is True
    assert answer("not_in", PATH, [None], data={"a": None}) is False
    assert answer("in", PATH, [], data={"a": 1}) is False
    assert answer("not_in", PATH, [], data={"a": 1}) is True


def test_as__null_stays_null():
    data = {"a": None}

    for kind, text in (("number", "1"), ("time", AS_TEXT), ("string", "x")):
        assert answer("eq", PATH, None, data=data, **{"as": kind}) is True
        assert answer("ne", PATH, text, data=data, **{"as": kind}) is True
        assert answer("gt", PATH, text, data=data, **{"as": kind}) is False


def test_ignore_case__folds_deeply_but_not_keys():
    data = {"a": {"K": ["STRASSE"]}}

    assert answer("eq", PATH, {"K": ["straße"]}, data=data, ignore_case=True) is True
    assert answer("eq", PATH, {"k": ["straße"]}, data=data, ignore_case=True) is False


def test_detection__its_enumerations_are_values():
    facts = facts_of(detection={"priority": Priority.HIGH, "change": Change.OPENED})

    assert comparisons.gte(facts, {"path": "detection.priority", "value": 50}) is True
    assert comparisons.eq(facts, {"path": "detection.priority", "value": 75}) is True
    assert (
        comparisons.eq(facts, {"path": "detection.change", "value": "opened"}) is True
    )


@pytest.mark.parametrize(
    ("type_", "config", "said"),
    [
        ("eq", {"value": 1}, "config: 'path' is a required property"),
        ("eq", {"path": PATH}, "config: 'value' is a required property"),
        ("eq", {"path": PATH, "value": 1, "as": "date"}, "as: 'date' is not one of"),
        ("eq", {"path": PATH, "value": 1, "case": 1}, "config: Additional properties"),
        ("eq", {"path": "dta.a", "value": 1}, "path: Path 'dta.a' begins with 'dta'"),
        ("eq", {"path": PATH, "value": "x", "as": "number"}, "value: cannot read this"),
        ("gt", {"path": PATH, "value": True}, "value: True is not of type"),
        ("gt", {"path": PATH, "value": 5, "as": "time"}, "value: cannot read this"),
        ("in", {"path": PATH, "value": "x"}, "value: 'x' is not of type 'array'"),
        ("in", {"path": PATH, "value": [1] * 1001}, "is too long"),
        ("in", {"path": PATH, "value": [1, "x"], "as": "number"}, "value: cannot read"),
        ("between", {"path": PATH, "low": 2, "high": 1}, "low is above high"),
        ("between", {"path": PATH, "low": 1, "high": "2"}, "low and high differ in"),
        ("exists", {"path": "data..a"}, "path: Path 'data..a' has an empty segment"),
        ("absent", {"path": PATH, "value": 1}, "config: Additional properties"),
    ],
)
def test_problems__refused_on_save(type_, config, said):
    (problem,) = registry.conditions.problems(type_, config)

    assert said in problem


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("eq", {"path": PATH, "value": None}),
        ("eq", {"path": PATH, "value": "7", "as": "number", "ignore_case": True}),
        ("in", {"path": PATH, "value": [1] * 1000}),
        ("in", {"path": PATH, "value": []}),
        ("between", {"path": PATH, "low": 1, "high": 1.0}),
        ("between", {"path": PATH, "low": "9", "high": "10", "as": "number"}),
        ("lt", {"path": PATH, "value": "2019-05-15T15:19:25Z", "as": "time"}),
        ("exists", {"path": 'data."a b".*.c'}),
    ],
)
def test_problems__accepted(type_, config):
    assert registry.conditions.problems(type_, config) == []


def test_wanted__that_cannot_be_read_is_a_bad_config():
    data = {"a": 7}

    assert answer("gt", PATH, "x", data=data, **{"as": "number"}) == "bad_config"
    assert answer("in", PATH, ["x"], data=data, **{"as": "number"}) == "bad_config"
