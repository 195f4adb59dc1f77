"""workflow_import: rules from a file, all of them or none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandParser

from workflow_engine import api
from workflow_engine.exceptions import InvalidRules
from workflow_engine.management.command import (
    NEEDS_A_LOOK,
    EngineCommand,
    wrong,
)


class Command(EngineCommand):
    """One transaction; what the file does not name stays, unless --delete-missing."""

    help = "Make the rules those of a file."
    example = "manage.py workflow_import rules.json --check"

    def add_options(self, parser: CommandParser) -> None:
        """Add the file and what to do with it."""
        parser.add_argument("file", help="File; - reads standard input.")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Say what would change and change nothing; exit 1 when anything would.",
        )
        parser.add_argument(
            "--delete-missing",
            action="store_true",
            help="Delete rules that the file does not name.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Import, and print every difference."""
        try:
            differences = api.import_rules(
                _read(given["file"]),
                check=given["check"],
                delete_missing=given["delete_missing"],
            )
        except InvalidRules as refused:
            message = "\n".join(["Nothing was changed.", *refused.errors])
            raise wrong(message) from refused
        if given["json"]:
            self.say_json({"differences": [str(found) for found in differences]})
        else:
            for found in differences:
                self.say(str(found))
            if not differences:
                self.say("nothing to change")
        return NEEDS_A_LOOK if given["check"] and differences else 0


def _read(name: str) -> Any:
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise wrong(f"{name} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"{name} is not JSON: {error}") from error
