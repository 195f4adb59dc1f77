"""workflow_export: the rules as a file that can be read, reviewed and imported again."""

from __future__ import annotations

from typing import Any

from workflow_engine import api, rulefile
from workflow_engine.management.command import EngineCommand


class Command(EngineCommand):
    """Slugs instead of ids, sorted; the output is JSON with or without --json."""

    help = "Write all rules as JSON to standard output."
    example = "manage.py workflow_export > rules.json"

    def run(self, given: dict[str, Any]) -> int:  # noqa: ARG002 - it has no options
        """Print the rules."""
        self.stdout.write(rulefile.dumps(api.export_rules()), ending="")
        return 0
