"""Saves: what a save of a workflow costs, with everything on and with all of it off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

from django.db import connection
from django.db.models import signals

from workflow_engine.lookups import workflow_ids_by_detector, workflows
from workflow_engine.models import DetectorWorkflow, Workflow

_SIGNALS: Final = (
    signals.pre_save,
    signals.post_save,
    signals.pre_delete,
    signals.post_delete,
    signals.m2m_changed,
)
_rows: list[Workflow] = []


def begin_saves(key: int) -> int:
    """Read the row and make everything warm that it could spoil; return how many links."""
    _rows[:] = [Workflow.objects.get(pk=key)]
    linked = DetectorWorkflow.objects.filter(workflow=key)
    ids = list(linked.values_list("detector_id", flat=True))
    workflow_ids_by_detector.get_many(ids)
    return len(ids)


def begin_plain_saves(key: int) -> None:
    """Read the row; no receiver of the package and no database trigger runs from now on."""
    _rows[:] = [Workflow.objects.get(pk=key)]
    for signal in _SIGNALS:
        with signal.lock:
            signal.receivers.clear()
            signal.sender_receivers_cache.clear()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")


def save(number: int) -> float:
    """Return the seconds of one save; the entry is warm."""
    (row,) = _rows
    workflows.get(row.pk)
    row.name = f"Wide {number}"
    began = perf_counter()
    row.save()
    return perf_counter() - began


ORDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "begin_saves": begin_saves,
    "begin_plain_saves": begin_plain_saves,
    "save": save,
}
