"""Summary: a workflow in one sentence, as it is saved."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Prefetch
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from workflow_engine.admin.moments import duration
from workflow_engine.admin.wording import condition_text
from workflow_engine.models import (
    Condition,
    ConditionGroup,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)

#: What `summary_of` reads of a workflow, for `prefetch_related`.
SUMMARY_PARTS: Final[tuple[Any, ...]] = (
    Prefetch(
        "links",
        DetectorWorkflow.objects.select_related("detector").order_by("detector_id"),
    ),
    Prefetch("groups", ConditionGroup.objects.order_by("role", "position")),
    Prefetch("groups__conditions", Condition.objects.order_by("position", "pk")),
    Prefetch(
        "groups__carried",
        GroupAction.objects.select_related("action").order_by("position", "pk"),
    ),
)


def summary_of(workflow: Workflow) -> str:
    """Return the workflow as one sentence; four queries unless SUMMARY_PARTS was read."""
    groups = list(workflow.groups.all())
    parts = [_trigger(workflow)]
    if workflow.environment is not None:
        parts.append(_("in %(name)s") % {"name": workflow.environment.name})
    parts += [_conditions(group, _("and")) for group in _of_role(groups, "when")]
    parts += [part for group in _of_role(groups, "if") for part in _if_then(group)]
    if not _of_role(groups, "if"):
        parts.append(_("THEN nothing, since no action is named"))
    parts.append(_interval(workflow.interval))
    return ", ".join(part for part in parts if part) + "."


def _of_role(groups: list[ConditionGroup], role: str) -> list[ConditionGroup]:
    return sorted(
        (group for group in groups if group.role == role),
        key=lambda group: group.position,
    )


def _trigger(workflow: Workflow) -> str:
    names = [f'"{link.detector.name}"' for link in workflow.links.all()]
    if not names:
        return _("WHEN nothing is triggered, since no detector is linked")
    return _("WHEN %(names)s is triggered") % {"names": get_text_list(names, _("or"))}


def _conditions(group: ConditionGroup, begin: str) -> str:
    texts = [condition_text(one.type, one.config) for one in group.conditions.all()]
    if not texts:
        return ""
    logic = group.get_logic_display()
    return f"{begin} {logic}: {'; '.join(texts)}"


def _if_then(group: ConditionGroup) -> list[str]:
    names = [_carried(one) for one in group.carried.all()]
    then = get_text_list(names, _("and")) if names else _("nothing")
    return [_conditions(group, _("IF")), _("THEN %(actions)s") % {"actions": then}]


def _carried(carried: GroupAction) -> str:
    name = carried.action.name
    if not carried.action.enabled:
        name = _("%(action)s (disabled)") % {"action": name}
    if not carried.delay:
        return name
    facts = {"action": name, "delay": duration(carried.delay)}
    return _("%(action)s after %(delay)s") % facts


def _interval(seconds: int) -> str:
    if not seconds:
        return _("every time")
    return _("at most once every %(time)s per subject") % {"time": duration(seconds)}
