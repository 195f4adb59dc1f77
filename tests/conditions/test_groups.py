from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conditions.builders import condition, facts_of, group
from workflow_engine import registry
from workflow_engine.conditions.base import register_condition
from workflow_engine.conditions.groups import decide, judge, results_of
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.priority import Priority
from workflow_engine.types.snapshots import ConditionSnapshot
from workflow_engine.types.verdict import ConditionVerdict, Verdict

T, F, U, P = Verdict.TRUE, Verdict.FALSE, Verdict.ERROR, Verdict.PENDING
LOGICS = ("any", "any_short", "all", "none")


def that_answers(verdict, id_=1, *, result=None):
    """Return a condition that answers so of `facts_of()`."""
    of = {
        T: ("exists", "id", ...),
        F: ("absent", "id", ...),
        U: ("gt", "id", 5),
        P: ("frequency", None, 1),
    }
    more = {"period": 60, "op": "gte"} if verdict is P else {}
    type_, path, value = of[verdict]
    return condition(type_, path, value, id=id_, position=id_, result=result, **more)


def judged(logic, *verdicts, answers=None):
    conditions = [that_answers(verdict, n) for n, verdict in enumerate(verdicts, 1)]
    verdict = judge(group(logic, *conditions), facts_of(), answers)
    assert verdict is not None
    return verdict


def answers_of(verdict):
    return [one.verdict for one in verdict.conditions]


@pytest.mark.parametrize(
    ("logic", "expected"),
    [("any", [T, T, F]), ("all", [T, F, F]), ("none", [F, F, T])],
)
def test_judge__two_bounds(logic, expected):
    above_5 = condition("gt", "data.v", 5, id=1)
    above_3 = condition("gt", "data.v", 3, id=2)
    asked = group(logic, above_5, above_3)

    verdicts = [judge(asked, facts_of({"v": v})) for v in (10, 4, 1)]

    assert [verdict.verdict for verdict in verdicts if verdict] == expected


def test_any_short__stops_at_the_first_true():
    short = judged("any_short", F, T, T, U)
    whole = judged("any", F, T, T, U)

    assert answers_of(short) == [F, T, None, None]
    assert answers_of(whole) == [F, T, T, U]
    assert short.verdict is whole.verdict is T


def test_any_short__what_was_not_asked_saw_nothing():
    not_asked = judged("any_short", T, U).conditions[1]

    assert not_asked == ConditionVerdict(
        id=2, type="gt", verdict=None, path="id", wanted={"value": 5}
    )


@pytest.mark.parametrize("logic", LOGICS)
def test_empty_group__passes(logic):
    verdict = judge(group(logic), facts_of())

    assert verdict is not None
    assert verdict.passes


def test_no_group__is_no_verdict():
    assert judge(None, facts_of()) is None


@pytest.mark.parametrize(
    ("logic", "first", "expected"),
    [
        ("any", T, T),
        ("any", F, U),
        ("any_short", T, T),
        ("any_short", F, U),
        ("all", F, F),
        ("all", T, U),
        ("none", T, F),
        ("none", F, U),
    ],
)
def test_error__counts_only_where_it_could_flip(logic, first, expected):
    for verdicts in permutations([first, U]):
        verdict = judged(logic, *verdicts)

        assert verdict.verdict is expected
        assert verdict.error == ("type_mismatch" if expected is U else "")
        assert verdict.passes is (expected is T)


def test_error__the_first_by_position():
    broken = ConditionSnapshot(
        id=1, type="eq", config={}, position=0, problem="'path' is required"
    )

    verdict = judge(group("all", broken, that_answers(U, 2)), facts_of())

    assert verdict is not None
    assert verdict.error == "bad_config"
    assert [one.error for one in verdict.conditions] == ["bad_config", "type_mismatch"]


# An independent reading of the three values: an unknown may turn out either way; the answer
# is clear when every way gives the same one.
FOLDS = {"any": any, "any_short": any, "all": all, "none": lambda v: not any(v)}


def oracle(logic, verdicts):
    ways = product(*({T: [True], F: [False]}.get(v, [True, False]) for v in verdicts))
    outcomes = {FOLDS[logic](way) for way in ways}
    if len(outcomes) == 1:
        return T if outcomes.pop() else F
    return P if P in verdicts else U


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_judge__agrees_with_the_oracle(logic, length):
    for verdicts in product([T, F, U, P], repeat=length):
        expected = oracle(logic, verdicts)

        assert judged(logic, *verdicts).verdict is expected, verdicts


@given(
    logic=st.sampled_from(LOGICS),
    verdicts=st.lists(st.sampled_from([T, F, U, P]), min_size=1, max_size=8),
    data=st.data(),
)
def test_judge__order_does_not_matter(logic, verdicts, data):
    shuffled = data.draw(st.permutations(verdicts))

    assert judged(logic, *verdicts).verdict is judged(logic, *shuffled).verdict


def test_unknown_logic__is_an_error():
    verdict = judged("most", T, U)

    assert verdict.verdict is U
    assert verdict.error == "bad_config"
    assert answers_of(verdict) == [T, U]
    assert decide("most", []) is T


@pytest.mark.parametrize(
    ("logic", "verdicts", "expected"),
    [
        ("all", (T, P), P),
        ("any", (T, P), T),
        ("any_short", (P, T), T),
        ("all", (F, P), F),
        ("none", (T, P), F),
        ("any", (U, P), P),
        ("all", (U, P), P),
    ],
)
def test_slow__fast_verdicts_decide_first(logic, verdicts, expected):
    assert judged(logic, *verdicts).verdict is expected


@pytest.mark.parametrize(
    ("answer", "verdict", "error"),
    [
        (True, T, ""),
        (False, F, ""),
        (ConditionFailed("handler_error", "no connection"), U, "handler_error"),
        (None, U, "bad_verdict"),
        (1, U, "bad_verdict"),
    ],
)
def test_slow__answered_later(answer, verdict, error):
    together = judged("all", T, P, answers={2: answer})

    assert together.verdict is verdict
    assert together.error == error


def test_slow__asked_and_silent():
    together = judged("all", T, P, answers={})

    assert together.error == "handler_error"
    assert together.conditions[1].message == "was asked and did not answer"


def test_slow__removed_while_pending():
    assert judged("all", T, P).verdict is P
    assert judged("all", T, answers={2: False}).verdict is T


@pytest.fixture
def handler():
    """Yield a function that registers a handler under the name "own"."""

    def register(function):
        register_condition("own", function, schema={"type": "object"})

    yield register
    registry.conditions.unregister("own")


def own(**config):
    return condition("own", id=1, **config)


@pytest.mark.parametrize("said", [1, 0, None, "yes", [], F])
def test_handler__must_say_true_or_false(handler, said):
    handler(lambda facts, config: said)

    verdict = judge(group("any", own()), facts_of())

    assert verdict is not None
    assert verdict.verdict is U
    assert verdict.error == "bad_verdict"


def test_handler__raises(handler, caplog):
    def broken(facts, config):
        raise KeyError("rate")

    handler(broken)

    verdict = judge(group("any", own(), that_answers(T, 2)), facts_of())

    assert verdict is not None
    assert verdict.verdict is T
    assert verdict.error == ""
    assert verdict.conditions[0].error == "handler_error"
    assert verdict.conditions[0].message == "KeyError: 'rate'"
    (told,) = caplog.records
    assert told.getMessage() == "A condition failed."
    assert told.exc_info[0] is KeyError


@pytest.mark.parametrize(
    ("code", "error"),
    [("type_mismatch", "type_mismatch"), ("out_of_luck", "handler_error")],
)
def test_handler__names_its_error(handler, code, error):
    def failing(facts, config):
        raise ConditionFailed(code, "because")

    handler(failing)

    verdict = judge(group("any", own()), facts_of())

    assert verdict is not None
    assert verdict.error == error
    assert verdict.conditions[0].message == "because"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_handler__interrupt_passes_through(handler, stop):
    def interrupted(facts, config):
        raise stop

    handler(interrupted)

    with pytest.raises(stop):
        judge(group("any", own()), facts_of())


def test_handler__gets_facts_and_config(handler):
    handler(lambda facts, config: facts.get("data.a") == config["wanted"])

    verdict = judge(group("any", own(wanted=3)), facts_of({"a": 3}))

    assert verdict is not None
    assert verdict.passes


def test_handler__path_of_its_own_meaning(handler):
    handler(lambda facts, config: True)

    verdict = judge(group("any", own(path="/etc/hosts")), facts_of())

    assert verdict is not None
    assert verdict.passes
    assert verdict.conditions[0].path == "/etc/hosts"
    assert verdict.conditions[0].seen is None


def test_type__unknown():
    verdict = judge(group("any", condition("geo", "data.a")), facts_of({"a": 1}))

    assert verdict is not None
    assert verdict.error == "unknown_type"
    assert verdict.conditions[0].message == "no condition type 'geo' is registered"
    assert verdict.conditions[0].seen == 1


@pytest.mark.parametrize("config", [None, [], "x", {"path": 7}])
def test_problem__whatever_the_row_holds(config):
    broken = ConditionSnapshot(
        id=1, type="eq", config=config, position=0, problem="not an object"
    )

    verdict = judge(group("any", broken), facts_of())

    assert verdict is not None
    assert verdict.error == "bad_config"
    assert verdict.conditions[0].message == "not an object"
    assert verdict.conditions[0].wanted == config


@pytest.mark.parametrize(
    ("data", "seen", "missing"),
    [({"a": 7}, 7, False), ({"a": None}, None, False), ({}, None, True)],
)
def test_verdict__what_was_seen_and_wanted(data, seen, missing):
    asked = condition("in", "data.a", ["7"], id=3, result=25, **{"as": "number"})

    verdict = judge(group("any", asked), facts_of(data))

    assert verdict is not None
    assert verdict.conditions == (
        ConditionVerdict(
            id=3,
            type="in",
            verdict=T if seen else F,
            path="data.a",
            seen=seen,
            missing=missing,
            wanted={"value": ["7"], "as": "number"},
            result=25,
        ),
    )


def test_truth__has_nothing_to_do_with_the_value():
    facts = facts_of({"no": False, "zero": 0})
    both = group(
        "all", condition("eq", "data.no", False), condition("eq", "data.zero", 0)
    )

    verdict = judge(both, facts)

    assert verdict is not None
    assert answers_of(verdict) == [T, T]


def resulted(logic, *conditions):
    return results_of(judge(group(logic, *conditions), facts_of()))


def test_results__zero_is_one():
    results = resulted(
        "any", that_answers(T, 1, result=0), that_answers(T, 2, result=50)
    )

    assert results == (Priority.OK, Priority.MEDIUM)
    assert max(results) is Priority.MEDIUM


def test_results__of_true_conditions_alone():
    conditions = (
        that_answers(F, 1, result=75),
        that_answers(T, 2),
        that_answers(U, 3, result=50),
        that_answers(T, 4, result=25),
    )

    assert resulted("any", *conditions) == (Priority.LOW,)
    assert resulted("any_short", *conditions) == ()
    assert resulted("any_short", *conditions[2:]) == (Priority.LOW,)
    assert results_of(None) == ()
