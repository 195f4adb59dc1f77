"""workflow_status: whether all is well, in a line for each part."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import CommandParser

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.management.command import NEEDS_A_LOOK, EngineCommand, wrong
from workflow_engine.status import report
from workflow_engine.status.part import Level, Part
from workflow_engine.status.report import Report

FAIL_ON: Final = {"warn": Level.WARN, "error": Level.ERROR}

#: Longest time between two looks.
DAY_SECONDS: Final = 86_400

#: As wide as the longest name.
NAME_CHARACTERS: Final = 13
LEVEL_CHARACTERS: Final = 5


class Command(EngineCommand):
    """A Redis that is away is one of the lines; without the database there are none."""

    help = (
        "Show whether all is well: the rules, the look-ups and the cache behind them, the "
        "items. Exit 1 when something needs a look, 3 when the database was not reached."
    )
    example = "manage.py workflow_status"

    def add_options(self, parser: CommandParser) -> None:
        """Add what counts as a failure, and how often to look."""
        parser.add_argument(
            "--fail-on",
            choices=FAIL_ON,
            default="error",
            help="The mildest level that makes it exit 1.",
        )
        parser.add_argument(
            "--watch",
            type=float,
            metavar="SECONDS",
            help="Look again after so many seconds, until Ctrl-C; --json: a line each time.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Look, and tell; again and again with --watch."""
        seconds = given["watch"]
        if seconds is not None and not 0 < seconds <= DAY_SECONDS:
            raise wrong(
                f"--watch must be above 0 and at most {DAY_SECONDS}, not {seconds}"
            )
        found = self._look(given)
        while seconds is not None:
            self.stdout.flush()
            clock.pause(seconds)
            self._look(given)
        return NEEDS_A_LOOK if found.level >= FAIL_ON[given["fail_on"]] else 0

    def _look(self, given: dict[str, Any]) -> Report:
        found = report.read(options.DATABASE, clock.now())
        if found.away:
            self.stderr.write(found.away)
        if given["json"]:
            self.say_json(found.json())
            return found
        watched = f"{found.at:%H:%M:%S} UTC · " if given["watch"] else ""
        self.say(watched + found.versions.line())
        for part in found.parts:
            self.say(self._line(part))
        if given["watch"]:
            self.say("")
        return found

    def _line(self, part: Part) -> str:
        paint = {
            Level.OK: self.style.SUCCESS,
            Level.WARN: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }[part.level]
        name = part.name.ljust(NAME_CHARACTERS)
        level = paint(part.level.shown.ljust(LEVEL_CHARACTERS))
        return "  ".join(filter(None, (f"{name} {level}", part.text, part.cure)))
