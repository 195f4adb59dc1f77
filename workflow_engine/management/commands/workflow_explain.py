"""workflow_explain: why an event fired, was held, or did not match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import CommandParser

from workflow_engine import api
from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidEvent
from workflow_engine.management.command import (
    NEEDS_A_LOOK,
    EngineCommand,
    wrong,
)
from workflow_engine.management.telling import (
    View,
    tell,
    view_of_decision,
    view_of_trace,
)
from workflow_engine.models import Decision


class Command(EngineCommand):
    """Shows the kept decision of an event, or decides about one now and writes nothing."""

    help = "Show why an event fired something, or did not."
    example = "manage.py workflow_explain evt-3"

    def add_options(self, parser: CommandParser) -> None:
        """Add the event and what is expected of it."""
        parser.add_argument(
            "event",
            nargs="?",
            help="Id of an event with a kept decision, or a file with an event.",
        )
        parser.add_argument("--event", dest="file", help="A file with an event.")
        parser.add_argument("--workflow", help="Show only this workflow (slug).")
        parser.add_argument(
            "--expect",
            action="append",
            metavar="SLUG",
            help="Exit 1 unless exactly these workflows fire; give it once for each.",
        )
        parser.add_argument(
            "--today",
            action="store_true",
            help="Decide about the kept event again, by the rules of now.",
        )

    def run(self, given: dict[str, Any]) -> int:
        """Find or make the decision, tell it, compare it."""
        view = self._view(given)
        if given["workflow"]:
            view = _only(view, given["workflow"])
        if given["json"]:
            self.say_json(msgspec.to_builtins(view))
        else:
            for line in tell(view):
                self.say(line)
        return self._compare(view, given["expect"])

    def _view(self, given: dict[str, Any]) -> View:
        name = given["file"] or given["event"]
        if not name:
            raise wrong("give the id of an event, or a file with one")
        if given["file"] or name.endswith(".json") or Path(name).is_file():
            return view_of_trace(_explained(_read(name)))
        rows = Decision.objects.using(options.DATABASE).filter(event_id=name)
        decision = rows.order_by("-decided_at", "-pk").first()
        if decision is None:
            raise wrong(
                f"no decision about event '{name}' is kept; what fired or was held always "
                "is, of the rest a sample (TRACE_SHARE)"
            )
        if given["today"]:
            event = {"specversion": "1.0", **decision.event}
            return view_of_trace(_explained(event))
        return view_of_decision(decision)

    def _compare(self, view: View, expected: list[str] | None) -> int:
        if expected is None:
            return 0
        fired = {w["workflow"] for w in view.workflows if w["result"] == "fired"}
        for slug in sorted(set(expected) - fired):
            self.stderr.write(f"expected {slug} to fire, and it did not")
        for slug in sorted(fired - set(expected)):
            self.stderr.write(f"{slug} fired and was not expected to")
        return NEEDS_A_LOOK if fired != set(expected) else 0


def _explained(event: Any) -> Any:
    try:
        return api.explain(_plain(event))
    except InvalidEvent as refused:
        message = "\n".join(text for *_, text in refused.errors)
        raise wrong(message) from refused


def _plain(event: Any) -> Any:
    """Put the extension attributes of a kept event back where they came from."""
    if not isinstance(event, dict):
        return event
    kept = {key: item for key, item in event.items() if item not in ("", None)}
    extensions = kept.pop("extensions", None)
    return {**kept, **extensions} if isinstance(extensions, dict) else kept


def _read(name: str) -> Any:
    try:
        text = Path(name).read_bytes()
    except OSError as error:
        raise wrong(f"{name} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(f"{name} is not JSON: {error}") from error


def _only(view: View, slug: str) -> View:
    chosen = [line for line in view.workflows if line["workflow"] == slug]
    if not chosen:
        raise wrong(f"workflow '{slug}' was not reached by this event")
    return View(
        event=view.event,
        decided_at=view.decided_at,
        outcome=view.outcome,
        reason=view.reason,
        detectors=view.detectors,
        workflows=chosen,
    )
