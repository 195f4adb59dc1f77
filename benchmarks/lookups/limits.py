"""Limits: what nobody can be quicker than who reads the same, on Redis and in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import redis

from benchmarks.lookups.answers import Answer, Ask
from benchmarks.lookups.questions import ENVIRONMENTS
from benchmarks.lookups.settings import OURS, REDIS_URL
from workflow_engine.lookups import workflow_ids_by_detector, workflows
from workflow_engine.models import Detector
from workflow_engine.types.snapshots import WorkflowSnapshot

#: For each question of a size, the commands that ours sent: the names of each MGET.
Recorded: TypeAlias = Sequence[Sequence[Sequence[str]]]


def client() -> redis.Redis:
    """Return a plain client of the Redis database that holds our entries."""
    return redis.Redis.from_url(f"{REDIS_URL}/{OURS}")


def mget(recorded: Recorded) -> list[Callable[[], Any]]:
    """Return for each question what reads its cells, as ours did."""
    own = client()

    def read(commands: Sequence[Sequence[str]]) -> None:
        for names in commands:
            own.mget(names)

    return [partial(read, commands) for commands in recorded]


def get(recorded: Recorded) -> list[Callable[[], Any]]:
    """Return for each question what reads one string, the first that ours read."""
    own = client()
    return [partial(own.get, commands[0][0]) for commands in recorded]


#: Those that are asked without a question.
NAMES: Final = {"mget": mget, "get": get}


def in_dicts() -> Ask:
    """Return what answers from two dictionaries, links by detector and workflows by key."""
    links = workflow_ids_by_detector.load(Detector.objects.values_list("pk", flat=True))
    known = workflows.load({key for linked in links.values() for key in linked})

    def ask(
        detector_ids: Sequence[int], environment: str
    ) -> dict[int, tuple[WorkflowSnapshot, ...]]:
        return {
            detector_id: tuple(
                workflow
                for workflow in [known[key] for key in links[detector_id]]
                if isinstance(workflow, WorkflowSnapshot)
                and workflow.enabled
                and (
                    workflow.environment is None or workflow.environment == environment
                )
            )
            for detector_id in detector_ids
        }

    return ask


def ready() -> Ask:
    """Return what answers from one dictionary of finished answers."""
    ask_dicts = in_dicts()
    ids = list(Detector.objects.values_list("pk", flat=True))
    known = {
        (detector_id, name): found
        for name in [f"environment-{place}" for place in range(ENVIRONMENTS)]
        for detector_id, found in ask_dicts(ids, name).items()
    }

    def ask(detector_ids: Sequence[int], environment: str) -> Answer:
        return {one: known[one, environment] for one in detector_ids}

    return ask
