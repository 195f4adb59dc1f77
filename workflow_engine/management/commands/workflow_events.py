"""workflow_events: judge events from a file, here and now, or hand them on."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.core.management.base import CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from tqdm import tqdm

from workflow_engine import api, clock, embedded, tasks
from workflow_engine.conf import options
from workflow_engine.exceptions import SubmitFailed
from workflow_engine.management.command import (
    NEEDS_A_LOOK,
    NOT_REACHED,
    EngineCommand,
    wrong,
)
from workflow_engine.management.lines import Line, open_lines, read_lines
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.ledger import DatabaseLedger, DryLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.replay import replay
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome, to_json
from workflow_engine.types.reasons import Result

RESULTS: Final = {
    Result.FIRED: "fired",
    Result.HELD: "held",
    Result.FAILED: "failed",
    Result.NO_MATCH: "no match",
}


@dataclass
class Tally:
    """What has become of the lines so far."""

    events: int = 0
    refused: int = 0
    results: Counter[Result] = field(default_factory=Counter)
    began: float = field(default_factory=clock.monotonic)

    def per_second(self) -> float:
        """Return the rate of events since the beginning."""
        return self.events / max(clock.monotonic() - self.began, 1e-9)


class Command(EngineCommand):
    """Reads JSON Lines; a bad line is reported and does not stop the rest."""

    help = "Judge events from a file of CloudEvents as JSON Lines, here and now."
    example = "manage.py workflow_events shop.jsonl"

    def add_options(self, parser: CommandParser) -> None:
        """Add the file and the ways to take it."""
        parser.add_argument("file", help="File, .gz too; - reads standard input.")
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--dry-run", action="store_true", help="Decide and write nothing."
        )
        ways.add_argument(
            "--submit", action="store_true", help="Hand events to workers instead."
        )
        ways.add_argument(
            "--replay",
            action="store_true",
            help="The clock follows the events' times; state in memory, nothing written.",
        )
        parser.add_argument(
            "--speed", type=float, help="Wait as `time` says, so many times faster."
        )
        parser.add_argument(
            "--environment", default="", help="For events that have none."
        )
        parser.add_argument(
            "--batch",
            type=int,
            help="Events judged together; EVENT_BATCH if not given.",
        )
        parser.add_argument("--from-line", type=int, default=1, help="Begin there.")
        parser.add_argument(
            "--on-error",
            choices=("continue", "stop"),
            default="continue",
            help="What a bad line does.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Read, judge, count."""
        self.given = given
        self.tally = Tally()
        self.stopped_at = 0
        batch = options.EVENT_BATCH if given["batch"] is None else given["batch"]
        if not 1 <= batch <= 1000:  # noqa: PLR2004 - the bound of EVENT_BATCH
            raise wrong(f"--batch must be from 1 to 1000, not {batch}")
        if given["speed"] is not None and not given["speed"] > 0:
            raise wrong(f"--speed must be more than 0, not {given['speed']}")
        try:
            source = open_lines(given["file"])
        except OSError as error:
            raise wrong(f"{given['file']} cannot be read: {error.strerror}") from error
        with source, self._bar() as self.bar:
            if given["replay"]:
                self._replay(source)
            else:
                self._batches(source, batch)
        buffer.flush()
        self._summary()
        return NEEDS_A_LOOK if self.tally.refused else 0

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
        try:
            outcomes = self._way()(events)
        except (OperationalError, InterfaceError, SubmitFailed) as error:
            message = (
                f"A server was not reached: {error}\n"
                f"Everything before line {batch[0][0]} is done; "
                f"go on with --from-line {batch[0][0]}"
            )
            raise CommandError(message, returncode=NOT_REACHED) from error
        self.tally.events += len(events)
        for (number, _), outcome in zip(batch, outcomes, strict=False):
            self._tell(number, outcome)

    def _way(self) -> Callable[[Sequence[Event]], list[Outcome]]:
        if self.given["submit"]:
            return _submit
        return _rehearse if self.given["dry_run"] else _decide

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
        if not outcome.item:
            self.tally.results[outcome.outcome] += 1
        if self.given["json"]:
            line = {} if number is None else {"line": number}
            self.say_json({**line, **to_json(outcome)})
        elif self.given["verbosity"] > 1 and outcome.outcome is not Result.NO_MATCH:
            self.say(f"{outcome.id}  {RESULTS[outcome.outcome]}  {outcome.reason}")

    def _refuse(self, line: Line) -> None:
        self.tally.refused += 1
        for problem in line.problems:
            self.stderr.write(f"line {line.number}: {problem}")

    def _summary(self) -> None:
        tally = self.tally
        if self.stopped_at:
            self.stderr.write(
                f"stopped; go on with --from-line {self.stopped_at + 1}, "
                f"or mend line {self.stopped_at}"
            )
        if self.given["json"]:
            counts = {result.value: tally.results[result] for result in Result}
            summary = {"events": tally.events, **counts, "refused": tally.refused}
            rate = round(tally.per_second(), 1)
            self.say_json({"summary": {**summary, "events_per_second": rate}})
            return
        parts = [f"{Path(self.given['file']).name}", f"{tally.events} events"]
        parts.append(f"{tally.per_second():.0f}/s")
        if self.given["submit"]:
            parts.append("submitted")
        else:
            parts += [f"{RESULTS[r]} {tally.results[r]}" for r in Result]
        self.say("  ".join([*parts, f"refused {tally.refused}"]))

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


def _decide(events: Sequence[Event]) -> list[Outcome]:
    """Judge and write; due items go to workers, or are carried out here without a broker."""
    send = tasks.send_items if tasks.uses_celery() else embedded.execute_now
    return process(events, DatabaseLedger(send), clock.now())


def _rehearse(events: Sequence[Event]) -> list[Outcome]:
    """Judge and write nothing."""
    return process(events, DryLedger(), clock.now())


def _submit(events: Sequence[Event]) -> list[Outcome]:
    """Hand on; nothing is known of the outcome yet."""
    api.hand_over(events)
    return []
