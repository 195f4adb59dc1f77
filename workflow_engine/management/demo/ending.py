"""Ending: where to look now, and how to take it away; a command here can be typed as told."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from django.conf import settings  # noqa: TID251 - DEBUG, which is none of ours
from django.urls import NoReverseMatch, reverse

from workflow_engine.management.demo import rows


def see_text(served_by: str) -> str:
    """Return how to look at what the tour has left; `served_by` as one types it, or ""."""
    if not served_by:
        return f"start your server, then {_admin()}     {_login()}"
    address = f"http://127.0.0.1:8000{_admin()} (the next free port if 8000 is in use)"
    return f"{served_by}, then {address}     {_login()}"


def login_text() -> str:
    """Return where to look on the server that runs or is about to, and with which login."""
    return f"{_admin()} on your server     {_login()}"


def remove_text(settings_module: str | None) -> str:
    """Return the command that takes the demo away again.

    `settings_module` is what --settings said, None if it was not given.
    """
    words = [_near(sys.executable), *_script(), "workflow_demo", "--remove"]
    if settings_module:
        words += ["--settings", settings_module]
    return shlex.join(words)


def _script() -> list[str]:
    """Return what the interpreter was given: a script, or a package by its name."""
    path = Path(sys.argv[0])
    return ["-m", "django"] if path.name == "__main__.py" else [_near(path)]


def _near(path: str | Path) -> str:
    """Return a path as one would type it here: from the present directory, if inside it."""
    full, here = Path(os.path.abspath(path)), Path.cwd()  # noqa: PTH100 - keeps a venv's links
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


def _admin() -> str:
    try:
        return reverse("admin:workflow_engine_dashboard_changelist")
    except NoReverseMatch:
        return "the admin, which this project has no address for,"


def _login() -> str:
    """Say who may look; nobody new gets in where the project is in use."""
    password = rows.put_user() if settings.DEBUG else ""
    if not password:
        return "with a user of your own"
    return f"user {rows.USER}   password {password}"
