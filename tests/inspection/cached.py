"""A rule that is cached, and a change of it that nobody announces."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.db import connection

from tests.factories import DetectorFactory, DetectorWorkflowFactory, WorkflowFactory
from workflow_engine.caches import LookUp
from workflow_engine.caches.coherence import reset
from workflow_engine.lookups.detectors import detectors
from workflow_engine.lookups.workflows import workflow_ids_by_detector, workflows
from workflow_engine.models import CacheOutbox, Workflow

UNREACHED = "redis://127.0.0.1:1/0"


def keep_in_redis(settings: Any, **more: object) -> None:
    """Keep entries in Redis, under names of this test alone."""
    settings.WORKFLOW_ENGINE = {
        "CACHE_ALIAS": "default",
        "CACHE_PREFIX": uuid.uuid4().hex,
        "CACHE_VERIFY_SHARE": 0,
        "CACHE_VERIFY_GRACE_SECONDS": 0.1,
        **more,
    }


def lose_redis(settings: Any) -> None:
    """Let the server be where nobody listens."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": UNREACHED}}


def cached_workflow(**fields: object) -> Workflow:
    """Return a workflow on a detector, both and their link cached by another process."""
    detector = DetectorFactory(slug="pushes", name="Pushes")
    workflow: Workflow = WorkflowFactory(
        **{"slug": "tell-the-team", "name": "Tell the team", "interval": 600, **fields}
    )
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    LookUp(workflows).get_many(workflows, [workflow.pk])
    LookUp(detectors).get_many(detectors, [detector.pk])
    LookUp(workflow_ids_by_detector).get_many(workflow_ids_by_detector, [detector.pk])
    reset()
    return workflow


def change_unseen(workflow: Workflow) -> None:
    """Change its interval as if there were no trigger: nobody owes the entry anything."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_workflow SET interval = 1800 WHERE id = %s",
            [workflow.pk],
        )
    CacheOutbox.objects.all().delete()


def figures(page: str) -> dict[str, str]:
    """Return what a page shows under each `data-figure`, without markup."""
    found = re.findall(
        r'data-figure="([^"]+)"[^>]*>(.*?)</(?:dd|td|p)>', page, re.DOTALL
    )
    return {name: text_of(shown) for name, shown in found}


def table_rows(page: str, attribute: str) -> dict[str, list[str]]:
    """Return the cells of each row of a table that has an attribute, by its value."""
    rows = re.findall(
        rf'<tr [^>]*?{attribute}="([^"]*)".*?>(.*?)</tr>', page, re.DOTALL
    )
    return {
        value: [
            text_of(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for value, row in rows
    }


def text_of(markup: str) -> str:
    """Return the words of some markup."""
    return " ".join(re.sub(r"<[^>]+>", "", markup).split())
