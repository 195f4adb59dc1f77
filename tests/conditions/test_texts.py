import pytest

from tests.conditions.builders import answer
from workflow_engine import registry

LIST = {"list": [{"n": "a"}, {}, {"n": "b"}]}


def test_paths__into_a_list():
    assert answer("contains", "data.list.*.n", "b", data=LIST) is True
    assert answer("eq", "data.list.0.n", "a", data=LIST) is True
    assert answer("eq", "data.list.-1.n", "b", data=LIST) is True
    assert answer("absent", "data.list.3", data=LIST) is True
    assert answer("eq", "data.list.*.n", ["a", "b"], data=LIST) is True


def test_paths__keys_that_look_like_something_else():
    data = {"a.b": 2, "0": 1}

    assert answer("eq", 'data."a.b"', 2, data=data) is True
    assert answer("eq", "data.0", 1, data=data) is True


@pytest.mark.parametrize(
    ("value", "part", "options", "expected"),
    [
        ("abc", "b", {}, True),
        ("abc", "B", {}, False),
        ("abc", "B", {"ignore_case": True}, True),
        ("abc", "", {}, True),
        ("abc", 1, {}, "type_mismatch"),
        (123, "2", {}, "type_mismatch"),
        (123, "2", {"as": "string"}, True),
        ([1, 2], 2.0, {}, True),
        ([1, 2], True, {}, False),
        ([None], None, {}, True),
        ([[1]], [1.0], {}, True),
        (["A"], "a", {}, False),
        (["A"], "a", {"ignore_case": True}, True),
        (["7", "x"], 7, {"as": "number"}, True),
        (["x", "7"], 7, {"as": "number"}, True),
        (["x", "8"], 7, {"as": "number"}, "cannot_coerce"),
        ([], 7, {"as": "number"}, False),
        ({"k": 1}, "k", {}, True),
        ({"k": None}, "k", {}, True),
        ({"k": 1}, "K", {}, False),
        ({"k": 1}, "K", {"ignore_case": True}, True),
        ({"K": 1}, "k", {"ignore_case": True}, True),
        ({"1": 1}, 1, {}, "type_mismatch"),
        ({"1": 1}, 1, {"as": "string"}, True),
        (None, None, {}, False),
    ],
)
def test_contains__each_sort_of_value(value, part, options, expected):
    assert answer("contains", "data", part, data=value, **options) == expected


def test_starts_and_ends__case():
    data = {"a": "Straße"}

    assert answer("starts_with", "data.a", "Str", data=data) is True
    assert answer("starts_with", "data.a", "str", data=data) is False
    assert answer("ends_with", "data.a", "aße", data=data) is True
    assert answer("ends_with", "data.a", "ASSE", data=data, ignore_case=True) is True


def test_starts_and_ends__a_number_as_text():
    as_text = {"as": "string"}

    assert answer("starts_with", "data", "5", data=503) == "type_mismatch"
    assert answer("starts_with", "data", "5", data=503, **as_text) is True
    assert answer("ends_with", "data", "4", data=503, **as_text) is False


def test_regex__searches_anywhere():
    data = {"a": "order 4711 failed"}

    assert answer("regex", "data.a", r"\d{4}", data=data) is True
    assert answer("regex", "data.a", r"^\d{4}", data=data) is False
    assert answer("regex", "data.a", "FAILED", data=data) is False
    assert answer("regex", "data.a", "FAILED", data=data, ignore_case=True) is True
    assert answer("regex", "data.a", r"\D", data={"a": "1"}, ignore_case=True) is False


def test_regex__case_is_the_business_of_the_expression():
    data = {"a": "Straße"}

    assert answer("regex", "data.a", "^S.{4}e$", data=data, ignore_case=True) is True
    assert answer("regex", "data.a", "ASSE", data=data, ignore_case=True) is False


def test_regex__bounds_of_the_text():
    at_most = "a" * 9_999 + "b"

    assert answer("regex", "data", "(a+)+$", data=at_most) is False
    assert answer("regex", "data", "b$", data=at_most) is True
    assert answer("regex", "data", "b$", data=at_most + "b") == "value_too_long"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"value": r"(a)\1"}, "value: invalid escape sequence: \\1; write it in RE2"),
        ({"value": "(?=a)"}, "has no backreference and no look-around"),
        ({"value": "(a"}, "value: missing ): (a; write it in RE2 syntax"),
        ({"value": "a" * 501}, "is too long"),
        ({"value": "(a?a?a?a?a?){1000}"}, "steps, at most 4000; use smaller"),
        ({"value": r"\pL{50}"}, "value: compiles to"),
        ({"value": r"\pL{900}"}, "value: pattern too large - compile failed"),
        ({"value": "a", "as": "number"}, "as: 'number' is not one of ['string']"),
        ({"value": "a", "path": "x"}, "path: Path 'x' begins with 'x'"),
    ],
)
def test_regex__refused_on_save(config, said):
    (problem,) = registry.conditions.problems("regex", {"path": "data", **config})

    assert said in problem


@pytest.mark.parametrize(
    "pattern", ["a" * 500, r"^\pL{1,3}\d+$", "(?i)x", "", r"\bfoo\b", "ä|€"]
)
def test_regex__accepted(pattern):
    config = {"path": "data", "value": pattern}

    assert registry.conditions.problems("regex", config) == []
