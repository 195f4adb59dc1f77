"""workflow_explain: why an event fired, was held, or did not match."""

from __future__ import annotations

from dataclasses import replace
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
from workflow_engine.management.finding import (
    find_decision,
    find_waiting,
    not_kept_text,
    waiting_json,
    waiting_text,
)
from workflow_engine.management.telling import tell
from workflow_engine.management.view import View, view_of_decision, view_of_trace
from workflow_engine.models import Workflow
from workflow_engine.processing.redact import REDACTED
from workflow_engine.types.trace import Trace


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
        parser.add_argument(
            "--event", dest="file", metavar="FILE", help="A file with an event."
        )
        parser.add_argument(
            "--source", help="Of the event, where several sources use its id."
        )
        parser.add_argument(
            "--workflow", metavar="SLUG", help="Show only this workflow."
        )
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
        if view is None:
            return self._waiting(given)
        shown = _only(view, given["workflow"]) if given["workflow"] else view
        if given["json"]:
            self.say_json(msgspec.to_builtins(shown))
        else:
            for line in tell(shown):
                self.say(line)
            if given["workflow"] and not shown.workflows:
                self.say(
                    f"workflow {given['workflow']} was not reached: no detector that "
                    "triggered is linked to it"
                )
        return self._compare(view, given["expect"])

    def _view(self, given: dict[str, Any]) -> View | None:
        """Return what there is to tell; None = no decision is kept."""
        name = given["file"] or given["event"]
        if not name:
            raise wrong("give the id of an event, or a file with one")
        if given["file"] or name.endswith(".json") or Path(name).is_file():
            return view_of_trace(_explained(_read(name)))
        decision = find_decision(name, given["source"])
        if decision is None:
            return None
        if not given["today"]:
            return view_of_decision(decision)
        if REDACTED in msgspec.json.encode(decision.event).decode():
            self.stderr.write(f"values were kept as {REDACTED}, and are judged as that")
        return view_of_trace(_explained(_as_it_came(decision.event)))

    def _waiting(self, given: dict[str, Any]) -> int:
        """Say where an event without a decision waits."""
        items = find_waiting(given["event"], given["source"])
        if not items:
            raise wrong(not_kept_text(given["event"]))
        if given["json"]:
            self.say_json({"waiting": [waiting_json(item) for item in items]})
        else:
            for item in items:
                self.say(waiting_text(given["event"], item))
        return NEEDS_A_LOOK

    def _compare(self, view: View, expected: list[str] | None) -> int:
        if expected is None:
            return 0
        fired = {w["workflow"] for w in view.workflows if w["result"] == "fired"}
        for slug in sorted(set(expected) - fired):
            why = "it did not" if _exists(slug) else "there is no such workflow"
            self.stderr.write(f"expected {slug} to fire, and {why}")
        for slug in sorted(fired - set(expected)):
            self.stderr.write(f"{slug} fired and was not expected to")
        return NEEDS_A_LOOK if fired != set(expected) else 0


def _explained(event: Any) -> Trace:
    try:
        return api.explain(event)
    except InvalidEvent as refused:
        message = "\n".join(text for *_, text in refused.errors)
        raise wrong(message) from refused


def _as_it_came(kept: dict[str, Any]) -> dict[str, Any]:
    """Return a kept event as the envelope has it: extensions are attributes like others."""
    given = {name: item for name, item in kept.items() if item != "" or name == "data"}
    return {"specversion": "1.0", **given.pop("extensions", {}), **given}


def _read(name: str) -> Any:
    try:
        text = Path(name).read_bytes()
    except OSError as error:
        raise wrong(f"{name} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong(f"{name} is not JSON: {error}") from error


def _only(view: View, slug: str) -> View:
    chosen = [line for line in view.workflows if line["workflow"] == slug]
    if not chosen and not _exists(slug):
        raise wrong(f"there is no workflow '{slug}'")
    return replace(view, workflows=chosen)


def _exists(slug: str) -> bool:
    return Workflow.objects.using(options.DATABASE).filter(slug=slug).exists()
