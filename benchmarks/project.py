"""The project of the benchmarks that need one: SQLite in a file that goes with the process.

Imported before any model is, since it sets Django up.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import django
from django.conf import settings  # noqa: TID251 - a project sets what an app only reads
from django.core.management import call_command

_folder: Final = TemporaryDirectory(prefix="workflow-benchmark-")
FOLDER: Final = Path(_folder.name)

os.environ |= {
    "DJANGO_SETTINGS_MODULE": "settings.test",
    "WORKFLOW_TEST_DB": "sqlite",
    "WORKFLOW_TEST_SQLITE_FILE": str(FOLDER / "benchmark.sqlite3"),
}
settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads"}
django.setup()
call_command("migrate", verbosity=0)
