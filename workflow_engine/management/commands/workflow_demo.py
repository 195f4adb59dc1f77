"""workflow_demo: a minute with the app: rules, events, what fired, what did not, and why."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.conf import settings  # noqa: TID251 - DEBUG, which is none of ours
from django.core.management.base import CommandParser
from django.urls import NoReverseMatch, reverse

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.management import hands
from workflow_engine.management.command import NEEDS_A_LOOK, EngineCommand
from workflow_engine.management.demo import rows
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
        """Add --remove."""
        parser.add_argument(
            "--remove", action="store_true", help="Take the demo's rows away again."
        )

    def run(self, given: dict[str, Any]) -> int:
        """Run the tour, or clean up after it."""
        self.told: list[dict[str, str]] = []
        self.is_json = given["json"]
        removed = rows.remove()
        on_time = True
        if given["remove"]:
            counts = (f"{noun} {count}" for noun, count in removed.items() if count)
            self._tell("removed", ", ".join(counts) or "nothing was there")
        else:
            on_time = self._tour()
        if self.is_json:
            self.say_json({"tour": self.told})
        return 0 if on_time else NEEDS_A_LOOK

    def _tell(self, label: str, text: str) -> None:
        self.told.append({"label": label, "text": text})
        if not self.is_json:
            self.say(f"{label.ljust(9)} {text}".rstrip())

    def _tour(self) -> bool:
        rows.put_rules()
        for text in rows.descriptions():
            self._tell("created", text)
        events = rows.read_events()
        for event in events:
            self._event(_judge(event))
        self._edit(events)
        self._mail()
        on_time = self._escalation()
        buffer.flush()
        self._tell("see", f"make serve, then {_admin()}     {_login()}")
        self._tell("remove", "python manage.py workflow_demo --remove")
        return on_time

    def _event(self, trace: Trace) -> None:
        self._tell(trace.event.id, event_text(trace))

    def _edit(self, events: list[Event]) -> None:
        workflow = Workflow.objects.using(options.DATABASE).get(slug=WORKFLOW)
        before = workflow.interval // 60
        workflow.interval = 0
        workflow.save()
        self._tell("edited", f"{WORKFLOW}: interval {before} min -> 0")
        first = next(event for event in events if event.id == AGAIN)
        again = msgspec.structs.replace(first, id=rows.LAST_ID, time=clock.now())
        self._event(_judge(again))

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


def _login() -> str:
    """Say who may look; nobody new gets in where the project is in use."""
    password = rows.put_user() if settings.DEBUG else ""
    if not password:
        return "with a user of your own"
    return f"user {rows.USER}   password {password}"


def _admin() -> str:
    try:
        return f"http://127.0.0.1:8000{reverse('admin:app_list', args=['workflow_engine'])}"
    except NoReverseMatch:
        return "the admin, which this project has no address for"
