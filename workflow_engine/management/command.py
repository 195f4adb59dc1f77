"""Command: what all commands share: --json, exit codes, a closed pipe, an interrupt.

Exit codes: 0 done and well; 1 done, and something needs a look; 2 wrong arguments or
settings; 3 a server it needs was not reached; 130 interrupted, work so far is kept.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter
from typing import Any, ClassVar, Final

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from workflow_engine import exceptions
from workflow_engine.conf import options
from workflow_engine.types.event import JSON

NEEDS_A_LOOK: Final = 1
WRONG: Final = 2
NOT_REACHED: Final = 3
INTERRUPTED: Final = 130


class _Help(RawDescriptionHelpFormatter, ArgumentDefaultsHelpFormatter):
    """Keeps the example as it is written and shows defaults."""


class EngineCommand(BaseCommand):
    """Base of all commands; a subclass writes `add_options` and `run`."""

    #: One command line, shown first in --help.
    example: ClassVar[str] = ""
    requires_system_checks = ()

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        """Put the example first."""
        kwargs.setdefault("formatter_class", _Help)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.description = f"Example: {self.example}\n\n{self.help}"
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --json beside the command's own."""
        self.add_options(parser)
        parser.add_argument(
            "--json", action="store_true", help="JSON on stdout, and nothing else."
        )

    def add_options(self, parser: CommandParser) -> None:
        """Add the command's own arguments."""

    def handle(self, *_: Any, **given: Any) -> None:
        """Run, and turn what goes wrong into a sentence and an exit code."""
        try:
            options.require()
            code = self.run(given)
            self.stdout.flush()
        except exceptions.InvalidSettings as error:
            raise CommandError(str(error), returncode=WRONG) from error
        except (OperationalError, InterfaceError) as error:
            message = f"The database was not reached: {error}".strip()
            raise CommandError(message, returncode=NOT_REACHED) from error
        except BrokenPipeError:
            # Whoever read this has enough; nothing more can be said on stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None
        if code:
            sys.exit(code)

    def run(self, given: dict[str, Any]) -> int:
        """Do the work and return the exit code."""
        raise NotImplementedError(f"{type(self).__name__} must say what it does")

    def say(self, text: str) -> None:
        """Write a line for people."""
        self.stdout.write(text)

    def say_json(self, value: JSON) -> None:
        """Write one JSON value on a line of its own."""
        self.stdout.write(msgspec.json.encode(value).decode())


def wrong(message: str) -> CommandError:
    """Return the error of wrong arguments or input; exit code 2."""
    return CommandError(message, returncode=WRONG)
