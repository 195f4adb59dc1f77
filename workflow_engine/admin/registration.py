"""Registration: which pages there are, put on an admin site.

The default site gets them when Django looks for admin modules, unless the setting ADMIN is
False; a site of one's own calls `register(site)`.
"""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.db import models

from workflow_engine.admin.actions import ActionAdmin
from workflow_engine.admin.cache import CacheAdmin
from workflow_engine.admin.dashboard import DashboardAdmin
from workflow_engine.admin.decisions import DecisionAdmin, WorkflowDecisionAdmin
from workflow_engine.admin.deliveries import DeliveryAdmin
from workflow_engine.admin.detectors import DetectorAdmin
from workflow_engine.admin.environments import EnvironmentAdmin
from workflow_engine.admin.firings import FiringAdmin
from workflow_engine.admin.items import ItemAdmin
from workflow_engine.admin.workflows import WorkflowAdmin
from workflow_engine.conf import options
from workflow_engine.models import (
    Action,
    Cache,
    Dashboard,
    Decision,
    Delivery,
    Detector,
    Environment,
    Firing,
    Workflow,
    WorkflowDecision,
    WorkItem,
)

#: Pages without rows of their own.
STANDING: Final[dict[type[models.Model], Any]] = {
    Dashboard: DashboardAdmin,
    Cache: CacheAdmin,
}

#: Lists of rows, and a page for each row.
PAGES: Final[dict[type[models.Model], Any]] = {
    Environment: EnvironmentAdmin,
    Detector: DetectorAdmin,
    Workflow: WorkflowAdmin,
    Action: ActionAdmin,
    Decision: DecisionAdmin,
    WorkflowDecision: WorkflowDecisionAdmin,
    Firing: FiringAdmin,
    Delivery: DeliveryAdmin,
    WorkItem: ItemAdmin,
}


def register(site: AdminSite) -> None:
    """Put every page on a site; a model that has one there already keeps it."""
    for model, page in (STANDING | PAGES).items():
        if not site.is_registered(model):
            site.register(model, page)


if options.ADMIN:
    register(admin.site)
