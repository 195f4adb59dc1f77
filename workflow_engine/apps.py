"""The app as Django sees it: what is loaded once all models are there."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkflowEngineConfig(AppConfig):
    """Name and label `workflow_engine`."""

    name = "workflow_engine"
    label = "workflow_engine"
    verbose_name = _("Workflow engine")
    default_auto_field = "django.db.models.BigAutoField"
