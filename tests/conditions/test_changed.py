import pytest

from tests.conditions.builders import answer, condition, facts_of, group
from workflow_engine import registry
from workflow_engine.conditions.changed import changed, paths_watched
from workflow_engine.conditions.equality import sight
from workflow_engine.types.snapshots import ConditionSnapshot

PATH = "data.owner"


def replayed(*events, **config):
    """Return the answer at each event, when each sight is remembered for the next."""
    last: dict[str, str] = {}
    answers = []
    for data in events:
        answers.append(answer("changed", PATH, data=data, last=dict(last), **config))
        last[PATH] = sight(facts_of(data).get(PATH))
    return answers


def test_changed__missing_and_null_are_values():
    events = [{"owner": "x"}, {"owner": "x"}, {"owner": "y"}, {}, {"owner": None}]

    answers = replayed(*events)

    assert answers == [False, False, True, True, True]


def test_changed__another_subject_starts_anew():
    first = replayed({"owner": "x"}, {"owner": "y"})
    second = replayed({"owner": "z"})

    assert first == [False, True]
    assert second == [False]


def test_changed__by_the_rules_of_eq():
    answers = replayed({"owner": 1}, {"owner": 1.0}, {"owner": True}, {"owner": "1"})

    assert answers == [False, False, True, True]


def test_changed__first_sight_missing():
    assert replayed({}, {"owner": "x"}) == [False, True]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("y", [False, True, False, False, False]),
        (None, [False, False, False, False, True]),
        ("z", [False, False, False, False, False]),
    ],
)
def test_changed__to(to, expected):
    events = [{"owner": "x"}, {"owner": "y"}, {"owner": "x"}, {}, {"owner": None}]

    answers = replayed(*events, to=to)

    assert answers == expected


def test_changed__another_path_was_seen():
    facts = facts_of({"owner": "x"}, last={"data.other": sight("x")})

    assert changed(facts, {"path": PATH}) is False


def test_paths_watched__each_once_by_position():
    watched = group(
        "any",
        condition("changed", "data.b"),
        condition("eq", "data.x", 1),
        condition("changed", "data.a"),
        condition("changed", "data.b", to="z"),
        ConditionSnapshot(
            id=7, type="changed", config=None, position=9, problem="not an object"
        ),
    )

    assert paths_watched(watched) == ("data.b", "data.a")
    assert paths_watched(None) == ()


def test_roles__trigger_only():
    entry = registry.conditions.get("changed")

    assert entry is not None
    assert entry.roles == {"trigger"}
    assert entry.problems({"path": PATH}) == []
    assert entry.problems({"path": "x"}) != []
