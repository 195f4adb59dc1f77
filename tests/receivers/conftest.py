"""Rules of every kind, and a coherence that remembers what it was told to forget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.caches.coherence.recording import Recording
from tests.caches.processes import cells, numbers
from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    WorkflowFactory,
)
from tests.lookups.rows import linked, whole_detector, whole_workflow
from workflow_engine.caches.declared import declared
from workflow_engine.receivers import connect, disconnect

__all__ = ["cells", "committed_rules", "numbers", "recording", "rules"]


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Yield what hears of this test's writes, in place of this process's coherence."""
    made = Recording()
    disconnect(declared)
    connect(declared, lambda: made)
    yield made
    disconnect(declared)
    connect(declared)


def write_rules() -> None:
    """Write two of everything, and at the end of each table a row nothing refers to."""
    for number in (1, 2):
        workflow = whole_workflow(
            environment=EnvironmentFactory(name=f"env-{number}"), snoozed=True
        )
        linked(whole_detector(source="/shop"), workflow)
    DetectorFactory()
    ConditionGroupFactory(workflow=WorkflowFactory(), if_group=True, position=9)
    ActionFactory()
    EnvironmentFactory(name="spare")


@pytest.fixture
def rules(recording: Recording) -> None:
    """Write rules and remember nothing of that."""
    write_rules()
    recording.clear()


@pytest.fixture
def committed_rules(db: None) -> None:
    """Write rules, heard by the coherence of this process."""
    write_rules()
