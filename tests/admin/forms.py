"""What a browser would send: every field of the form on a page, as it stands there."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._select = self._textarea = ""
        self._is_first_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = {name: value or "" for name, value in attrs}
        checked = "checked" in got
        match tag:
            case "input" if got.get("type") in {"checkbox", "radio"}:
                if checked:
                    self.found[got["name"]] = got.get("value", "on")
            case "input" if (
                got.get("type") not in {"submit", "search"} and "name" in got
            ):
                self.found[got["name"]] = got.get("value", "")
            case "textarea":
                self._textarea = got["name"]
                self.found[self._textarea] = ""
            case "select":
                self._select, self._is_first_option = got.get("name", ""), True
            case "option" if self._select:
                if self._is_first_option or "selected" in got:
                    self.found[self._select] = got.get("value", "")
                self._is_first_option = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            start = self.found[self._textarea]
            # The line end after the opening tag is no part of the value.
            self.found[self._textarea] = start + (data if start else data.lstrip("\n"))


def fields_of(response: Any, **filled: str) -> dict[str, str]:
    """Return the fields on the page of a response, with some filled in.

    `__` in a keyword stands for what a prefix is joined with, "-".
    """
    parser = _Fields()
    parser.feed(response.content.decode())
    unknown = filled.keys() - parser.found.keys()
    assert not unknown, f"no such field: {sorted(unknown)}"
    return {**parser.found, **filled}


def errors_on(response: Any) -> list[Any]:
    """Return every error of the form and the formsets on a page."""
    formsets = [one.formset for one in response.context["inline_admin_formsets"]]
    found = [response.context["adminform"].form.errors]
    for formset in formsets:
        found += [formset.non_form_errors(), *formset.errors]
    return [one for one in found if one]
