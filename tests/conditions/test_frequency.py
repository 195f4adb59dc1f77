import pytest

from tests.conditions.builders import an_event, condition
from workflow_engine import registry
from workflow_engine.conditions.base import Question, ask_slow


@pytest.mark.parametrize(
    ("op", "count", "holds"),
    [
        ("gte", 2, False),
        ("gte", 3, True),
        ("gt", 3, False),
        ("gt", 4, True),
        ("lt", 3, False),
        ("lt", 2, True),
        ("lte", 3, True),
        ("lte", 4, False),
        ("eq", 3, True),
        ("eq", 4, False),
    ],
)
def test_frequency__compares_the_count(op, count, holds):
    asking = condition("frequency", None, 3, period=60, op=op)
    question = Question.of(asking, an_event(), counter=lambda asked: count)

    answers = ask_slow("frequency", [question])

    assert answers == {question: holds}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"period": 0}, "period: 0 is less than the minimum of 1"),
        ({"period": 604_801}, "period: 604801 is greater than the maximum"),
        ({"period": 1.5}, "period: 1.5 is not of type 'integer'"),
        ({"op": "near"}, "op: 'near' is not one of"),
        ({"value": "3"}, "value: '3' is not of type 'integer'"),
        ({"path": "data"}, "Additional properties"),
    ],
)
def test_frequency__refused_on_save(change, said):
    config = {"period": 60, "op": "gte", "value": 3, **change}

    (problem,) = registry.conditions.problems("frequency", config)

    assert said in problem


def test_frequency__is_slow_and_never_in_a_trigger():
    entry = registry.conditions.get("frequency")

    assert entry is not None
    assert entry.slow
    assert entry.roles == {"when", "if"}
    assert entry.problems({"period": 604_800, "op": "gte", "value": 0}) == []
