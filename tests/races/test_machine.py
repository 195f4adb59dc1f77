"""Every way of writing, by two processes, in orders nobody wrote down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from pytest_django import Settings

from tests.caches.processes import Cells
from tests.races.machine.actors import coherence_here
from tests.races.machine.machine import OnCells, OnRows
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.receivers import connect, disconnect

pytestmark = pytest.mark.django_db(transaction=True)

BOUNDED = hypothesis_settings(
    max_examples=10,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

UNSHRUNK = hypothesis_settings(
    BOUNDED, phases=[Phase.generate], print_blob=False, database=None
)


@pytest.fixture(autouse=True)
def _writers_settle_for_themselves() -> Iterator[None]:
    disconnect(declared)
    connect(declared, coherence_here)
    yield
    disconnect(declared)
    connect(declared)


class Forgetful(CellCoherence):
    """Lets every commit pass: the broken double that the machine must refuse."""

    def settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        return True


class Blind(RowCoherence):
    """Never asks for the number again."""

    def _vouch(self, moment: Moment) -> None:
        for place in moment.group.places:
            if place.near.standing.tag is None:
                super()._vouch(moment)
                return
        moment.standings = {
            place.question.name: place.near.standing for place in moment.group.places
        }


def run_on_cells(
    cells: Cells, settings: Settings, made_by: type[CellCoherence], how: Any
) -> None:
    class Machine(OnCells):
        pass

    Machine.client = cells.client
    Machine.settings = dict(settings.WORKFLOW_ENGINE)
    Machine.make_coherence = staticmethod(
        lambda: made_by("default", RedisStore(cells.alias), declared)
    )
    run_state_machine_as_test(Machine, settings=how)


def run_on_rows(made_by: type[RowCoherence], how: Any) -> None:
    class Machine(OnRows):
        pass

    Machine.settings = {"CACHE_ALIAS": None, "CACHE_VERIFY_SHARE": 0}
    Machine.make_coherence = staticmethod(lambda: made_by("default", declared))
    run_state_machine_as_test(Machine, settings=how)


@pytest.mark.redis
@pytest.mark.postgres
def test_machine__entries_in_redis(cells: Cells, settings: Settings) -> None:
    run_on_cells(cells, settings, CellCoherence, BOUNDED)


def test_machine__entries_in_the_processes() -> None:
    run_on_rows(RowCoherence, BOUNDED)


@pytest.mark.redis
@pytest.mark.postgres
def test_machine__finds_a_process_that_forgets_nothing(
    cells: Cells, settings: Settings
) -> None:
    with pytest.raises(AssertionError, match="reads something else"):
        run_on_cells(cells, settings, Forgetful, UNSHRUNK)


def test_machine__finds_a_process_that_never_asks_again() -> None:
    with pytest.raises(AssertionError, match="reads something else"):
        run_on_rows(Blind, UNSHRUNK)
