"""Acts: what the process that is killed writes; each changes answers each time it runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from django.db import transaction

from tests.models.outbox import run
from workflow_engine.caches.coherence import current
from workflow_engine.models import (
    CacheOutbox,
    Detector,
    DetectorWorkflow,
    Environment,
    Workflow,
)

Act = Callable[[], None]


def save() -> None:
    """Save one row in autocommit."""
    workflow = Workflow.objects.order_by("pk")[0]
    workflow.name = uuid.uuid4().hex
    workflow.save()


def move() -> None:
    """Move a detector to another route, and save something else with it."""
    with transaction.atomic():
        detector = Detector.objects.order_by("pk")[0]
        is_there = detector.source == "/shop"
        detector.source = "/third" if is_there else "/shop"
        detector.save(update_fields=["source"])
        save()


def rename() -> None:
    """Rename what workflows name; which, is asked before and after the commit."""
    environment = Environment.objects.order_by("pk")[0]
    environment.name = uuid.uuid4().hex
    environment.save()


def delete() -> None:
    """Delete a detector with its groups and links."""
    Detector.objects.order_by("-pk")[0].delete()


def link() -> None:
    """Unlink a workflow, or link it again."""
    detector = Detector.objects.order_by("pk")[0]
    workflow = Workflow.objects.order_by("pk")[0]
    if DetectorWorkflow.objects.filter(detector=detector, workflow=workflow).exists():
        workflow.detectors.remove(detector)
    else:
        workflow.detectors.add(detector)


def bulk() -> None:
    """Change several rows by one statement."""
    is_enabled = Detector.objects.order_by("pk")[0].enabled
    Detector.objects.all().update(enabled=not is_enabled)


def sweep() -> None:
    """Forget what others owe."""
    current().sweep()


def owe() -> None:
    """Write what nobody's hook hears of, so that it is owed."""
    run("UPDATE workflow_engine_workflow SET name = %s", uuid.uuid4().hex)
    run("UPDATE workflow_engine_detector SET enabled = NOT enabled")


def owe_all() -> None:
    """Write what nobody's hook hears of, and owe everything for it."""
    with transaction.atomic():
        run("UPDATE workflow_engine_workflow SET name = %s", uuid.uuid4().hex)
        CacheOutbox.objects.all().delete()
        CacheOutbox.objects.create(source=Workflow._meta.db_table, rows=None)


def nothing() -> None:
    """Need nothing before the act."""


#: Each by name, with what comes before it in the same process, and is not cut short.
ACTS: Final[dict[str, tuple[Act, Act]]] = {
    **{
        act.__name__: (nothing, act) for act in (save, move, rename, delete, link, bulk)
    },
    "sweep": (owe, sweep),
    "sweep_all": (owe_all, sweep),
}
