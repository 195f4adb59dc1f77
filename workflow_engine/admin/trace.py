"""Trace: the kept lines of a decision, laid out for a page.

What was compared is read from the decision itself, so a page stays true after an edit. A
detail that another version wrote and this one cannot read is shown as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflow_engine import registry
from workflow_engine.admin.moments import moment
from workflow_engine.admin.reasons import reason_text
from workflow_engine.admin.wording import label_of, value_text, wanted_text
from workflow_engine.types import Priority, Reason, Result
from workflow_engine.types.trace import ActionLine, DetectorLine, WorkflowLine
from workflow_engine.types.verdict import ConditionVerdict, GroupVerdict, Verdict

_WORDS: Final = {
    Verdict.TRUE: gettext_lazy("yes"),
    Verdict.FALSE: gettext_lazy("no"),
    Verdict.ERROR: gettext_lazy("error"),
    Verdict.PENDING: gettext_lazy("not asked yet"),
    None: gettext_lazy("not asked"),
}
_LOGIC: Final = {
    "any": gettext_lazy("any of"),
    "any_short": gettext_lazy("the first of"),
    "all": gettext_lazy("all of"),
    "none": gettext_lazy("none of"),
}
#: Which answer of a condition stands behind that of its group, where they differ.
_BEHIND: Final = {"none": {Verdict.FALSE: Verdict.TRUE}}


@dataclass(kw_only=True)
class Row:
    """One thing compared, or one action.

    Attributes:
        is_first: Marks the first that failed.
        firing: uuid of the firing of an action; "" = none.
        now: What that firing is now, once somebody has asked.
    """

    what: str
    saw: str = ""
    verdict: str = ""
    note: str = ""
    is_first: bool = False
    firing: str = ""
    now: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One group: its place and logic, its verdict, its conditions.

    `decider` is the first condition that stands behind a verdict other than yes.
    """

    title: str
    verdict: str
    passes: bool
    rows: list[Row]
    decider: Row | None = None


@dataclass(frozen=True, kw_only=True)
class DetectorPart:
    """What one detector said."""

    line: DetectorLine
    said: str
    reason: str
    blocks: list[Block]


@dataclass(frozen=True, kw_only=True)
class WorkflowPart:
    """What became of one workflow.

    Attributes:
        line: The kept line.
        environment: The comparison of the environments, a group of one line.
        blocks: Its groups, when first.
        actions: The fates of its actions.
    """

    line: WorkflowLine
    environment: Block
    blocks: list[Block]
    actions: list[Row]


def detector_part(detail: Any) -> DetectorPart | None:
    """Return the part of one detector; None when the detail cannot be read."""
    try:
        line = msgspec.convert(detail, DetectorLine)
    except msgspec.ValidationError:
        return None
    blocks = [_block(_("trigger"), line.trigger)] if line.trigger else []
    if line.reason is Reason.TRIGGER:
        _mark_blocks(blocks)
    reason = reason_text(line.reason.value) if line.reason else ""
    return DetectorPart(line=line, said=_said(line), reason=reason, blocks=blocks)


def workflow_part(detail: Any, environment: str) -> WorkflowPart | None:
    """Return the part of one workflow; None when the detail cannot be read.

    `environment` is that of the event.
    """
    try:
        line = msgspec.convert(detail, WorkflowLine)
    except msgspec.ValidationError:
        return None
    when = [_block(_("when"), line.when)] if line.when else []
    ifs = [
        _block(_("if %(number)s") % {"number": one.position + 1}, one.verdict)
        for one in line.ifs
    ]
    part = WorkflowPart(
        line=line,
        environment=_environment(line, environment),
        blocks=[*when, *ifs],
        actions=[_action(fate) for fate in line.actions],
    )
    _mark(part)
    return part


def _said(line: DetectorLine) -> str:
    found = line.detection
    if found is None:
        return ""
    facts = {
        "change": found.change.value,
        "before": _priority(found.previous_priority),
        "now": _priority(found.priority),
    }
    text = _("%(change)s, %(before)s → %(now)s") % facts
    if found.value is None:
        return text
    return f"{text}, {_('value')} {value_text(found.value)}"


def _priority(priority: Priority) -> str:
    return _(priority.label)


def _block(role: str, verdict: GroupVerdict) -> Block:
    rows = [_condition(one) for one in verdict.conditions]
    logic = _LOGIC.get(verdict.logic, verdict.logic)
    answer = str(_WORDS[verdict.verdict])
    if verdict.error:
        answer = f"{answer} ({verdict.error})"
    title = f"{role}, {logic}" if rows else f"{role}, {_('no condition')}"
    behind = _BEHIND.get(verdict.logic, {}).get(verdict.verdict, verdict.verdict)
    deciders = (
        row
        for row, one in zip(rows, verdict.conditions, strict=True)
        if one.verdict is behind
    )
    return Block(
        title=title,
        verdict=answer,
        passes=verdict.passes,
        rows=rows,
        decider=None if verdict.passes else next(deciders, None),
    )


def _condition(one: ConditionVerdict) -> Row:
    entry = registry.conditions.get(one.type)
    rest = one.wanted if isinstance(one.wanted, dict) else {}
    wanted = wanted_text(entry, rest)
    words = [one.path, label_of(entry, one.type), wanted]
    if one.verdict is None or not one.path:
        saw = ""
    else:
        saw = _("missing") if one.missing else value_text(one.seen)
    note = f"{one.error}: {one.message}" if one.error else ""
    return Row(
        what=" ".join(word for word in words if word),
        saw=saw,
        verdict=str(_WORDS[one.verdict]),
        note=note,
    )


def _environment(line: WorkflowLine, environment: str) -> Block:
    failed = line.reason is Reason.ENVIRONMENT
    row = Row(
        what=line.environment or _("every environment"),
        saw=environment or _("none"),
        verdict=str(_WORDS[Verdict.FALSE if failed else Verdict.TRUE]),
        is_first=failed,
    )
    return Block(
        title=_("environment"), verdict=row.verdict, passes=not failed, rows=[row]
    )


def _action(fate: ActionLine) -> Row:
    when = moment(fate.due_at)
    if fate.held_until is not None:
        when = format_html("{} {}", _("free again"), moment(fate.held_until))
    return Row(
        what=fate.action,
        saw=when,
        verdict=fate.reason.value,
        note=fate.note,
        firing=fate.firing,
    )


def _mark(part: WorkflowPart) -> None:
    """Mark the first line that stands behind the reason of a workflow that did not fire."""
    reason = part.line.reason
    if part.line.result is Result.FIRED:
        return
    if reason in {Reason.WHEN, Reason.IF, Reason.CONDITION_ERROR, Reason.PENDING}:
        _mark_blocks(part.blocks)
    else:
        held = (row for row in part.actions if row.verdict == reason.value)
        _mark_first(held)


def _mark_blocks(blocks: Iterable[Block]) -> None:
    _mark_first(block.decider for block in blocks if block.decider is not None)


def _mark_first(rows: Iterable[Row]) -> None:
    row = next(iter(rows), None)
    if row is not None:
        row.is_first = True
