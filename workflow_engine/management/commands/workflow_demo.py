"""workflow_demo: a minute with the app: rules, events, what fired, what did not, and why."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.core.management.base import CommandParser

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.management import hands
from workflow_engine.management.command import NEEDS_A_LOOK, EngineCommand
from workflow_engine.management.demo import ending, rows
from workflow_engine.management.demo.asked import Asked, look_up_texts
from workflow_engine.management.demo.tour import event_text
from workflow_engine.models import Delivery, Firing, Workflow, WorkItem
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import trace_events
from workflow_engine.queue import Runner
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace

PATIENCE_SECONDS: Final = 30  # for the delayed action, which is due after 5
WORKFLOW: Final = "demo-tell-the-team"
ESCALATION: Final = "demo-escalate"
AGAIN: Final = "evt-2"  # the event that is sent once more after the edit


class Command(EngineCommand):
    """Ends by itself, needs no server, and can be run again."""

    help = "Load a few rules, judge a few events, and say what happened and why."
    example = "manage.py workflow_demo"

    def add_options(self, parser: CommandParser) -> None:
        """Add --login and --remove."""
        ways = parser.add_mutually_exclusive_group()
        ways.add_argument(
            "--login",
            action="store_true",
            help="Make the demo's login; the tour only where it was not made yet.",
        )
        ways.add_argument(
            "--remove", action="store_true", help="Take the demo's rows away again."
        )
        parser.add_argument(
            "--served-by",
            default="",
            metavar="COMMAND",
            help="What serves the project on 127.0.0.1, told at the end.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Run the tour, make the login, or clean up."""
        self.told: list[dict[str, str]] = []
        self.asked: list[Asked] = []
        self.is_json = given["json"]
        on_time = True
        if given["remove"]:
            counts = (f"{noun} {n}" for noun, n in rows.remove().items() if n)
            self._tell("removed", ", ".join(counts) or "nothing was there")
        elif given["login"]:
            on_time = rows.has_rules() or self._tour()
            self._tell("see", ending.login_text())
        else:
            on_time = self._tour()
            self._tell("see", ending.see_text(given["served_by"]))
            self._tell("remove", ending.remove_text(given["settings"]))
        if self.is_json:
            self.say_json({"tour": self.told})
        return 0 if on_time else NEEDS_A_LOOK

    def _tell(self, label: str, text: str) -> None:
        self.told.append({"label": label, "text": text})
        if not self.is_json:
            self.say(f"{label.ljust(9)} {text}".rstrip())

    def _tour(self) -> bool:
        """Begin anew, and say whether the delayed action came on time."""
        rows.remove()
        rows.put_rules()
        for text in rows.descriptions():
            self._tell("created", text)
        events = rows.read_events()
        for event in events:
            self._event(event)
        self._look_ups()
        self._edit(events)
        self._look_ups()
        self._mail()
        on_time = self._escalation()
        buffer.flush()
        return on_time

    def _event(self, event: Event) -> None:
        asked = Asked(event.id)
        with asked:
            trace = _judge(event)
        self.asked.append(asked)
        self._tell(event.id, event_text(trace))

    def _look_ups(self) -> None:
        """Say how the look-ups of the events so far were answered, and begin anew."""
        label = "look-ups"
        for text in look_up_texts(self.asked):
            self._tell(label, text)
            label = ""
        self.asked.clear()

    def _edit(self, events: list[Event]) -> None:
        workflow = Workflow.objects.using(options.DATABASE).get(slug=WORKFLOW)
        before = workflow.interval // 60
        workflow.interval = 0
        workflow.save()
        self._tell("edited", f"{WORKFLOW}: interval {before} min -> 0")
        first = next(event for event in events if event.id == AGAIN)
        again = msgspec.structs.replace(first, id=rows.LAST_ID, time=clock.now())
        self._event(again)

    def _mail(self) -> None:
        """Print the first e-mail as it was rendered."""
        sent = Delivery.objects.using(options.DATABASE).filter(
            firing__action_slug=rows.MAIL_ACTION, ok=True
        )
        for delivery in sent.order_by("pk")[:1]:
            self._tell("e-mail", f"to {', '.join(delivery.request['to'])}")
            self._tell("", f"  {delivery.request['subject']}")
            for line in str(delivery.request["text"]).splitlines():
                self._tell("", f"  {line}")

    def _escalation(self) -> bool:
        """Let the runner carry out what is due later; say how late the first one was."""
        using = options.DATABASE
        waiting = Firing.objects.using(using).open().filter(action_slug=ESCALATION)
        until = clock.monotonic() + PATIENCE_SECONDS
        runner = Runner(send=hands.carry_out)
        runner.run_until(lambda: not waiting.exists() or clock.monotonic() > until)
        item = (
            WorkItem.objects.using(using)
            .filter(firing__action_slug=ESCALATION, started_at__isnull=False)
            .order_by("due_at")
            .first()
        )
        if item is None or item.started_at is None:
            self._tell("late", f"{ESCALATION} did not run in {PATIENCE_SECONDS} s")
            return False
        late_ms = (item.started_at - item.due_at).total_seconds() * 1000
        self._tell("on time", f"{ESCALATION} fired {late_ms:.0f} ms after it was due")
        return True


def _judge(event: Event) -> Trace:
    """Judge one event and carry out at once what is due at once."""
    (trace,) = trace_events([event], DatabaseLedger(hands.carry_out), clock.now())
    return trace
