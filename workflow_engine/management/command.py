"""Command: what all commands share: --json, exit codes, a closed pipe, an interrupt.

Exit codes: 0 done and well; 1 done, and something needs a look; 2 wrong arguments or
settings; 3 a server it needs was not reached; 130 interrupted, work so far is kept.
"""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS, Action, ArgumentDefaultsHelpFormatter
from typing import Any, ClassVar, Final

import msgspec
from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connections

from workflow_engine import exceptions
from workflow_engine.conf import options, require
from workflow_engine.models import WorkItem
from workflow_engine.types.event import JSON

NEEDS_A_LOOK: Final = 1
WRONG: Final = 2
NOT_REACHED: Final = 3
INTERRUPTED: Final = 130


class _Help(DjangoHelpFormatter, ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something, and Django's own options last."""

    def _get_help_string(self, action: Action) -> str | None:
        says_nothing = action.default in {None, False, "", SUPPRESS}
        return action.help if says_nothing else super()._get_help_string(action)


class EngineCommand(BaseCommand):
    """Base of all commands; a subclass writes `add_options` and `run`."""

    #: One command line, shown first in --help.
    example: ClassVar[str] = ""
    requires_system_checks = []

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        """Put the example before everything else."""
        kwargs.setdefault("formatter_class", _Help)
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        plain = parser.format_help
        parser.format_help = lambda: f"Example: {self.example}\n\n{plain()}"  # type: ignore[method-assign] # of this parser alone
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
            require()
            code = self.run(given)
            self.stdout.flush()
        except exceptions.InvalidSettings as error:
            raise CommandError(str(error), returncode=WRONG) from error
        except DatabaseError as error:
            raise database_error(error) from error
        except exceptions.BrokerRefused as error:
            raise CommandError(str(error), returncode=NOT_REACHED) from error
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


def database_error(error: DatabaseError) -> CommandError:
    """Return the sentence for a database that is away, or that was never migrated.

    Any other error of a database is ours, and is to be seen whole.
    """
    alias = options.DATABASE
    try:
        tables = connections[alias].introspection.table_names()
    except (OperationalError, InterfaceError):
        message = f"The database '{alias}' was not reached: {error}".strip()
        return CommandError(message, returncode=NOT_REACHED)
    except DatabaseError:
        raise error from None
    if WorkItem._meta.db_table not in tables:
        return wrong(
            f"The tables of workflow_engine are not in the database '{alias}': "
            "run manage.py migrate"
        )
    if isinstance(error, OperationalError | InterfaceError):
        message = f"The database '{alias}' did not answer: {error}".strip()
        return CommandError(message, returncode=NOT_REACHED)
    raise error
