"""The pages are there by being installed, elsewhere on request, and not when unwanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.sites import AdminSite

from workflow_engine.admin import PAGES, STANDING, WorkflowAdmin, register
from workflow_engine.models import Workflow

EVERY = STANDING | PAGES

ROOT = Path(__file__).resolve().parents[2]
_COUNT = """
import django, json
from django.conf import settings
settings.WORKFLOW_ENGINE = {"ADMIN": %r}
django.setup()
from django.contrib import admin
print(json.dumps(sorted(m.__name__ for m in admin.site._registry
                        if m._meta.app_label == "workflow_engine")))
"""


class OwnWorkflowAdmin(WorkflowAdmin):
    """A page that somebody made of ours."""


def registered(*, wanted: bool) -> list[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "settings.test",
        "WORKFLOW_TEST_DB": "sqlite",
    }
    run = subprocess.run(
        [sys.executable, "-c", _COUNT % wanted],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    names: list[str] = json.loads(run.stdout)
    return names


@pytest.mark.parametrize("wanted", [True, False])
def test_admin__setting_says_whether_there_are_pages(wanted: bool) -> None:
    expected = sorted(model.__name__ for model in EVERY) if wanted else []

    assert registered(wanted=wanted) == expected


def test_register__on_a_site_of_ones_own() -> None:
    site = AdminSite(name="own")

    register(site)

    assert all(site.is_registered(model) for model in EVERY)


def test_register__keeps_what_is_there() -> None:
    site = AdminSite(name="own")
    site.register(Workflow, OwnWorkflowAdmin)

    register(site)

    assert type(site.get_model_admin(Workflow)) is OwnWorkflowAdmin


@pytest.mark.parametrize("page", EVERY.values(), ids=lambda page: page.__name__)
def test_page__passes_the_checks_of_django(page: Any) -> None:
    model = next(model for model, found in EVERY.items() if found is page)

    assert page(model, admin.site).check() == []
