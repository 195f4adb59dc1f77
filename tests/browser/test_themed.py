"""The pages under a theme that takes the admin's templates over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse

from tests.browser.conftest import PICTURES, driver_of
from tests.browser.screen import Screen
from tests.browser.test_pages import rules
from workflow_engine.admin.registration import PAGES, STANDING
from workflow_engine.lookups import workflows_for_detectors
from workflow_engine.metrics import figures

pytestmark = [
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def themed_screen(
    programs: tuple[str, str], child_environment: dict[str, str], tmp_path: Path
) -> Iterator[Screen]:
    """Yield a browser on a server whose admin has the theme, logged in."""
    environment = {
        **child_environment,
        "DJANGO_SETTINGS_MODULE": "tests.browser.themed",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.browser.serving"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    driver = driver_of(programs, tmp_path / "profile")
    yield Screen.logged_in(driver, address, PICTURES)
    driver.quit()
    server.terminate()
    server.wait(30)
    server.stdout.close()


def test_pages__under_a_theme(themed_screen: Screen) -> None:
    workflow = rules()
    lists = [
        (
            model.__name__,
            reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"),
        )
        for model in (*PAGES, *STANDING)
    ]
    form = reverse("admin:workflow_engine_workflow_change", args=[workflow.pk])
    entry = f"?access=workflows&key={workflow.pk}"
    inspector = reverse("admin:workflow_engine_cache_inspect") + entry
    workflows_for_detectors([one.pk for one in workflow.detectors.all()], "production")
    figures.flush()

    for name, path in [*lists, ("form", form), ("inspector", inspector)]:
        themed_screen.open(path)
        themed_screen.shoot(f"themed-{name.lower()}")
        text = themed_screen.text()

        assert "Server Error" not in text, name
        assert "Workflow engine" in text, name
