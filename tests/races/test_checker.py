"""Every interleaving of small worlds keeps the promises, and needs every rule for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import pytest

from tests.races.checker.configurations import CONFIGURATIONS, MIXED
from tests.races.checker.naive import Naive, NaiveCache
from tests.races.checker.presence import Presence
from tests.races.checker.resolving import Resolving
from tests.races.checker.routes import Routes
from tests.races.checker.row_store import RowStore
from tests.races.checker.rules import Rules
from tests.races.checker.search import Found, Step, replay, search
from tests.races.checker.system import System
from tests.races.checker.traces import failing_traces, found_without, sample_traces
from tests.races.checker.variants import VARIANTS

#: How many states each search sees at least; one that sees fewer has lost some steps.
AT_LEAST: Final = {
    "two processes, rollback": 12_000,
    "three processes": 55_000,
    "two threads": 21_000,
    "two writers": 3_100,
    "two processes, two writers": 26_000,
    "reader in a snapshot": 10_000,
    "own look-up, rollback": 5_200,
    "generation read early": 25_000,
    "generation read early, threads": 39_000,
    "generation read early, evicted": 16_000,
    "evictions": 26_000,
    "generation evicted": 69_000,
    "generation evicted, threads": 130_000,
    "generation evicted, two writers": 52_000,
    "generation evicted twice": 40_000,
    "generation evicted, memory full": 150_000,
    "generation evicted, restart": 60_000,
    "generation evicted, failover": 140_000,
    "generation evicted, forget_all": 200_000,
    "permit expires": 33_000,
    "memory full": 23_000,
    "memory full twice": 8_400,
    "restart from a snapshot": 5_300,
    "restart, two processes": 26_000,
    "restart, two writers": 37_000,
    "failover and back": 18_000,
    "time-outs, late commands": 26_000,
    "time-outs, two processes": 92_000,
    "writer killed, two sweeps": 16_000,
    "two writers killed": 28_000,
    "psql, a sweep killed": 17_000,
    "psql, a sweep stopped": 1_000,
    "forget_all": 46_000,
    "forget_all, eviction": 9_900,
    "Redis away": 8_300,
    "Redis away, process restarted": 15_000,
    "Redis away, two writers": 45_000,
}


def _shows(found: Found, signs: Sequence[str]) -> bool:
    """Whether a trace has these steps in this order, others in between."""
    steps = iter(map(str, found.trace))
    return all(sign in steps for sign in signs)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_protocol__every_interleaving(name: str) -> None:
    found = search(System(CONFIGURATIONS[name]))

    assert not found.wrong, found.story()
    assert found.states >= AT_LEAST[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_protocol__without_one_rule(name: str) -> None:
    found = found_without(name)

    assert found.wrong, f"no trace in {found.states} states: is the rule needed?"
    assert _shows(found, VARIANTS[name].signs), found.story()


def test_rules__each_is_dropped_by_a_variant() -> None:
    dropped = {
        field.name
        for variant in VARIANTS.values()
        for field in fields(Rules)
        if not getattr(variant.rules, field.name)
    }

    assert dropped == {field.name for field in fields(Rules)}


@pytest.mark.parametrize(
    "rules",
    [Rules(value_has_permits_reign=False), Rules(fill_asks_server=False)],
    ids=["value without the permit's", "FILL does not ask"],
)
@pytest.mark.parametrize("name", ["restart, two processes", "failover and back"])
def test_incarnation_of_permit__either_use_suffices(name: str, rules: Rules) -> None:
    found = search(System(CONFIGURATIONS[name], rules))

    assert not found.wrong, found.story()
    assert found.states >= 16_000


@pytest.mark.parametrize("way", Naive)
def test_weaker_protocol__is_stale(way: Naive) -> None:
    found = search(NaiveCache(way))

    assert found.wrong.startswith("C1"), f"no trace in {found.states} states"
    assert len(found.trace) <= 9, found.story()


def test_routes__every_interleaving() -> None:
    found = search(Routes())

    assert not found.wrong, found.story()
    assert found.states >= 8_000


def test_presence__every_interleaving() -> None:
    found = search(Presence())

    assert not found.wrong, found.story()
    assert found.states >= 120


@pytest.mark.parametrize("begins_linked", [True, False], ids=["unlinked", "linked"])
def test_resolving__every_interleaving(begins_linked: bool) -> None:
    found = search(Resolving(begins_linked=begins_linked))

    assert not found.wrong, found.story()
    assert found.states >= 90


def test_row_store__every_interleaving() -> None:
    found = search(RowStore())

    assert not found.wrong, found.story()
    assert found.states >= 10_000


def test_row_store__database_put_back__newer_than_it_until_the_next_commit() -> None:
    found = search(RowStore(strict=True))

    signs = ("R reads the number", "W commits", "R loads", "Database is restored")
    assert _shows(found, signs), found.story()


def test_row_store__database_put_back__number_and_entry_in_one_statement() -> None:
    found = search(RowStore(strict=True, in_one_statement=True))

    assert not found.wrong, found.story()
    assert found.states >= 5_000


def test_failing_traces__are_possible_and_end_where_a_promise_breaks() -> None:
    traces = failing_traces()

    assert traces.keys() == VARIANTS.keys()
    for name, trace in traces.items():
        model = VARIANTS[name].build(VARIANTS[name].rules)
        *before, last = replay(model, trace)
        assert not any(model.wrong(world) for world in before), name
        assert model.wrong(last) or model.stuck(last), name


def test_sample_traces__are_runs_of_the_protocol() -> None:
    traces = sample_traces(200, seed=1)

    assert traces == sample_traces(200, seed=1)
    assert len(set(traces)) > 190
    system = System(MIXED)
    assert not any(system.wrong(replay(system, trace)[-1]) for trace in traces)


def test_replay__tells_answers() -> None:
    system = System(MIXED, tells=True)
    trace = [Step("R1", name) for name in ("asks", "takes a permit")]
    trace += [Step("R1", name) for name in ("renews the generation", "loads", "fills")]
    trace += [Step("R2", "asks")]

    worlds = replay(system, trace)

    assert worlds[-3].answer is None
    assert [world.answer for world in worlds[-2:]] == [("R1", 0), ("R2", 0)]


def test_replay__impossible_step() -> None:
    with pytest.raises(ValueError, match="'R1 fills' is not possible here"):
        replay(System(MIXED), [Step("R1", "fills")])


def test_sample_traces__show_every_kind_of_step() -> None:
    steps = {str(step) for trace in sample_traces(400, seed=2) for step in trace}

    assert steps >= {
        "R1 fills",
        "R1 fills, refused",
        "R1 drops an odd cell",
        "R2 looks again",
        "R2 gives up waiting",
        "W1 rolls back",
        "W2 is killed",
        "S1 commits its drain",
        "Redis restarts from the snapshot",
    }
