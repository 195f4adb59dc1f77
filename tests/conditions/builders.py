"""Facts, conditions and groups in one line each."""

from datetime import UTC, datetime

from workflow_engine.conditions.groups import judge
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot
from workflow_engine.types.verdict import Verdict

AT = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
ANSWERS: dict[Verdict | None, bool] = {Verdict.TRUE: True, Verdict.FALSE: False}


def an_event(data=None, **attributes):
    given = {"id": "1", "source": "/shop", "type": "order.failed", "time": AT}
    return Event(**{**given, "accepted_at": AT, "data": data, **attributes})


def facts_of(data=None, *, last=None, detection=None, **attributes):
    return Facts(an_event(data, **attributes), detection=detection, last=last)


def condition(type_, path=None, value=..., *, id=1, position=0, result=None, **config):  # noqa: A002 - the field's name
    config = dict(config)
    if path is not None:
        config["path"] = path
    if value is not ...:
        config["value"] = value
    return ConditionSnapshot(
        id=id, type=type_, config=config, position=position, result=result
    )


def group(logic, *conditions):
    return GroupSnapshot(id=9, logic=logic, conditions=conditions)


def answer(type_, path=None, value=..., *, data=None, last=None, **config):
    """Return what one condition answers: True, False, or the code of its error."""
    facts = facts_of(data, last=last)
    verdict = judge(group("all", condition(type_, path, value, **config)), facts)
    assert verdict is not None
    (one,) = verdict.conditions
    return one.error or ANSWERS[one.verdict]
