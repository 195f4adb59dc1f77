"""Row: a rule of the database, given the values of the file through its own `save`."""

from __future__ import annotations

from typing import Any

from workflow_engine.models.rules import Rule
from workflow_engine.rulefile.difference import equal


def put(row: Rule, values: dict[str, Any], using: str) -> None:
    """Give a row these values by field; it is saved if it is new or one of them differs.

    What the file does not know stays as the database has it, whoever writes it meanwhile.
    """
    changed = {
        name: value for name, value in values.items() if _differs(row, name, value)
    }
    for name, value in changed.items():
        setattr(row, name, value)
    if row.pk is None:
        row.save(using=using)
    elif changed:
        row.save(using=using, update_fields=changed.keys())


def _differs(row: Rule, name: str, value: object) -> bool:
    return not equal(getattr(row, name), value)
