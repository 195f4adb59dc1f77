"""Judge: what the tables themselves say of a rule in the file, before anything is written.

The sentences are those of the models, so a file is refused for what a form would be.
"""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ValidationError

from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    Environment,
    Workflow,
)
from workflow_engine.models.rules import Rule
from workflow_engine.rulefile.document import (
    ActionRule,
    ConditionRule,
    DetectorRule,
    EnvironmentRule,
    WorkflowRule,
)
from workflow_engine.rulefile.place import Place
from workflow_engine.rulefile.values import is_secret

#: Relations, which the file says by name and checks itself, and a field that has a sentence
#: of its own in `problems`.
_CHECKED_ELSEWHERE: Final = ("environment", "group", "detector", "workflow", "logic")


def judge_environment(place: Place, rule: EnvironmentRule) -> None:
    """Note what is wrong with an environment."""
    _judge(place, Environment(name=rule.name, description=rule.description or ""))


def judge_detector(place: Place, rule: DetectorRule) -> None:
    """Note what is wrong with a detector, its trigger group aside."""
    _judge(
        place,
        Detector(
            slug=rule.slug,
            name=rule.name,
            event_type=rule.event_type,
            source=rule.source,
            kind=rule.kind,
            config=rule.config,
        ),
    )


def judge_action(place: Place, rule: ActionRule) -> None:
    """Note what is wrong with an action."""
    _judge(
        place,
        Action(slug=rule.slug, name=rule.name, kind=rule.kind, config=rule.config),
    )


def judge_workflow(place: Place, rule: WorkflowRule) -> None:
    """Note what is wrong with a workflow, its groups and links aside."""
    _judge(
        place,
        Workflow(slug=rule.slug, name=rule.name, snooze_note=rule.snooze_note),
    )


def judge_logic(place: Place, group: ConditionGroup, logic: str) -> None:
    """Note what is wrong with the logic of a group."""
    _judge(place, ConditionGroup(role=group.role, logic=logic))


def judge_condition(place: Place, group: ConditionGroup, rule: ConditionRule) -> None:
    """Note what is wrong with a condition in a group, which need not be saved."""
    _judge(
        place,
        Condition(group=group, type=rule.type, config=rule.config, result=rule.result),
    )


def _judge(place: Place, row: Rule) -> None:
    found = row.problems()
    try:
        row.clean_fields(exclude=_CHECKED_ELSEWHERE)
    except ValidationError as refused:
        for name, messages in refused.message_dict.items():
            found[name] = [*messages, *found.get(name, [])]
    for name, messages in found.items():
        here = place.at(name)
        for message in [] if here.is_wrong else messages:
            here.note(_hidden(message.removeprefix(f"{name}: ")))


def _hidden(message: str) -> str:
    """Return what a schema says; without the value, which it quotes, of a secret."""
    path, colon, _ = message.partition(": ")
    if colon and " " not in path and is_secret(path):
        return f"{path}: is not what the schema takes; its value is not shown"
    return message
