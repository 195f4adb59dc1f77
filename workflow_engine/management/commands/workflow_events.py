"""workflow_events: judge events from a file, here and now, or hand them on."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from tqdm import tqdm

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.exceptions import SubmitFailed
from workflow_engine.management.command import (
    INTERRUPTED,
    NEEDS_A_LOOK,
    NOT_REACHED,
    EngineCommand,
    database_error,
    wrong,
)
from workflow_engine.management.lines import (
    Line,
    Unreadable,
    open_lines,
    read_lines,
)
from workflow_engine.management.tally import RESULTS, Tally, errors_of
from workflow_engine.management.ways import decide, rehearse, submit
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.replay import replay
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome, to_json

MOST_TOGETHER: Final = 1000  # the bound of EVENT_BATCH


class Command(EngineCommand):
    """Reads JSON Lines; a bad line is reported and does not stop the rest."""

    help = (
        "Judge events from a file of CloudEvents as JSON Lines, here and now. "
        "With -v 2, say of each event what became of it."
    )
    example = "manage.py workflow_events shop.jsonl"

    def add_options(self, parser: CommandParser) -> None:
        """Add the file and the ways to take it."""
        parser.add_argument("file", help="File, .gz too; - reads standard input.")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--dry-run",
            action="store_true",
            help=(
                "Decide and write nothing: each event is judged as if it came alone, "
                "against the database as it is."
            ),
        )
        ways.add_argument(
            "--submit",
            action="store_true",
            help="Hand events to workers, or to workflow_queue, instead.",
        )
        ways.add_argument(
            "--replay",
            action="store_true",
            help="The clock follows the events' times; state in memory, nothing written.",
        )
        parser.add_argument(
            "--speed",
            type=float,
            metavar="TIMES",
            help="Wait between events as their times say, so many times faster.",
        )
        parser.add_argument(
            "--environment",
            default="",
            metavar="NAME",
            help="For events that have none.",
        )
        parser.add_argument(
            "--batch",
            type=int,
            metavar="EVENTS",
            help="How many are judged together; EVENT_BATCH if not given.",
        )
        parser.add_argument(
            "--from-line", type=int, default=1, metavar="LINE", help="Begin there."
        )
        parser.add_argument(
            "--on-error",
            choices=("continue", "stop"),
            default="continue",
            help="Whether a line that holds no event ends the run.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Read, judge, count."""
        self.given = given
        self.tally = Tally()
        self.next_line = given["from_line"]  # everything before it is done
        self.stopped_at = 0
        batch = _checked_batch(given)
        try:
            source = open_lines(given["file"])
        except Unreadable as error:
            raise wrong(str(error)) from error
        try:
            with source, self._bar() as self.bar:
                if given["replay"]:
                    self._replay(source)
                else:
                    self._batches(source, batch)
        except Unreadable as error:
            raise wrong(self._go_on(str(error))) from error
        except KeyboardInterrupt:
            raise CommandError(
                self._go_on("Interrupted."), returncode=INTERRUPTED
            ) from None
        finally:
            buffer.flush()
        self._summary()
        return NEEDS_A_LOOK if self.tally.refused or self.tally.errors else 0

    def _go_on(self, what: str) -> str:
        """Return what happened, and where to go on."""
        if self.given["replay"]:
            return what  # it begins with empty memory, and so at the beginning
        begin = f"--from-line {self.next_line}"
        return f"{what}\nEverything before line {self.next_line} is done; go on with {begin}"

    def _lines(self, source: BinaryIO) -> Iterator[tuple[int, Event]]:
        """Yield good lines, paced; report bad ones."""
        lines = read_lines(
            source,
            first=self.given["from_line"],
            environment=self.given["environment"],
        )
        previous: datetime | None = None
        for line in lines:
            self.bar.update(line.size_bytes)
            if line.event is None:
                self._refuse(line)
                if self.given["on_error"] == "stop":
                    self.stopped_at = line.number
                    return
                continue
            previous = self._wait(previous, line.event.time)
            yield line.number, line.event

    def _wait(self, previous: datetime | None, time: datetime) -> datetime:
        speed = self.given["speed"]
        if speed is None:
            return time
        if previous is not None and time > previous:
            clock.pause((time - previous).total_seconds() / speed)
        return time if previous is None else max(previous, time)

    def _batches(self, source: BinaryIO, size: int) -> None:
        size = 1 if self.given["speed"] is not None else size
        batch: list[tuple[int, Event]] = []
        for numbered in self._lines(source):
            batch.append(numbered)
            if len(batch) == size:
                self._take(batch)
                batch = []
        if batch:
            self._take(batch)

    def _take(self, batch: Sequence[tuple[int, Event]]) -> None:
        events = [event for _, event in batch]
        self.next_line = batch[0][0]
        try:
            outcomes = self._way()(events)
        except (OperationalError, InterfaceError, SubmitFailed) as error:
            raise self._not_reached(error) from error
        self.next_line = batch[-1][0] + 1
        self.tally.events += len(events)
        for (number, _), outcome in zip(batch, outcomes, strict=False):
            self._tell(number, outcome)

    def _not_reached(self, error: Exception) -> CommandError:
        """Return that a server was away, and where to go on; or that there are no tables."""
        behind = error if isinstance(error, DatabaseError) else error.__cause__
        if isinstance(behind, DatabaseError):
            said = database_error(behind)
            if said.returncode != NOT_REACHED:
                return said
        message = self._go_on(f"A server was not reached: {error}")
        return CommandError(message, returncode=NOT_REACHED)

    def _way(self) -> Callable[[Sequence[Event]], list[Outcome]]:
        if self.given["submit"]:
            return submit
        return rehearse if self.given["dry_run"] else decide

    def _replay(self, source: BinaryIO) -> None:
        numbers: deque[int] = deque()

        def events() -> Iterator[Event]:
            for number, event in self._lines(source):
                numbers.append(number)
                yield event

        for outcome in replay(events()):
            if outcome.item:
                self._tell(None, outcome)
            else:
                self.tally.events += 1
                self._tell(numbers.popleft(), outcome)

    def _tell(self, number: int | None, outcome: Outcome) -> None:
        self.tally.count(outcome)
        if self.given["json"]:
            line = {} if number is None else {"line": number}
            self.say_json({**line, **to_json(outcome)})
            return
        place = outcome.item if number is None else f"line {number}"
        for error in errors_of(outcome):
            self.stderr.write(f"{place}: {outcome.id}: {error}")
        if self.given["verbosity"] > 1:
            self.say(f"{outcome.id}  {RESULTS[outcome.outcome]}  {outcome.reason}")

    def _refuse(self, line: Line) -> None:
        self.tally.refused += 1
        for problem in line.problems:
            self.stderr.write(f"line {line.number}: {problem}")
        if self.given["json"]:
            self.say_json({"line": line.number, "refused": list(line.problems)})

    def _summary(self) -> None:
        if self.stopped_at:
            self.stderr.write(
                f"stopped at line {self.stopped_at}; mend it and go on with "
                f"--from-line {self.stopped_at}"
            )
        if self.given["json"]:
            self.say_json({"summary": self.tally.json()})
        else:
            name = Path(self.given["file"]).name
            self.say(self.tally.text(name, is_handed_on=self.given["submit"]))

    def _bar(self) -> tqdm[Any]:
        name = self.given["file"]
        known = name != "-" and not name.endswith(".gz")
        quiet = self.given["verbosity"] == 0 or not sys.stderr.isatty()
        return tqdm(
            total=Path(name).stat().st_size if known else None,
            desc=name,
            unit="B",
            unit_scale=True,
            file=sys.stderr,
            disable=quiet,
            leave=False,
        )


def _checked_batch(given: dict[str, Any]) -> int:
    """Return how many events are judged together; refuse numbers that make no sense."""
    batch: int = options.EVENT_BATCH if given["batch"] is None else given["batch"]
    if not 1 <= batch <= MOST_TOGETHER:
        raise wrong(f"--batch must be from 1 to {MOST_TOGETHER}, not {batch}")
    if given["speed"] is not None and not given["speed"] > 0:
        raise wrong(f"--speed must be more than 0, not {given['speed']}")
    if given["from_line"] < 1:
        raise wrong(f"--from-line must be 1 or more, not {given['from_line']}")
    return batch
