"""A person at a browser: sees the page, presses keys, and hears what the console says."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from django.contrib.auth.models import User
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as conditions
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

MOST_TABS = 150  # on a page; more, and the field cannot be reached
ANSWER_SECONDS = 30

#: A checker of accessibility, and what it finds that keeps somebody from using a page.
AXE = (files("axe_core_python") / "axe.min.js").read_text()
GRAVE = {"serious", "critical"}
RUN_AXE = """
    const done = arguments[arguments.length - 1];
    axe.run(document, {resultTypes: ["violations"]}).then(
        found => done(found.violations.map(one => ({
            id: one.id, impact: one.impact, at: one.nodes.map(node => node.html)}))),
        error => done([{id: String(error), impact: "critical", at: []}]));
"""


@dataclass
class Screen:
    """One window."""

    driver: Any
    server: str
    directory: Path

    @classmethod
    def logged_in(cls, driver: Any, server: str, directory: Path) -> Self:
        """Log in as a superuser, by the login page."""
        User.objects.create_superuser("anna", password="hunter2")  # noqa: S106
        screen = cls(driver, server, directory)
        screen.open("/admin/")
        screen.type("username", "anna")
        screen.type("password", "hunter2")
        screen.enter("password")
        assert "Log out" in screen.text()
        return screen

    def open(self, path: str) -> None:
        """Go to a page of the server."""
        self.driver.get(self.server + path)

    def text(self) -> str:
        """Return what can be read."""
        body = self.driver.find_element(By.TAG_NAME, "body")
        return " ".join(str(body.get_attribute("textContent")).split())

    def tab_to(self, name: str) -> Any:
        """Press the tabulator until the field of this name has the focus."""
        for _ in range(MOST_TABS):
            element = self.driver.switch_to.active_element
            if element.get_attribute("name") == name:
                return element
            element.send_keys(Keys.TAB)
        raise AssertionError(f"{name} cannot be reached by keyboard")

    def type(self, name: str, keys: str) -> None:
        """Go to a field by keyboard and type; in a list, letters choose."""
        self.tab_to(name).send_keys(keys)

    def enter(self, name: str) -> None:
        """Press Enter on a field or button, and wait for the page that follows."""
        page = self.driver.find_element(By.TAG_NAME, "html")
        self.tab_to(name).send_keys(Keys.ENTER)
        WebDriverWait(self.driver, ANSWER_SECONDS).until(
            conditions.staleness_of(page), f"no page after {name}"
        )

    def shoot(self, name: str, *, width: int = 1280, dark: bool = False) -> int:
        """Take a picture of the whole page; return how wide the page really is."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        cdp = self.driver.execute_cdp_cmd
        cdp("Emulation.setEmulatedMedia", {"features": [scheme]})
        metrics = {
            "width": width,
            "height": 900,
            "deviceScaleFactor": 1,
            "mobile": False,
        }
        cdp("Emulation.setDeviceMetricsOverride", metrics)
        size = cdp("Page.getLayoutMetrics", {})["cssContentSize"]
        metrics["height"] = min(int(size["height"]), 5000)
        cdp("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.save_screenshot(str(self.directory / f"{name}.png"))
        return int(size["width"])

    def value(self, name: str) -> float | None:
        """Return the exact value of a figure; None where it is not known."""
        found = self.driver.find_element(By.CSS_SELECTOR, f'[data-figure="{name}"]')
        value = found.get_attribute("value")
        return float(value) if value else None

    def choose(self, name: str, text: str) -> None:
        """Choose from a list by what its option says."""
        Select(self.driver.find_element(By.NAME, name)).select_by_visible_text(text)

    def follow(self, text: str) -> None:
        """Go where a link or a button of this text leads."""
        page = self.driver.find_element(By.TAG_NAME, "html")
        path = (
            f"//a[normalize-space()={text!r}] | //button[normalize-space()={text!r}]"
            f" | //input[@type='submit' and @value={text!r}]"
        )
        self.driver.find_element(By.XPATH, path).click()
        WebDriverWait(self.driver, ANSWER_SECONDS).until(
            conditions.staleness_of(page), f"no page after {text}"
        )

    def faults(self) -> list[str]:
        """Return the grave faults of accessibility that the page has; needs scripts."""
        self.driver.set_script_timeout(ANSWER_SECONDS)
        self.driver.execute_script(AXE)
        found = self.driver.execute_async_script(RUN_AXE)
        return [
            f"{one['id']} ({one['impact']}): {one['at']}"
            for one in found
            if one["impact"] in GRAVE
        ]

    def hidden(self) -> int:
        """Return how many pixels of the table of a list lie beyond its edge."""
        box = self.driver.find_element(By.CSS_SELECTOR, "#changelist .results")
        return int(box.get_property("scrollWidth")) - int(
            box.get_property("clientWidth")
        )

    def complaints(self) -> list[str]:
        """Return what the console has said so far."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        # The browser asks for an icon by itself; a project may have one.
        return [message for message in said if "/favicon.ico " not in message]
