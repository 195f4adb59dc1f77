"""Fields drawn from a schema, and values that come back as they went in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.admin.condition_form import read, written
from workflow_engine.admin.config_form import OTHERS, config_fields
from workflow_engine.admin.schema_fields import (
    ABSENT,
    ChoiceText,
    JSONText,
    LinesText,
    NumberText,
    PlainText,
    field_of,
)
from workflow_engine.registry import ActionEntry

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
JSON = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
LINE_ENDS = set("\r\n")  # a field of one line loses them
TEXT_TYPES = ["regex", "starts_with"]


@given(JSON)
def test_value_of_a_condition__comes_back(value: Any) -> None:
    text = written("eq", value)

    assert text
    assert not set(text) & LINE_ENDS
    back = read("eq", text)
    assert (back, type(back)) == (value, type(value))


@given(st.text(min_size=1), st.sampled_from(TEXT_TYPES))
def test_value_of_a_text_condition__comes_back_or_is_left_to_json(
    value: str, type_name: str
) -> None:
    text = written(type_name, value)

    assert text in {"", value}
    assert not set(text) & LINE_ENDS
    assert not text or read(type_name, text) == value


@pytest.mark.parametrize(
    ("written_as", "value"),
    [
        ("5", 5),
        ('"5"', "5"),
        ("root", "root"),
        ("true", True),
        ("null", None),
        ("NaN", "NaN"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_value_of_a_condition__as_people_write_it(written_as: str, value: Any) -> None:
    assert read("eq", written_as) == value


def test_value_of_a_text_condition__is_never_json() -> None:
    assert read("regex", "5") == "5"


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, PlainText),
        ({"type": "integer"}, NumberText),
        ({"type": "number"}, NumberText),
        ({"type": "boolean"}, ChoiceText),
        ({"enum": ["a", "b"]}, ChoiceText),
        ({"type": "array", "items": {"type": "string"}}, LinesText),
        ({"type": "array", "items": {"type": "integer"}}, JSONText),
        ({"type": "object"}, JSONText),
        ({}, JSONText),
        (True, JSONText),
    ],
    ids=str,
)
def test_field__of_each_type(schema: Any, kind: type) -> None:
    assert type(field_of("key", schema, required=True)) is kind


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, " a\nb "),
        ({"type": "integer"}, 5),
        ({"type": "number"}, 5.5),
        ({"type": "boolean"}, False),
        ({"enum": ["a", 1]}, 1),
        ({"type": "array", "items": {"type": "string"}}, ["a", "b"]),
        ({"type": "object"}, {"high": [1, None]}),
    ],
    ids=str,
)
def test_field__value_comes_back(schema: Any, value: Any) -> None:
    field = field_of("key", schema, required=True)

    back = field.value_of(field.clean(field.text_of(value)))

    assert (back, type(back)) == (value, type(value))
    assert field.value_of("") is ABSENT


def test_field__says_what_the_schema_says() -> None:
    schema = {
        "type": "integer",
        "title": "Period",
        "description": "Seconds",
        "minimum": 1,
        "maximum": 60,
        "default": 30,
    }

    field = field_of("period", schema, required=False)

    assert field.label == "Period"
    assert field.help_text == "Seconds. From 1 to 60. Empty: 30."


@pytest.mark.parametrize(("closed", "has_others"), [(False, False), (True, True)])
def test_fields__other_keys_where_the_schema_allows_them(
    closed: bool, has_others: bool
) -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": closed}
    entry = ActionEntry(slug="x", handler=print, schema=schema)

    assert (OTHERS in config_fields(entry)) == has_others
