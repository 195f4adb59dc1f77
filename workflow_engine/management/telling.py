"""Telling: a decision as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from workflow_engine import registry
from workflow_engine.management.view import View
from workflow_engine.models import Condition
from workflow_engine.types.detection import Change
from workflow_engine.types.instants import instant_text, parse_instant
from workflow_engine.types.reasons import Reason
from workflow_engine.types.verdict import ConditionVerdict

_WIDTH: Final = 72  # where the outcome of a workflow stands
_ANSWERS: Final = {
    "yes": "yes",
    "no": "no",
    "error": "error",
    "pending": "not asked yet",
    None: "not asked",
}


def tell(view: View) -> Iterator[str]:
    """Yield the lines: the event, its detectors, its workflows with all that was compared."""
    event = view.event
    about = [event.get(k) or "-" for k in ("id", "source", "type", "subject")]
    about.append(event.get("environment") or "no environment")
    yield _with_outcome(f"event {' · '.join(about)}", view.outcome, view.reason)
    yield f"  at {event.get('time') or '-'}   decided {instant_text(view.decided_at)}"
    for line in view.detectors:
        yield from _detector(line)
    for line in view.workflows:
        yield from _workflow(line, view)


def _with_outcome(text: str, outcome: str, reason: str) -> str:
    return f"{text.ljust(_WIDTH)}  {outcome.replace('_', ' ')} · {reason}"


def _detector(line: dict[str, Any]) -> Iterator[str]:
    found, name = line.get("detection"), f"detector {line['detector']} ({line['kind']})"
    note = f"  {line['note']}" if line.get("note") else ""
    if found is None:
        yield f"{name.ljust(_WIDTH)}  {line['reason']}{note}"
    else:
        value = "" if found.get("value") is None else f"  value {_text(found['value'])}"
        yield f"{name.ljust(_WIDTH)}  {_change(found)}{value}{note}"
    if line.get("trigger"):
        yield from _group("trigger", line["trigger"])


def _change(found: dict[str, Any]) -> str:
    priority = _priority(found["priority"])
    if found["change"] != Change.REPEATED:
        before = _priority(found["previous_priority"])
        return f"{found['change']}  {before} → {priority}"
    # Without an episode there is nothing that could be repeated.
    return (
        f"{found['change']}, {priority}"
        if found["episode"]
        else f"triggered, {priority}"
    )


def _priority(number: int) -> str:
    return {0: "ok", 25: "low", 50: "medium", 75: "high"}[number]


def _workflow(line: dict[str, Any], view: View) -> Iterator[str]:
    name = f"workflow {line['workflow'] or '(gone)'}"
    if line.get("revision"):
        name += f"   revision {line['revision']}"
    yield _with_outcome(name, line["result"], line["reason"])
    if line.get("note"):
        yield f"  {line['note']}"
    yield f"  environment  {_environment(line, view)}"
    if line.get("when"):
        yield from _group("when", line["when"])
    for part in line.get("ifs", ()):
        yield from _group(f"if {part['position'] + 1}", part["verdict"])
    for fate in line.get("actions", ()):
        yield f"    {fate['action']}  {fate['reason']}{_details(fate, view)}"


def _environment(line: dict[str, Any], view: View) -> str:
    wanted = line.get("environment") or "every event"
    if line["reason"] != Reason.ENVIRONMENT:
        return str(wanted)
    came_from = view.event.get("environment")
    where = f"is from {came_from}" if came_from else "has none"
    return f"{wanted}, the event {where}   no"


def _details(fate: dict[str, Any], view: View) -> str:
    parts = []
    if fate.get("due_at"):
        parts.append(f"due {_clock_text(fate['due_at'], view)}")
    if fate.get("held_until"):
        parts.append(f"free again {_clock_text(fate['held_until'], view)}")
    if fate.get("note"):
        parts.append(fate["note"])
    details = f"   {', '.join(parts)}" if parts else ""
    return details + (f"   now: {_now(fate['now'], view)}" if "now" in fate else "")


def _now(now: dict[str, Any], view: View) -> str:
    says_more = now["reason"] not in {"", Reason.SENT}
    parts = (
        now["state"],
        f"({now['reason']})" if says_more else "",
        _clock_text(now["finished_at"], view) if now["finished_at"] else "",
    )
    return " ".join(part for part in parts if part)


def _clock_text(text: str, view: View) -> str:
    """Return a moment to the second, without the day where it is that of the decision."""
    moment = parse_instant(text)
    if moment is None:
        return text
    is_same_day = moment.date() == view.decided_at.date()
    return moment.strftime("%H:%M:%SZ" if is_same_day else "%Y-%m-%dT%H:%M:%SZ")


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
