"""Telling: a decision as lines of text, the same for a kept one and one made now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from workflow_engine import registry
from workflow_engine.models import Condition, Decision
from workflow_engine.processing.decisions import bounded, kept_event
from workflow_engine.types.detection import Change
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text
from workflow_engine.types.trace import Trace, to_detail
from workflow_engine.types.verdict import ConditionVerdict

_WIDTH: Final = 72  # where the outcome of a workflow stands
_ANSWERS: Final = {
    "yes": "yes",
    "no": "no",
    "error": "error",
    "pending": "not asked yet",
    None: "not asked",
}


@dataclass(frozen=True, kw_only=True)
class View:
    """What there is to tell of one decision, as plain JSON data."""

    event: dict[str, JSON]
    decided_at: datetime
    outcome: str
    reason: str
    detectors: list[dict[str, Any]]
    workflows: list[dict[str, Any]]


def view_of_trace(trace: Trace) -> View:
    """Return the view of a decision just made, redacted like a kept one."""
    return View(
        event=kept_event(trace.event),
        decided_at=trace.decided_at,
        outcome=trace.result.value,
        reason=trace.reason.value,
        detectors=[bounded(to_detail(line)) for line in trace.detectors],
        workflows=[bounded(to_detail(line)) for line in trace.workflows],
    )


def view_of_decision(decision: Decision) -> View:
    """Return the view of a kept decision."""
    return View(
        event=decision.event,
        decided_at=decision.decided_at,
        outcome=decision.outcome,
        reason=decision.reason,
        detectors=list(decision.detail.get("detectors", ())),
        workflows=[line.detail for line in decision.workflows.order_by("pk")],
    )


def tell(view: View) -> Iterator[str]:
    """Yield the lines: the event, its detectors, its workflows with all that was compared."""
    event = view.event
    about = [event.get(k) or "-" for k in ("id", "source", "type", "subject")]
    about += [
        event.get("environment") or "no environment",
        instant_text(view.decided_at),
    ]
    yield _with_outcome(f"event {' · '.join(about)}", view.outcome, view.reason)
    for line in view.detectors:
        yield from _detector(line)
    for line in view.workflows:
        yield from _workflow(line)


def _with_outcome(text: str, outcome: str, reason: str) -> str:
    return f"{text.ljust(_WIDTH)}  {outcome.replace('_', ' ')} · {reason}"


def _detector(line: dict[str, Any]) -> Iterator[str]:
    found, name = line.get("detection"), f"detector {line['detector']} ({line['kind']})"
    note = f"  {line['note']}" if line.get("note") else ""
    if found is None:
        yield f"{name.ljust(_WIDTH)}  {line['reason']}{note}"
    else:
        value = "" if found.get("value") is None else f"  value {_text(found['value'])}"
        priorities = _priority(found["priority"])
        if found["change"] != Change.REPEATED:
            priorities = f"{_priority(found['previous_priority'])} → {priorities}"
        yield f"{name.ljust(_WIDTH)}  {found['change']}  {priorities}{value}{note}"
    if line.get("trigger"):
        yield from _group("trigger", line["trigger"])


def _priority(number: int) -> str:
    return {0: "ok", 25: "low", 50: "medium", 75: "high"}[number]


def _workflow(line: dict[str, Any]) -> Iterator[str]:
    name = f"workflow {line['workflow'] or '(gone)'}"
    if line.get("revision"):
        name += f"   revision {line['revision']}"
    yield _with_outcome(name, line["result"], line["reason"])
    if line.get("note"):
        yield f"  {line['note']}"
    yield f"  environment  {line.get('environment') or 'every event'}"
    if line.get("when"):
        yield from _group("when", line["when"])
    for part in line.get("ifs", ()):
        yield from _group(f"if {part['position'] + 1}", part["verdict"])
    for fate in line.get("actions", ()):
        yield f"    {fate['action']}  {fate['reason']}{_details(fate)}"


def _details(fate: dict[str, Any]) -> str:
    parts = []
    if fate.get("due_at"):
        parts.append(f"due {fate['due_at']}")
    if fate.get("held_until"):
        parts.append(f"free again {fate['held_until']}")
    if fate.get("note"):
        parts.append(fate["note"])
    return f"   {', '.join(parts)}" if parts else ""


def _group(role: str, group: dict[str, Any]) -> Iterator[str]:
    error = f" ({group['error']})" if group.get("error") else ""
    logic = group["logic"].replace("_", " ")
    yield f"  {role}  {logic} of{' ' * 4}{_ANSWERS[group['verdict']]}{error}"
    for condition in group.get("conditions", ()):
        yield f"    {_condition(condition)}"


def _condition(line: dict[str, Any]) -> str:
    wanted = _wanted(line.get("wanted"))
    parts = (line.get("path", ""), _name(line["type"]), wanted)
    asked = " ".join(part for part in parts if part)
    answer = _ANSWERS[line["verdict"]]
    if line.get("error"):
        answer += f" ({line['error']}: {line.get('message', '')})"
    if not line.get("path") or line["verdict"] is None:
        return f"{asked.ljust(44)}  {answer}"
    seen = "missing" if line.get("missing") else _text(line.get("seen"))
    return f"{asked.ljust(44)}  saw {seen}".ljust(_WIDTH - 4) + f"  {answer}"


def condition_text(verdict: ConditionVerdict) -> str:
    """Return one condition with what it saw: "data.failed is at least 5: saw 2"."""
    wanted = _wanted(msgspec.to_builtins(verdict).get("wanted"))
    parts = (verdict.path, _name(verdict.type), wanted)
    seen = "nothing there" if verdict.missing else _text(verdict.seen)
    return f"{' '.join(part for part in parts if part)}: saw {seen}"


def question_text(condition: Condition) -> str:
    """Return what a condition asks: "data.failed is at least 5"."""
    wanted = {key: item for key, item in condition.config.items() if key != "path"}
    parts = (condition.config.get("path"), _name(condition.type), _wanted(wanted))
    return " ".join(part for part in parts if part)


def _name(condition_type: str) -> str:
    entry = registry.conditions.get(condition_type)
    return (entry.label if entry else "") or condition_type.replace("_", " ")


def _wanted(wanted: Any) -> str:
    if not isinstance(wanted, dict):
        return "" if wanted is None else _text(wanted)
    if set(wanted) == {"value"}:
        return _text(wanted["value"])
    return " ".join(f"{key} {_text(item)}" for key, item in wanted.items())


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
