"""workflow_queue: the runner as a command: what comes due is sent, until it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from django.core.management.base import CommandParser

from workflow_engine import clock, tasks
from workflow_engine.companion import Companion, sweep_once
from workflow_engine.conf import options
from workflow_engine.embedded import Engine
from workflow_engine.management import hands
from workflow_engine.management.command import NEEDS_A_LOOK, EngineCommand
from workflow_engine.processing.buffer import buffer
from workflow_engine.queue import Dispatcher, Runner, Send, StoreReader
from workflow_engine.status import pausing

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
LOOK_SECONDS: Final = 1.0  # between looks whether the runner still runs

_PAUSED: Final = "paused: nothing is begun (workflow_status: by whom, why, until when)"
_RESUMED: Final = "the pause is over"


class _Loop(Protocol):
    """A runner, or an engine with a runner in it."""

    @property
    def is_running(self) -> bool: ...

    @property
    def is_paused(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self, seconds: float) -> bool: ...


class _Sending:
    """A runner that sends to workers, and what is to be done beside it."""

    def __init__(self) -> None:
        self._runner = Runner(send=tasks.send_items)
        self._companion = Companion()

    @property
    def is_running(self) -> bool:
        return self._runner.is_running

    @property
    def is_paused(self) -> bool:
        return self._runner.is_paused

    def start(self) -> None:
        self._runner.start()
        self._companion.start()

    def stop(self, seconds: float) -> bool:
        until = clock.monotonic() + seconds
        ended = self._runner.stop(seconds)
        return self._companion.stop(max(0.0, until - clock.monotonic())) and ended


class Command(EngineCommand):
    """Without a broker it carries items out itself, on RUNNER_THREADS threads."""

    help = (
        "Send items when they are due: delays, retries, slow answers. Ctrl-C or SIGTERM: "
        "claim nothing more and finish what runs; once more: end at once."
    )
    example = "manage.py workflow_queue"

    def add_options(self, parser: CommandParser) -> None:
        """Add the executor and --once."""
        parser.add_argument(
            "--executor",
            choices=("celery", "threads"),
            help="Who carries items out: workers, or this process; EXECUTOR if not given.",
        )
        parser.add_argument(
            "--once",
            action="store_true",
            help=(
                "Send what is due now, and end; threads: carry it out here, "
                "exit 1 when any of it fails."
            ),
        )

    def run(self, given: dict[str, Any]) -> int:
        """Run until a signal; then claim nothing more and let what runs end."""
        by_celery = given["executor"] == "celery" or (
            given["executor"] is None and tasks.uses_celery()
        )
        if given["once"]:
            sweep_once()
            self._tell_pause()
            return self._send_once(given) if by_celery else self._carry_out_once(given)
        loop: _Loop = _Sending() if by_celery else Engine(send_task=hands.task_sender())
        code = self._until_signal(loop, "workers" if by_celery else "threads here")
        buffer.flush()
        return code

    def _send_once(self, given: dict[str, Any]) -> int:
        sent = _send_all_due(tasks.send_items)
        text = f"sent {sent} {_noun(sent)}"
        self._say_counts(given, {"sent": sent}, text)
        return 0

    def _carry_out_once(self, given: dict[str, Any]) -> int:
        here = hands.Hands()
        _send_all_due(here)
        buffer.flush()
        began, failed = len(here.began), here.failed()
        text = f"began {began} {_noun(began)}, {failed} failed"
        self._say_counts(given, {"began": began, "failed": failed}, text)
        return NEEDS_A_LOOK if failed else 0

    def _say_counts(
        self, given: dict[str, Any], counts: dict[str, int], text: str
    ) -> None:
        if given["json"]:
            self.say_json(counts)
        else:
            self.say(text)

    def _tell_pause(self) -> None:
        paused = pausing.read(options.DATABASE, clock.now())
        if paused is not None:
            self.stderr.write(f"{paused.text}: nothing is begun")

    def _until_signal(self, loop: _Loop, hands_text: str) -> int:
        with _signals() as wait:
            loop.start()
            self.stderr.write(
                f"running, items are carried out by {hands_text} "
                "(Ctrl-C: finish what runs; again: end at once)"
            )
            was_paused = False
            while not wait() and loop.is_running:
                if loop.is_paused is not was_paused:
                    was_paused = not was_paused
                    self.stderr.write(_PAUSED if was_paused else _RESUMED)
        # From here on a signal ends the process, as it would any other.
        if loop.stop(options.RUNNER_DRAIN_SECONDS):
            self.stderr.write("stopped, nothing runs any more")
            return 0
        self.stderr.write(
            f"stopped; what did not end in {options.RUNNER_DRAIN_SECONDS} s is taken up "
            f"again {options.ITEM_LEASE_SECONDS} s after it began"
        )
        return NEEDS_A_LOOK


def _noun(count: int) -> str:
    return "item" if count == 1 else "items"


def _send_all_due(send: Send) -> int:
    dispatcher = Dispatcher(send=send, clock=clock.SYSTEM, reader=StoreReader())
    total = 0
    while sent := dispatcher.run_once():
        total += sent
    return total


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Give a wait for a signal, that says whether one came; restore what was before.

    Handlers only put a word into a queue that may be interrupted by them: whoever takes a
    lock in a handler may wait for the very code it has interrupted.
    """
    came: SimpleQueue[int] = SimpleQueue()
    before = {s: signal.signal(s, lambda number, _: came.put(number)) for s in _SIGNALS}

    def wait() -> bool:
        try:
            came.get(timeout=LOOK_SECONDS)
        except Empty:
            return False
        return True

    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
