import json
import math
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.types.data import copy_data, json_bytes, storable_text

texts = st.text(st.characters(exclude_categories=[]))  # surrogates too
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=30,
)
finite = values.filter(lambda value: "inf" not in repr(value))


def copied(value):
    return copy_data(value, max_values=10_000)


def nested(depth, *, of=list):
    value = of()
    for _ in range(depth - 1):
        value = [value] if of is list else {"a": value}
    return value


@given(finite)
def test_copy_data__says_what_the_text_of_it_says(value):
    # Half a surrogate pair is no character of any text; U+0000 is none of a database's.
    text = json.dumps(value).encode().decode()
    expected = json.loads(text, object_pairs_hook=_cleaned_pairs)

    data = copied(value)

    assert data.is_whole
    assert data.faults == ()
    assert json.dumps(data.value) == json.dumps(_cleaned(expected))


def _cleaned(value):
    if isinstance(value, str):
        return "".join(
            "\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in value
        )
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return value


def _cleaned_pairs(pairs):
    return {_cleaned(key): _cleaned(value) for key, value in pairs}


def test_copy_data__is_the_events_own():
    given_data = {"list": [{"n": 1}]}

    data = copied(given_data)
    given_data["list"][0]["n"] = 2

    assert data.value == {"list": [{"n": 1}]}


def test_copy_data__plain_values_for_subclasses():
    class Level(IntEnum):
        HIGH = 3

    class Name(StrEnum):
        SHOP = "shop"

    class Share(float):
        pass

    value = copied(
        OrderedDict({Name.SHOP: (Level.HIGH, Name.SHOP, Share(0.5), True)})
    ).value

    assert value == {"shop": [3, "shop", 0.5, True]}
    assert type(value) is dict
    assert [type(one) for one in (*value, *value["shop"])] == [
        str,
        int,
        str,
        float,
        bool,
    ]


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("NaN at data", math.nan),
        ("NaN at data.v", {"v": math.nan}),
        ("Infinity at data.v.1", {"v": [0, math.inf]}),
        ("-Infinity at data.0.0", [[-math.inf]]),
        ('NaN at data."a.b"', {"a.b": math.nan}),
        ("Decimal at data.a", {"a": Decimal(1)}),
        ("datetime at data.0", [datetime(2026, 5, 2, tzinfo=UTC)]),
        ("bytes at data.a", {"a": b"x"}),
        ("key of type int at data.a.b", {"a": {"b": {1: "x"}}}),
        ("key of type NoneType at data", {None: "x"}),
        ("int of more than 4300 digits at data.n", {"n": -(10**4300)}),
        ("int of more than 4300 digits at data.0", [10**4300]),
    ],
)
def test_copy_data__what_is_no_json(fault, value):
    assert copied(value).faults == (fault,)


def test_copy_data__every_fault():
    assert copied([math.nan, 1, {"a": {2}, 3: 4}]).faults == (
        "NaN at data.0",
        "set at data.2.a",
        "key of type int at data.2",
    )


def test_copy_data__a_hundred_faults_will_do():
    faults = copied([math.nan] * 101).faults

    assert len(faults) == 100
    assert faults[-1] == "NaN at data.99"


def test_copy_data__no_path_without_end():
    (fault,) = copied({"k" * 1000: math.nan}).faults

    assert fault == f"NaN at data.{'k' * 295}…"


@pytest.mark.parametrize(
    "value", [10**4299, -(10**400), 2**64, 0, -1], ids=int.bit_length
)
def test_copy_data__integers_of_any_size(value):
    assert copied([value]).value == [value]


@pytest.mark.parametrize("of", [list, dict])
def test_copy_data__thirty_two_containers(of):
    data = copied(nested(32, of=of))

    assert data.faults == ()
    assert data.value == nested(32, of=of)


def test_copy_data__thirty_three_containers():
    assert copied(nested(33)).faults == (
        "deeper than 32 containers at data" + ".0" * 32,
    )


def test_copy_data__deeper_than_the_stack():
    assert len(copied(nested(100_000)).faults) == 1


@pytest.mark.parametrize(
    ("value", "is_whole"),
    [
        ([0] * 10, True),
        ([0] * 11, False),
        ({str(n): n for n in range(11)}, False),
        ([[0] * 5, [0] * 3], True),
        ([[0] * 5, [0] * 4], False),
        ("x" * 100, True),
    ],
)
def test_copy_data__broken_off_after_so_many_values(value, is_whole):
    assert copy_data(value, max_values=10).is_whole is is_whole


def test_copy_data__lists_that_contain_themselves():
    endless: list[object] = []
    endless += [endless, endless]

    assert not copied(endless).is_whole


@given(finite)
def test_json_bytes__of_the_compact_text(value):
    text = json.dumps(copied(value).value, ensure_ascii=False, separators=(",", ":"))

    assert json_bytes(copied(value).value) == len(text.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("x\0y", "x\ufffdy"),
        ("é\0", "é\ufffd"),
        ("\ud83d", "\ufffd"),
        ("\ud800a\udfff", "\ufffda\ufffd"),
        ("a\udc00\udbff", "a\ufffd\ufffd"),
        ("\U0001f600\x01\x7f", "\U0001f600\x01\x7f"),
    ],
)
def test_storable_text(text, expected):
    assert storable_text(text) == expected
