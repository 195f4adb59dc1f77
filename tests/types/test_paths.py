import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.paths import MISSING, ROOTS, parse_path, quote_key

LIST = [{"n": "a"}, {}, {"n": "b"}]
VALUE = {
    "list": LIST,
    "a.b": 2,
    "0": 1,
    "null": None,
    "*": "star",
    "": "empty",
    'q"\\': "quoted",
    "deep": {"er": {"still": [[1, 2], [3]]}},
    "none": [],
    "text": "abc",
    "-1": "minus",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data", VALUE),
        ("data.list.0.n", "a"),
        ("data.list.-1.n", "b"),
        ("data.list.-3.n", "a"),
        ("data.list.3", MISSING),
        ("data.list.-4", MISSING),
        ("data.list.1.n", MISSING),
        ("data.list.*.n", ["a", "b"]),
        ("data.list.*", LIST),
        ("data.none.*.n", []),
        ("data.none.*", []),
        ("data.deep.er.still.*.0", [1, 3]),
        ("data.deep.er.still.*.1", [2]),
        ("data.deep.er.still.0.1", 2),
        ('data."a.b"', 2),
        ("data.a.b", MISSING),
        ("data.0", 1),
        ('data."0"', 1),
        ("data.-1", "minus"),
        ('data."*"', "star"),
        ("data.*", MISSING),
        ("data.text.*", MISSING),
        ("data.text.0", MISSING),
        ("data.null", None),
        ("data.null.x", MISSING),
        ("data.nothing", MISSING),
        ('data.""', "empty"),
        (r'data."q\"\\"', "quoted"),
        ('data.list."0"', MISSING),
        ("data.list.00", MISSING),
        ("data.list.-0", MISSING),
        ("data.list.+1", MISSING),
        ("data.list.1_0", MISSING),
        ("data.list.\u0660", MISSING),
        ("data.list." + "9" * 200, MISSING),
    ],
)
def test_find__each_form_of_segment(path, found):
    assert parse_path(path).find(VALUE) == found


def test_find__false_and_zero_are_found():
    value = [{"n": 0}, {"n": False}, {"n": None}, {"n": ""}]

    found = parse_path("data.*.n").find(value)

    assert found == [0, False, None, ""]


def test_parse_path__knows_every_root():
    for root in ROOTS:
        assert parse_path(root).root == root


def test_parse_path__further_root():
    roots = ROOTS | {"workflow"}

    path = parse_path("workflow.name", roots)

    assert path.find({"name": "x"}) == "x"
    with pytest.raises(InvalidPath):
        parse_path("workflow.name")


def test_parse_path__same_text_same_object():
    assert parse_path("data.a.b.c") is parse_path("data.a.b.c")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "begins with ''; begin it with one of data, detection,"),
        ("dta.x", "Path 'dta.x' begins with 'dta'; begin it with one of data,"),
        ("Data", "begins with 'Data'"),
        ('"data".x', "begins with '\"data\"'"),
        (" data", "begins with ' data'"),
        (".data", "begins with ''"),
        ("data.", "has an empty segment at character 6; write a key after the dot"),
        ("data..a", "has an empty segment at character 6"),
        ("data.a.", "has an empty segment at character 8"),
        ("data.a b", "has ' ' at character 7; put a dot before it, or the whole key"),
        ("data. a", "has ' ' at character 6; put the whole key in quotes"),
        ('data."a', "has an open quote at character 6; close it"),
        (r'data."a\n"', "has an open quote at character 6"),
        ('data."a"b', "has 'b' at character 9; put a dot before it"),
        ('data.a"b"', "has '\"' at character 7; put a dot before it"),
        ("data.a*", "has '*' at character 7; put a dot before it"),
        ("data.*a", "has 'a' at character 7; put a dot before it"),
        ("data.**", "has '*' at character 7; put a dot before it"),
        ("data.*.a.*", "has a second '*'; only one is allowed"),
        ("data.*.*", "has a second '*'"),
        ("data" + ".a" * 21, "has 21 segments below its root, at most 20"),
        ("data." + "a" * 296, "is 301 characters, at most 300"),
    ],
)
def test_parse_path__refused(path, said):
    with pytest.raises(InvalidPath) as caught:
        parse_path(path)

    assert said in str(caught.value)


def test_parse_path__longest_allowed():
    assert parse_path("data" + ".a" * 20).find(1) is MISSING
    assert parse_path("data." + "a" * 295).find({"a" * 295: 1}) == 1


@given(keys=st.lists(st.text(max_size=6), min_size=1, max_size=20))
def test_quote_key__round_trip(keys):
    value: Any = "there"
    for key in reversed(keys):
        value = {key: value}
    text = ".".join(["data", *map(quote_key, keys)])

    path = parse_path(text)

    assert path.find(value) == "there"


def test_quote_key__only_where_needed():
    keys = ["plain", "Ünï-code_1", "a.b", "*", "", 'say "hi"', "a b", "back\\slash"]

    quoted = [quote_key(key) for key in keys]

    assert quoted == [
        "plain",
        "Ünï-code_1",
        '"a.b"',
        '"*"',
        '""',
        r'"say \"hi\""',
        '"a b"',
        "back\\slash",
    ]


def test_missing__is_one_falsy_value():
    copies = [
        copy.copy(MISSING),
        copy.deepcopy(MISSING),
        pickle.loads(pickle.dumps(MISSING)),  # noqa: S301 - made here
        type(MISSING)(),
    ]

    assert all(one is MISSING for one in copies)
    assert not MISSING
    assert repr(MISSING) == "MISSING"
