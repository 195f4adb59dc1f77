"""Statements of a test, without those on rules and without transactions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.test.utils import CaptureQueriesContext

from tests.processing.world import RUNNING_MODELS
from workflow_engine.models import ActionHealth, Delivery

_TABLES = re.compile(
    "|".join(
        rf'"{model._meta.db_table}"'
        for model in (*RUNNING_MODELS, ActionHealth, Delivery)
    )
)


def running_statements(queries: CaptureQueriesContext) -> list[str]:
    """Return the statements that read or write what processing keeps, in order."""
    return statements(query["sql"] for query in queries.captured_queries)


def statements(sqls: Iterable[str]) -> list[str]:
    """Return those of these that are about a running row."""
    return [sql for sql in sqls if _TABLES.search(sql)]
