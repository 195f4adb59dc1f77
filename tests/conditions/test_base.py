import dataclasses
from datetime import timedelta

import pytest

from tests.conditions.builders import AT, an_event, answer, condition
from workflow_engine import registry
from workflow_engine.conditions.base import Question, ask_slow, register_condition
from workflow_engine.exceptions import ConditionFailed, DuplicateHandler

OBJECT = {"type": "object"}


@pytest.fixture
def slug():
    """Yield a name whose handler is forgotten after the test."""
    yield "tried_out"
    if registry.conditions.get("tried_out"):
        registry.conditions.unregister("tried_out")


def test_register_condition__as_decorator(slug):
    @register_condition(
        slug,
        label="weekday",
        schema={
            "type": "object",
            "required": ["days"],
            "properties": {"days": {"type": "array"}},
        },
    )
    def weekday(facts, config):
        return facts.instant("time").weekday() in config["days"]

    assert answer(slug, days=[AT.weekday()]) is True
    assert answer(slug, days=[]) is False
    assert registry.conditions.problems(slug, {}) == [
        "config: 'days' is a required property"
    ]


def test_register_condition__as_call(slug):
    def never(facts, config):
        return False

    registered = register_condition(
        slug, never, schema=OBJECT, check=lambda config: ["never good enough"]
    )

    assert registered is never
    assert answer(slug) is False
    assert registry.conditions.problems(slug, {}) == ["never good enough"]


def test_register_condition__name_is_taken():
    with pytest.raises(DuplicateHandler, match="'eq' is registered twice") as caught:
        register_condition("eq", lambda facts, config: True, schema=OBJECT)

    assert "workflow_engine.conditions.comparisons.eq" in str(caught.value)


def test_register_condition__schema_is_none(slug):
    with pytest.raises(ValueError, match="its schema is invalid"):
        register_condition(slug, lambda facts, config: True, schema={"type": "thing"})


def test_register_condition__class_that_is_not_slow(slug):
    class Fast:
        slow = True

    with pytest.raises(TypeError, match="without 'slow = True' and 'evaluate_many'"):
        register_condition(slug, Fast, schema=OBJECT)


class Odd:
    """Says of a condition id whether it is odd; of 7 nothing, of 9 nonsense."""

    slow = True
    calls: list[tuple[int, ...]] = []

    def evaluate_many(self, questions):
        self.calls.append(tuple(question.condition_id for question in questions))
        answers = {question: question.condition_id % 2 == 1 for question in questions}
        return {
            question: "yes" if question.condition_id == 9 else answers[question]
            for question in questions
            if question.condition_id != 7
        }


def test_register_condition__slow_never_in_a_trigger(slug):
    register_condition(slug, Odd, schema=OBJECT)

    entry = registry.conditions.get(slug)

    assert entry is not None
    assert entry.slow
    assert entry.roles == {"when", "if"}


def question(id_=1, **config):
    return Question.of(condition("frequency", id=id_, **config), an_event())


def test_ask_slow__distinct_questions_in_one_call(slug):
    register_condition(slug, Odd, schema=OBJECT)
    Odd.calls.clear()
    questions = [question(1), question(2), question(1), question(7), question(9)]

    answers = ask_slow(slug, questions)

    assert Odd.calls == [(1, 2, 7, 9)]
    assert answers[question(1)] is True
    assert answers[question(2)] is False
    nothing, nonsense = answers[question(7)], answers[question(9)]
    assert isinstance(nothing, ConditionFailed)
    assert isinstance(nonsense, ConditionFailed)
    assert nothing.code == nonsense.code == "bad_verdict"
    assert str(nonsense) == "answered str, not True or False"


def test_ask_slow__nobody_registered_it():
    (failed,) = ask_slow("nobody", [question(1)]).values()

    assert isinstance(failed, ConditionFailed)
    assert failed.code == "unknown_type"


def test_question__equal_by_what_it_asks():
    one = Question.of(
        condition("frequency", period=60, op="gte"), an_event(), counter=lambda q: 1
    )
    other = Question.of(
        condition("frequency", op="gte", period=60), an_event(), counter=lambda q: 2
    )

    assert one == other
    assert hash(one) == hash(other)
    assert one.count() == 1
    assert other.count() == 2
    assert one.config == {"op": "gte", "period": 60}


@pytest.mark.parametrize(
    "difference",
    [
        {"condition_id": 2},
        {"config_text": "{}"},
        {"environment": "staging"},
        {"subject": "cart-8"},
        {"time": AT + timedelta(seconds=1)},
    ],
)
def test_question__every_part_counts(difference):
    asked = question(1, period=60)

    assert dataclasses.replace(asked, **difference) != asked


def test_question__nothing_counts_for_it():
    with pytest.raises(ConditionFailed, match="nothing is counted for condition 3"):
        question(3).count()
