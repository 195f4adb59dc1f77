"""workflow_prune: history that is older than it is to be kept goes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from workflow_engine import clock
from workflow_engine.management.command import EngineCommand
from workflow_engine.processing.prune import delete_old, old_rows


class Command(EngineCommand):
    """Deletes in small transactions; interrupted, it keeps what it has done."""

    help = "Delete history that is older than RETAIN_DAYS."
    example = "manage.py workflow_prune --dry-run"

    def add_options(self, parser: CommandParser) -> None:
        """Add --dry-run."""
        parser.add_argument(
            "--dry-run", action="store_true", help="Count, and delete nothing."
        )

    def run(self, given: dict[str, Any]) -> int:
        """Go through all tables and say what went."""
        verb = "would delete" if given["dry_run"] else "deleted"
        counts: dict[str, int] = {}
        for old in old_rows(clock.now()):
            count = old.rows.count() if given["dry_run"] else delete_old(old)
            counts[old.noun] = count
            if not given["json"]:
                self.say(f"{verb} {count} {old.noun} {old.why}")
        if given["json"]:
            self.say_json({"dry_run": given["dry_run"], "rows": counts})
        return 0
