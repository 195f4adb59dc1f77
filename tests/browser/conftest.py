"""A browser without a screen, and a server under a strict policy for it to look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver

from tests.browser.screen import Screen

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Where the pictures of the last run are kept.
PICTURES = Path(__file__).resolve().parents[2] / "data" / "pictures"
_NO_SCRIPTS = {"profile.managed_default_content_settings.javascript": 2}


@pytest.fixture(scope="session")
def programs() -> tuple[str, str]:
    """Return where the browser and its driver are; without them there is no test."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if found and driver:
        return found, driver
    message = "no Chromium with chromedriver on this machine"
    if os.environ.get("CI") == "true" or os.environ.get("WORKFLOW_REQUIRE_BROWSER"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    """Yield the address of a server whose pages carry the policy."""
    middleware = [*settings.MIDDLEWARE, "tests.browser.policy.plain_policy"]
    with override_settings(MIDDLEWARE=middleware):
        live = LiveServer("127.0.0.1")
        yield live.url
        live.stop()


def driver_of(programs: tuple[str, str], profile: Path, **prefs: int) -> Any:
    PICTURES.mkdir(parents=True, exist_ok=True)
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", prefs)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=programs[1])
    return webdriver.Chrome(options=options, service=service)


@pytest.fixture
def screen(programs: tuple[str, str], server: str, tmp_path: Path) -> Iterator[Screen]:
    """Yield a browser with scripts, logged in."""
    driver = driver_of(programs, tmp_path / "profile")
    yield Screen.logged_in(driver, server, PICTURES)
    driver.quit()


@pytest.fixture
def plain_screen(
    programs: tuple[str, str], server: str, tmp_path: Path
) -> Iterator[Screen]:
    """Yield a browser with scripts turned off, logged in."""
    driver = driver_of(programs, tmp_path / "profile", **_NO_SCRIPTS)
    yield Screen.logged_in(driver, server, PICTURES)
    driver.quit()
