import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.types.envelope import Limits, accept
from workflow_engine.types.event import Event, from_message, to_message

AT = datetime(2026, 5, 2, 10, 0, 0, 250_001, tzinfo=UTC)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
plain_texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=100)


def event(**attributes):
    given_ones = {"id": "8c1", "source": "/shop", "type": "order.failed", "time": AT}
    return Event(**{**given_ones, "accepted_at": AT, **attributes})


def over_a_broker(one):
    return from_message(json.loads(json.dumps(to_message(one))))


def test_key__names_source_and_id_and_nothing_else():
    assert event().key == event(type="other", data=1, subject="cart-7").key
    assert len(event().key) == 64


def test_key__does_not_run_source_and_id_together():
    assert event(source="ab", id="c").key != event(source="a", id="bc").key
    assert event(source="/1", id="2").key != event(source="/", id="12").key


def test_to_message__everything_survives():
    one = event(
        subject="cart-7",
        environment="production",
        datacontenttype="application/json",
        dataschema="https://shop/schema",
        extensions={"attempt": 2**70, "retried": True, "label": "x"},
    )

    assert over_a_broker(one) == one
    assert over_a_broker(one).time == AT


@given(values, st.integers() | st.booleans() | plain_texts)
def test_to_message__every_accepted_event_survives(data, extension):
    raw = {"specversion": "1.0", "id": "1", "source": "/", "type": "t"}
    limits = Limits(max_bytes=65_536, ahead_seconds=0)
    one = accept({**raw, "data": data, "x": extension}, index=0, now=AT, limits=limits)

    assert isinstance(one, Event)
    assert over_a_broker(one) == one
    assert repr(over_a_broker(one)) == repr(one)


@pytest.mark.parametrize("message", [None, [], {}, {"id": 7}, "text"])
def test_from_message__anything_else(message):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        from_message(message)
