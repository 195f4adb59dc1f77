"""Sets Django up; imported before any model is."""

from __future__ import annotations

from importlib import import_module

import django
from django.conf import settings  # noqa: TID251 - a project sets what an app only reads
from django.core.management import call_command

HOURS = 168

settings.WORKFLOW_ENGINE = {
    **settings.WORKFLOW_ENGINE,
    "METRICS_RETAIN_HOURS": {"minute": HOURS, "hour": HOURS},
}
django.setup()
call_command("migrate", verbosity=0)
# What migrating counted would stand where the rows of the benchmark are to be.
import_module("workflow_engine.metrics.figures").discard()
