"""The project: PostgreSQL as the environment says, and a SQLite file beside it."""

import os

from settings.base import sqlite_database
from settings.test import *  # noqa: F403
from settings.test import DATABASES

DATABASES["sqlite"] = sqlite_database(os.environ["FLUSHES_SQLITE_FILE"])
WORKFLOW_ENGINE = {"EXECUTOR": "threads", "METRICS_FLUSH_SECONDS": 60}
