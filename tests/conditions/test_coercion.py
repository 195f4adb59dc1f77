from datetime import UTC, datetime
from enum import IntEnum, StrEnum

import pytest

from workflow_engine.conditions.coercion import KINDS, coerce, fold, sort_of
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.paths import MISSING

AT = datetime(2026, 5, 2, 10, tzinfo=UTC)
NO_NUMBERS = (
    *("", " 7", "7 ", "7\n", "+7", "07", "7.", ".7", "0x7", "1_0", "7x", "\u0667"),
    *("NaN", "Infinity", "1e999", "9" * 5000),
)


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        (7, "number", 7),
        (7.5, "number", 7.5),
        ("12", "number", 12),
        ("-0.5e1", "number", -5.0),
        ("9007199254740993", "number", 9007199254740993),
        ("2026-05-02T12:00:00+02:00", "time", AT),
        ("x", "string", "x"),
        (1, "string", "1"),
        (1.0, "string", "1.0"),
        (1e22, "string", "1e+22"),
        (True, "string", "true"),
        (False, "string", "false"),
    ],
)
def test_coerce__read(value, kind, read):
    got = coerce(value, kind)

    assert got == read
    assert type(got) is type(read)


@pytest.mark.parametrize("kind", KINDS)
def test_coerce__null_and_missing_stay(kind):
    assert coerce(None, kind) is None
    assert coerce(MISSING, kind) is MISSING


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *((text, "number") for text in NO_NUMBERS),
        (True, "number"),
        ([7], "number"),
        ({}, "number"),
        (1_777_716_000, "time"),
        (True, "time"),
        ("2026-05-02 10:00", "time"),
        ([], "string"),
        ({}, "string"),
    ],
)
def test_coerce__refused(value, kind):
    with pytest.raises(ConditionFailed) as caught:
        coerce(value, kind)

    assert caught.value.code == "cannot_coerce"


def test_coerce__message_keeps_the_value_to_itself():
    with pytest.raises(ConditionFailed) as caught:
        coerce("hunter2", "number")

    assert str(caught.value) == "cannot read this string as number"


class Step(IntEnum):
    TWO = 2


class Word(StrEnum):
    A = "a"


@pytest.mark.parametrize(
    ("value", "sort"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        ("", "string"),
        ([], "list"),
        ({}, "object"),
        (AT, "time"),
        (MISSING, "nothing"),
        (Step.TWO, "number"),
        (Word.A, "string"),
        ({1}, "foreign"),
    ],
)
def test_sort_of__each(value, sort):
    assert sort_of(value) == sort


def test_fold__texts_at_any_depth():
    assert fold({"K": ["Straße", 1, None, {"X": "É"}]}) == {
        "K": ["strasse", 1, None, {"X": "é"}]
    }
