import pytest

from tests.detectors.driver import Driver, an_event, at
from workflow_engine import registry
from workflow_engine.detectors import register_detector
from workflow_engine.exceptions import DuplicateHandler
from workflow_engine.types import opened
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason

ANYTHING = {"type": "object"}


@pytest.fixture(autouse=True)
def _registry_as_before():
    before = [entry.slug for entry in registry.detectors]
    yield
    for entry in list(registry.detectors):
        if entry.slug not in before:
            registry.detectors.unregister(entry.slug)


def entry_of(slug):
    entry = registry.detectors.get(slug)
    assert entry is not None
    return entry


def test_register_detector__function_that_remembers():
    @register_detector(
        "every_nth", schema={"type": "object", "required": ["n"]}, stateful=True
    )
    def every_nth(sample, state, config):
        count = state.memory.get("count", 0) + 1
        after = state.remember(count=count % config["n"])
        return after, opened("low") if count == config["n"] else "counting"

    driver = Driver("every_nth", {"n": 3})

    assert driver.values(1, 1, 1, 1) == [
        "counting",
        "counting",
        "opened low",
        "counting",
    ]
    assert entry_of("every_nth").problems({}) == ["config: 'n' is a required property"]


def test_register_detector__class_with_a_tick():
    @register_detector("egg_timer", schema=ANYTHING, stateful=True, ordered=False)
    class EggTimer:
        def detect(self, sample, state, config):
            return state.replace(wake_at=at(240)), Reason.COUNTING

        def tick(self, state, config, now):
            return state, opened("high", "done")

    driver = Driver("egg_timer")
    driver.take(an_event())
    driver.run_until(at(241))

    assert driver.transitions == [(at(240), "opened", "high")]
    assert not entry_of("egg_timer").is_ordered


def test_register_detector__called_with_everything():
    def judge(sample, state, config):
        return state, "unchanged"

    def tick(state, config, now):
        return state, "heard"

    register_detector(
        "odd",
        judge,
        schema=ANYTHING,
        stateful=lambda config: config["n"] > 1,
        label="Odd one",
        tick=tick,
        check=lambda config: ["n: must be odd"] if config["n"] % 2 == 0 else [],
    )

    entry = entry_of("odd")
    assert (entry.handler, entry.tick, entry.label) == (judge, tick, "Odd one")
    assert entry.is_ordered
    assert entry.is_stateful({"n": 3})
    assert not entry.is_stateful({"n": 1})
    assert entry.problems({"n": 4}) == ["n: must be odd"]
    assert entry.problems({"n": 3}) == []


def test_register_detector__what_is_not_said():
    @register_detector("plain", schema=ANYTHING)
    def plain(sample, state, config):
        return state, "unchanged"

    entry = entry_of("plain")
    assert entry.handler is plain
    assert entry.tick is None
    assert not entry.is_stateful({})
    assert entry.problems({"any": "thing"}) == []


def test_register_detector__name_that_is_taken():
    with pytest.raises(DuplicateHandler) as refused:

        @register_detector("threshold", schema=ANYTHING)
        def another(sample, state, config):
            return state, "unchanged"

    assert "workflow_engine.detectors.threshold.threshold" in str(refused.value)
    assert "another" in str(refused.value)


def test_register_detector__two_classes_of_one_name():
    @register_detector("taken", schema=ANYTHING)
    class First:
        def detect(self, sample, state, config):
            return state, "unchanged"

    with pytest.raises(DuplicateHandler, match=r"First\.detect.*Second\.detect"):

        @register_detector("taken", schema=ANYTHING)
        class Second:
            def detect(self, sample, state, config):
                return state, "unchanged"


def test_register_detector__class_without_detect():
    with pytest.raises(TypeError, match=r"'blind'.*Blind is a class without a method"):

        @register_detector("blind", schema=ANYTHING)
        class Blind:
            def look(self):
                return None

    assert registry.detectors.get("blind") is None


def test_register_detector__no_schema():
    with pytest.raises(ValueError, match="'bad': its schema is invalid"):

        @register_detector("bad", schema={"type": "thing"})
        def bad(sample, state, config):
            return state, "unchanged"


@pytest.mark.parametrize(
    ("kind", "is_ordered", "ticks"),
    [
        ("event", True, False),
        ("threshold", True, False),
        ("rate", False, True),
        ("absence", False, True),
    ],
)
def test_built_in_kinds__order_and_wakes(kind, is_ordered, ticks):
    entry = entry_of(kind)

    assert entry.is_ordered is is_ordered
    assert (entry.tick is not None) is ticks


@pytest.mark.parametrize(
    ("kind", "config", "is_stateful"),
    [
        ("event", {}, False),
        ("event", {"track": False}, False),
        ("event", {"track": True}, True),
        ("threshold", {}, True),
        ("rate", {}, True),
        ("absence", {}, True),
    ],
)
def test_built_in_kinds__state(kind, config, is_stateful):
    assert entry_of(kind).is_stateful(config) is is_stateful


@pytest.mark.parametrize("kind", ["event", "threshold", "rate", "absence"])
def test_built_in_kinds__refuse_keys_they_do_not_know(kind):
    problems = entry_of(kind).problems({"prority": "high"})

    assert any("'prority' was unexpected" in problem for problem in problems)


@pytest.mark.parametrize("kind", ["event", "rate", "absence"])
def test_built_in_kinds__priorities_are_names_of_trouble(kind):
    good = {"event": {}, "rate": {"period": 1, "count": 1}, "absence": {"for": 1}}[kind]
    entry = entry_of(kind)

    for level in (Priority.LOW, Priority.MEDIUM, Priority.HIGH):
        assert entry.problems({**good, "priority": level.label}) == []
    assert len(entry.problems({**good, "priority": "ok"})) == 1
    assert len(entry.problems({**good, "priority": 50})) == 1
