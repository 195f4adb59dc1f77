import json
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType

import pytest

from workflow_engine.exceptions import InvalidEvent
from workflow_engine.types.envelope import Limits, accept, accept_all
from workflow_engine.types.event import Event

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
LIMITS = Limits(max_bytes=65_536, ahead_seconds=300)


def raw(**attributes):
    """Return a good event, with these attributes instead; `...` takes one away."""
    given = {
        "specversion": "1.0",
        "id": "8c1",
        "source": "/shop",
        "type": "order.failed",
    }
    return {k: v for k, v in {**given, **attributes}.items() if v is not ...}


def accepted(**attributes):
    event = accept(raw(**attributes), index=0, now=NOW, limits=LIMITS)
    assert isinstance(event, Event), event
    return event


def problems(event, *, limits=LIMITS):
    """Return (attribute, code, message) of every problem with one event."""
    found = accept(event, index=0, now=NOW, limits=limits)
    assert isinstance(found, list), found
    assert {one.index for one in found} == {0}
    return [(one.attribute, one.code, one.message) for one in found]


def test_accept__everything():
    event = accept(
        raw(
            subject="cart-7",
            environment="production",
            time="2026-05-02T11:59:59.25+02:00",
            data={"amount": 250, "items": [{"n": 1.5}, None, True]},
            datacontenttype="application/json",
            dataschema="https://shop/schema",
            traceparent="00-4bf9",
            attempt=3,
            retried=True,
        ),
        index=0,
        now=NOW,
        limits=LIMITS,
    )

    assert event == Event(
        id="8c1",
        source="/shop",
        type="order.failed",
        time=datetime(2026, 5, 2, 9, 59, 59, 250_000, tzinfo=UTC),
        accepted_at=NOW,
        subject="cart-7",
        environment="production",
        data={"amount": 250, "items": [{"n": 1.5}, None, True]},
        datacontenttype="application/json",
        dataschema="https://shop/schema",
        extensions={"traceparent": "00-4bf9", "attempt": 3, "retried": True},
    )
    assert event.extensions["retried"] is True


def test_accept__only_what_is_required():
    assert accepted() == Event(
        id="8c1", source="/shop", type="order.failed", time=NOW, accepted_at=NOW
    )


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("name", ["subject", "environment"])
def test_accept__null_and_empty_are_absent(name, nothing):
    assert accepted(**{name: nothing}) == accepted()


@pytest.mark.parametrize(
    "name", ["time", "data", "datacontenttype", "dataschema", "attempt", "data_base64"]
)
def test_accept__null_is_absent(name):
    assert accepted(**{name: None}) == accepted()


def test_accept__extensions_in_the_order_given():
    event = accepted(zebra=1, apple=2, mango=3)

    assert list(event.extensions) == ["zebra", "apple", "mango"]


def test_accept__any_mapping():
    event = accept(MappingProxyType(raw()), index=0, now=NOW, limits=LIMITS)

    assert event == accepted()


def test_accept__subclasses_become_plain():
    class Kind(StrEnum):
        FAILED = "order.failed"

    class Level(IntEnum):
        HIGH = 3

    event = accepted(type=Kind.FAILED, label=Kind.FAILED, level=Level.HIGH)

    assert event == accepted(type="order.failed", label="order.failed", level=3)
    assert type(event.type) is str
    assert [type(value) for value in event.extensions.values()] == [str, int]


@pytest.mark.parametrize(
    ("given", "kind"), [([], "list"), ("{}", "str"), (7, "int"), (None, "null")]
)
def test_accept__not_an_object(given, kind):
    assert problems(given) == [
        ("", "not_an_object", f"event must be a JSON object, got {kind}")
    ]


@pytest.mark.parametrize("given", [..., None])
@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_accept__missing_attribute(name, given):
    assert problems(raw(**{name: given})) == [
        (name, "missing_attribute", f"event attribute '{name}' is required")
    ]


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_accept__empty_attribute(name):
    assert problems(raw(**{name: ""})) == [
        (name, "empty_attribute", f"event attribute '{name}' must not be empty")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "environment",
        "time",
        "datacontenttype",
        "dataschema",
    ],
)
@pytest.mark.parametrize(
    ("given", "kind"), [(7, "int"), (1.0, "float"), (["7"], "list"), (False, "bool")]
)
def test_accept__wrong_type(name, given, kind):
    assert problems(raw(**{name: given})) == [
        (name, "wrong_type", f"event attribute '{name}' must be a string, got {kind}")
    ]


@pytest.mark.parametrize(
    ("given", "kind"), [(1.5, "float"), ([], "list"), ({}, "dict")]
)
def test_accept__extension_of_a_wrong_type(given, kind):
    wanted = "a string, an integer or a boolean"

    assert problems(raw(attempt=given)) == [
        (
            "attempt",
            "wrong_type",
            f"event attribute 'attempt' must be {wanted}, got {kind}",
        )
    ]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("id", 200),
        ("source", 500),
        ("type", 200),
        ("subject", 200),
        ("environment", 64),
    ],
)
def test_accept__too_long(name, most):
    message = f"event attribute '{name}' is {most + 1} characters, at most {most}"

    assert getattr(accepted(**{name: "é" * most}), name) == "é" * most
    assert problems(raw(**{name: "é" * (most + 1)})) == [(name, "too_long", message)]


def test_accept__too_long_without_data():
    without = len(json.dumps(raw(big=""), separators=(",", ":")))
    given = raw(big="é" * ((6144 - without) // 2), data="x" * 6144)

    event = accept(given, index=0, now=NOW, limits=LIMITS)

    assert isinstance(event, Event)
    assert problems({**given, "big": given["big"] + "x"}) == [
        ("", "too_long", "event without data is 6145 bytes, at most 6144")
    ]


def test_accept__too_long_both_ways():
    assert problems(raw(id="x" * 7000)) == [
        ("", "too_long", "event without data is 7068 bytes, at most 6144"),
        ("id", "too_long", "event attribute 'id' is 7000 characters, at most 200"),
    ]


def test_accept__integer_that_nobody_could_write():
    assert accepted(n=10**4299).extensions == {"n": 10**4299}
    assert problems(raw(n=10**4300)) == [
        (
            "n",
            "too_long",
            "event attribute 'n' is more than 4300 digits, at most 4300",
        )
    ]


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\0", "U+0000"),
        ("\n", "U+000A"),
        ("\x1f", "U+001F"),
        ("\x7f", "U+007F"),
        ("\x9f", "U+009F"),
        ("\ud83d", "U+D83D"),
        ("\udfff", "U+DFFF"),
    ],
)
@pytest.mark.parametrize(
    "attribute",
    ["id", "source", "type", "subject", "environment", "dataschema", "label"],
)
def test_accept__forbidden_character(attribute, character, name):
    assert problems(raw(**{attribute: f"a{character}b"})) == [
        (
            attribute,
            "forbidden_character",
            f"event attribute '{attribute}' contains {name}",
        )
    ]


@pytest.mark.parametrize("text", ["a b", "\xa0", "ü", "\U0001f600", "\ufffd", "<'\">"])
def test_accept__characters_that_are_fine(text):
    assert accepted(subject=text).subject == text


@pytest.mark.parametrize("given", ["0.3", "1", "1.0 ", "10", "2.0"])
def test_accept__unsupported_specversion(given):
    assert problems(raw(specversion=given)) == [
        (
            "specversion",
            "unsupported_specversion",
            "specversion is not supported, use '1.0'",
        )
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-02T09:00:00Z", datetime(2026, 5, 2, 9, tzinfo=UTC)),
        ("2026-05-02t09:00:00z", datetime(2026, 5, 2, 9, tzinfo=UTC)),
        ("2026-05-02T11:00:00+02:00", datetime(2026, 5, 2, 9, tzinfo=UTC)),
        ("2026-05-02T09:00:00-00:00", datetime(2026, 5, 2, 9, tzinfo=UTC)),
        ("2026-05-01T23:30:00-09:30", datetime(2026, 5, 2, 9, tzinfo=UTC)),
        (
            "2026-05-02T09:00:00.1234569Z",
            datetime(2026, 5, 2, 9, 0, 0, 123_456, tzinfo=UTC),
        ),
    ],
)
def test_accept__time(text, moment):
    time = accepted(time=text).time

    assert time == moment
    assert time.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-02 10:00",
        "2026-05-02T09:00Z",
        "2026-05-02 09:00:00Z",
        "2026-05-02T09:00:00",
        "2026-05-02T09:00:00+0200",
        "2026-05-02T09:00:00.Z",
        "2026-05-02T09:00:00,5Z",
        "2026-05-02T24:00:00Z",
        "2026-02-30T09:00:00Z",
        "2016-12-31T23:59:60Z",  # a leap second, which has no place on our clock
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "20260502T090000Z",
        "2026-05-02T09:00:00Z ",
        "2026-05-02T09:00:00Z\n",
        "２026-05-02T09:00:00Z",  # noqa: RUF001 - a digit, but not one of ASCII
        "1777712400",
        "\0",
    ],
)
def test_accept__invalid_time(text):
    assert problems(raw(time=text)) == [
        ("time", "invalid_time", "time is not an RFC 3339 date-time with an offset")
    ]


@pytest.mark.parametrize(
    ("ahead", "message"),
    [
        (timedelta(hours=1), "time is 3600 s ahead, at most 300 s"),
        (timedelta(seconds=301), "time is 301 s ahead, at most 300 s"),
        (timedelta(seconds=300, microseconds=1), "time is 301 s ahead, at most 300 s"),
    ],
)
def test_accept__time_in_future(ahead, message):
    assert problems(raw(time=(NOW + ahead).isoformat())) == [
        ("time", "time_in_future", message)
    ]


def test_accept__time_just_not_in_future():
    ahead = NOW + timedelta(seconds=300)

    assert accepted(time=ahead.isoformat()).time == ahead


@pytest.mark.parametrize(("limit", "said"), [(0.5, "0.5"), (3.0, "3"), (0, "0")])
def test_accept__time_in_future_by_any_limit(limit, said):
    limits = Limits(max_bytes=100, ahead_seconds=limit)
    given = raw(time=(NOW + timedelta(seconds=4)).isoformat())

    assert problems(given, limits=limits) == [
        ("time", "time_in_future", f"time is 4 s ahead, at most {said} s")
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("Env", "Env", id="upper case"),
        pytest.param("trace_id", "trace_id", id="underscore"),
        pytest.param("trace-id", "trace-id", id="dash"),
        pytest.param("é", "é", id="not ASCII"),
        pytest.param("", "", id="empty"),
        pytest.param("a\n", "a\ufffd", id="line break"),
        pytest.param("a\0\ud800", "a\ufffd\ufffd", id="no text"),
        pytest.param("a" * 21, "a" * 21, id="21 characters"),
        pytest.param("b" * 999, "b" * 40 + "…", id="999 characters"),
        pytest.param(7, "int", id="number"),
        pytest.param(10**5000, "int", id="endless number"),
    ],
)
@pytest.mark.parametrize("given", ["x", None])
def test_accept__invalid_attribute_name(name, shown, given):
    assert problems({**raw(), name: given}) == [
        (
            shown,
            "invalid_attribute_name",
            f"event attribute name '{shown}' must be 1-20 characters a-z or 0-9",
        )
    ]


def test_accept__extension_name_of_twenty():
    assert accepted(**{"a" * 20: "x"}).extensions == {"a" * 20: "x"}


def test_accept__data_base64():
    assert problems(raw(data_base64="aGk=")) == [
        (
            "data_base64",
            "unsupported_attribute",
            "data_base64 is not supported, send data as JSON",
        )
    ]


def test_accept__invalid_data():
    assert problems(raw(data={"v": float("nan"), "w": [1, {2}]})) == [
        ("data", "invalid_data", "data is not JSON: NaN at data.v"),
        ("data", "invalid_data", "data is not JSON: set at data.w.1"),
    ]


def test_accept__data_with_an_integer_that_nobody_could_write():
    assert problems(raw(data={"n": 10**4300})) == [
        (
            "data",
            "invalid_data",
            "data is not JSON: int of more than 4300 digits at data.n",
        )
    ]


def test_accept__data_as_the_database_can_hold_it():
    assert accepted(data={"a\0": "x\0y"}).data == {"a\ufffd": "x\ufffdy"}


def test_accept__data_too_large():
    at_most = "é" * 49 + '"'  # and two quotes: 102 bytes as JSON
    limits = Limits(max_bytes=102, ahead_seconds=300)

    event = accept(raw(data=at_most), index=0, now=NOW, limits=limits)

    assert isinstance(event, Event)
    assert problems(raw(data=at_most + "x"), limits=limits) == [
        ("data", "data_too_large", "data is 103 bytes, at most 102")
    ]


def test_accept__data_measured_as_accepted():
    # Each U+0000 is six bytes as sent, and three as U+FFFD.
    limits = Limits(max_bytes=32, ahead_seconds=300)

    event = accept(raw(data="\0" * 10), index=0, now=NOW, limits=limits)

    assert isinstance(event, Event)
    assert event.data == "\ufffd" * 10


def test_accept__data_that_contains_itself():
    endless: list[object] = []
    endless += [endless, endless]

    found = problems(raw(data=endless))

    message = "data is more than 65536 bytes, at most 65536"
    assert ("data", "data_too_large", message) in found


def test_accept__every_problem_at_once_and_no_value():
    given = {
        "specversion": "secret",
        "id": 7,
        "source": "",
        "subject": "secret\0" * 50,
        "time": "secret",
        "Env": "secret",
        "attempt": ["secret"],
        "data_base64": "secret",
        "data": {"a": float("inf")},
    }

    found = problems(given)

    assert [(attribute, code) for attribute, code, _ in found] == [
        ("Env", "invalid_attribute_name"),
        ("attempt", "wrong_type"),
        ("data", "invalid_data"),
        ("data_base64", "unsupported_attribute"),
        ("id", "wrong_type"),
        ("source", "empty_attribute"),
        ("specversion", "unsupported_specversion"),
        ("subject", "forbidden_character"),
        ("subject", "too_long"),
        ("time", "invalid_time"),
        ("type", "missing_attribute"),
    ]
    assert "secret" not in str(found)


def test_accept_all__in_order():
    events = accept_all((raw(id=str(n)) for n in range(3)), now=NOW, limits=LIMITS)

    assert [event.id for event in events] == ["0", "1", "2"]


def test_accept_all__every_problem_of_every_event():
    batch = [raw(id=7, source=...), raw(), raw(time="2026-05-02 10:00")]

    with pytest.raises(InvalidEvent) as refused:
        accept_all(batch, now=NOW, limits=LIMITS)

    assert refused.value.errors == (
        (0, "wrong_type", "id", "event attribute 'id' must be a string, got int"),
        (
            0,
            "missing_attribute",
            "source",
            "event attribute 'source' is required",
        ),
        (
            2,
            "invalid_time",
            "time",
            "time is not an RFC 3339 date-time with an offset",
        ),
    )


def test_accept_all__nothing():
    assert accept_all([], now=NOW, limits=LIMITS) == []
