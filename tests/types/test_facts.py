from datetime import UTC, datetime, timedelta, timezone

import pytest

from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import MISSING

AT = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def event(**attributes):
    given = {"id": "1", "source": "/shop", "type": "order.failed", "time": AT}
    return Event(**{**given, "accepted_at": AT, **attributes})


def test_get__every_root():
    facts = Facts(
        event(
            subject="cart-7",
            environment="production",
            data={"amount": 250},
            extensions={"retry": 3},
        ),
        detection={"priority": 75, "change": "opened"},
    )
    found = {
        path: facts.get(path)
        for path in (
            "id",
            "source",
            "type",
            "subject",
            "time",
            "environment",
            "data.amount",
            "extensions.retry",
            "detection.priority",
        )
    }

    assert found == {
        "id": "1",
        "source": "/shop",
        "type": "order.failed",
        "subject": "cart-7",
        "time": "2026-05-02T10:00:00Z",
        "environment": "production",
        "data.amount": 250,
        "extensions.retry": 3,
        "detection.priority": 75,
    }


def test_get__what_the_event_has_not():
    facts = Facts(event())

    assert facts.get("subject") is MISSING
    assert facts.get("environment") is MISSING
    assert facts.get("detection") is MISSING
    assert facts.get("detection.priority") is MISSING
    assert facts.get("extensions.retry") is MISSING
    assert facts.get("id.x") is MISSING


def test_get__data_absent_is_null():
    facts = Facts(event())

    assert facts.get("data") is None
    assert facts.get("data.a") is MISSING


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (AT, "2026-05-02T10:00:00Z"),
        (AT.replace(microsecond=250_000), "2026-05-02T10:00:00.250000Z"),
        (
            datetime(2026, 5, 2, 12, tzinfo=timezone(timedelta(hours=2))),
            "2026-05-02T10:00:00Z",
        ),
    ],
)
def test_get__time_is_text_in_utc(time, text):
    facts = Facts(event(time=time))

    assert facts.get("time") == text
    assert facts.instant("time") == time


def test_get__further_roots():
    facts = Facts(event(), extra={"workflow": {"name": "w"}, "now": "soon"})

    assert facts.get("workflow.name") == "w"
    assert facts.get("now") == "soon"
    assert facts.get("data") is None


def test_get__unknown_root():
    with pytest.raises(InvalidPath, match="begins with 'workflow'"):
        Facts(event()).get("workflow.name")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-05-02T10:00:00Z", AT),
        ("2026-05-02t12:00:00+02:00", AT),
        ("2026-05-02T10:00:00.1z", AT.replace(microsecond=100_000)),
        ("2026-05-02T10:00:00.1234569Z", AT.replace(microsecond=123_456)),
        ("2026-05-02T10:00:00", MISSING),
        ("2026-05-02 10:00:00Z", MISSING),
        ("2026-05-02T10:00Z", MISSING),
        ("2026-05-02", MISSING),
        ("2026-02-30T10:00:00Z", MISSING),
        ("2026-05-02T24:00:00Z", MISSING),
        ("2026-05-02T10:00:60Z", MISSING),
        ("2026-05-02T10:00:00+02:60", MISSING),
        ("2026-05-02T10:00:00+0200", MISSING),
        ("0001-01-01T00:00:00+01:00", MISSING),
        ("2026-05-02T10:00:00Z\n", MISSING),
        ("٢٠٢٦-05-02T10:00:00Z", MISSING),
        (1_777_716_000, MISSING),
        (None, MISSING),
    ],
)
def test_instant__of_a_text_in_data(value, moment):
    facts = Facts(event(data={"at": value}))

    assert facts.instant("data.at") == moment


def test_instant__is_in_utc():
    facts = Facts(event(data="2026-05-02T12:00:00+02:00"))

    moment = facts.instant("data")

    assert isinstance(moment, datetime)
    assert moment.utcoffset() == timedelta(0)


def test_last__empty_unless_given():
    assert Facts(event()).last == {}
    assert Facts(event(), last={"data.owner": "x"}).last == {"data.owner": "x"}
