"""workflow_queue: the runner as a command: what comes due is sent, until it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import CommandParser

from workflow_engine import clock, embedded, tasks
from workflow_engine.conf import options
from workflow_engine.management.command import EngineCommand
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import (
    Dispatcher,
    Runner,
    Send,
    StoreReader,
    ThreadSender,
    unsend,
)

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Command(EngineCommand):
    """Without a broker it carries items out itself, on RUNNER_THREADS threads."""

    help = "Send items when they are due: delays, retries, slow answers."
    example = "manage.py workflow_queue"

    def add_options(self, parser: CommandParser) -> None:
        """Add the executor and --once."""
        parser.add_argument(
            "--executor",
            choices=("celery", "threads"),
            help="Who carries items out; EXECUTOR if not given.",
        )
        parser.add_argument(
            "--once", action="store_true", help="Send what is due now, and end."
        )

    def run(self, given: dict[str, Any]) -> int:
        """Run until a signal; then claim nothing more and let what runs end."""
        by_celery = given["executor"] == "celery" or (
            given["executor"] is None and tasks.uses_celery()
        )
        if given["once"]:
            send: Send = tasks.send_items if by_celery else embedded.execute_now
            sent = _send_all_due(send)
        elif by_celery:
            sent = _run_until_signal(tasks.send_items, self._started)
        else:
            sent = self._run_threads()
        buffer.flush()
        if given["json"]:
            self.say_json({"sent": sent})
        elif given["once"]:
            self.say(f"sent {sent} items")
        return 0

    def _started(self) -> None:
        self.stderr.write("running (Ctrl-C: claim nothing more, finish what runs)")

    def _run_threads(self) -> int:
        executor = Executor(clock.SYSTEM, send=None, send_task=None)
        pool = ThreadSender(executor.execute, options.RUNNER_THREADS)
        sent = _run_until_signal(pool, self._started)
        intake = pool.stop(options.RUNNER_DRAIN_SECONDS)
        unsend(intake.waiting)
        return sent


def _send_all_due(send: Send) -> int:
    dispatcher = Dispatcher(send=send, clock=clock.SYSTEM, reader=StoreReader())
    total = 0
    while sent := dispatcher.run_once():
        total += sent
    return total


def _run_until_signal(send: Send, started: Callable[[], None]) -> int:
    sent = 0

    def counting(pairs: Any) -> None:
        nonlocal sent
        send(pairs)
        sent += len(pairs)

    runner = Runner(send=counting)
    before = {s: signal.signal(s, lambda *_: runner.stop(0)) for s in _SIGNALS}
    started()
    try:
        runner.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return sent
