"""Setup: a database with the rules in it."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from benchmarks.lookups.rules import write_rules


def prepare() -> None:
    """Make the tables and write the rules."""
    call_command("migrate", verbosity=0)
    write_rules()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()
