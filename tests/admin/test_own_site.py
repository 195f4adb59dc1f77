"""On a site of one's own every link stays on it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.factories import (
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.admin.own_site")]


def links(response: Any) -> list[str]:
    return re.findall(r'href="(/[^"]*)"', response.content.decode())


@pytest.mark.parametrize(
    "page",
    [
        "workflow/",
        "workflow/add/",
        "workflow/{workflow}/change/",
        "detector/",
        "detector/add/",
        "detector/add/?kind=event",
        "detector/{detector}/change/",
        "action/",
        "environment/",
        "firing/{firing}/change/",
        "decision/{decision}/change/",
    ],
)
def test_page__leads_nowhere_else(editor: Client, page: str) -> None:
    group = GroupActionFactory().group
    link = DetectorWorkflowFactory(workflow=group.workflow)
    line = WorkflowDecisionFactory(workflow=group.workflow)
    firing = FiringFactory(workflow=group.workflow, succeeded=True)
    pks = {
        "workflow": group.workflow_id,
        "detector": link.detector_id,
        "firing": firing.pk,
        "decision": line.decision.pk,
    }

    response = editor.get(f"/own/workflow_engine/{page.format(**pks)}")

    assert response.status_code == 200
    own = {"/", "/static/"}
    foreign = [
        one
        for one in links(response)
        if not one.startswith(("/own/", "/static/")) and one not in own
    ]
    assert not foreign
