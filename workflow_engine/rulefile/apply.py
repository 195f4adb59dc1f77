"""Apply: make the rules of the database those of a file, all of them or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import models, transaction
from django.db.models import ProtectedError, RestrictedError
from msgspec.structs import replace

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidRules
from workflow_engine.models import Action, Detector, Environment, Workflow
from workflow_engine.rulefile.difference import Difference, Sign, differences
from workflow_engine.rulefile.document import Rules, name_of
from workflow_engine.rulefile.parse import Known, parse_rules
from workflow_engine.rulefile.read import read_rules
from workflow_engine.rulefile.write import (
    write_action,
    write_detector,
    write_environment,
    write_workflow,
)
from workflow_engine.types.event import JSON

#: What is named comes before what names it.
_WRITERS: Final[dict[str, Callable[[Any, str], None]]] = {
    "environments": write_environment,
    "detectors": write_detector,
    "actions": write_action,
    "workflows": write_workflow,
}

#: What names comes before what is named, which the database protects until then.
_DELETED: Final[dict[str, type[models.Model]]] = {
    "workflow": Workflow,
    "action": Action,
    "detector": Detector,
    "environment": Environment,
}


def import_rules(
    data: JSON, *, check: bool = False, delete_missing: bool = False
) -> list[Difference]:
    """Make the rules those of a file and return what was different, by section and name.

    One transaction. A rule that the file names becomes what the file says, its groups,
    conditions and links too; keys that the file leaves out are at their defaults. Rules that
    it does not name stay. A second import finds no difference.

    Args:
        data: The JSON data of the file.
        check: Change nothing.
        delete_missing: Delete the rules that the file does not name.

    Raises:
        InvalidRules: With every error; nothing was changed.
    """
    using = options.DATABASE
    with transaction.atomic(using=using):
        if not check:
            _lock(using)
        current = read_rules(using)
        known = Known() if delete_missing else _known(current)
        target = _with_descriptions(parse_rules(data, known), current)
        found = differences(current, target, delete_missing=delete_missing)
        if not check:
            _write(target, found, using)
            _delete(found, using)
    return found


def _lock(using: str) -> None:
    """Let imports of the same rules follow each other; events go on."""
    for model in reversed(_DELETED.values()):
        rows: models.QuerySet[Any] = model._default_manager.using(using).order_by("pk")
        list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def _known(current: Rules) -> Known:
    return Known(
        environments=frozenset(map(name_of, current.environments)),
        detectors=frozenset(map(name_of, current.detectors)),
        actions=frozenset(map(name_of, current.actions)),
    )


def _with_descriptions(target: Rules, current: Rules) -> Rules:
    """Return the target with the descriptions that stay because they were not given."""
    workflows = {rule.slug: rule.description for rule in current.workflows}
    environments = {rule.name: rule.description for rule in current.environments}
    return replace(
        target,
        workflows=tuple(
            replace(rule, description=workflows.get(rule.slug, ""))
            if rule.description is None
            else rule
            for rule in target.workflows
        ),
        environments=tuple(
            replace(rule, description=environments.get(rule.name, ""))
            if rule.description is None
            else rule
            for rule in target.environments
        ),
    )


def _write(target: Rules, found: Sequence[Difference], using: str) -> None:
    changed: dict[str, set[str]] = defaultdict(set)
    for difference in found:
        if difference.sign is not Sign.DELETE:
            changed[f"{difference.noun}s"].add(difference.slug)
    for section, write in _WRITERS.items():
        for rule in getattr(target, section):
            if name_of(rule) in changed[section]:
                write(rule, using)


def _delete(found: Sequence[Difference], using: str) -> None:
    for noun, model in _DELETED.items():
        gone = [d.slug for d in found if d.noun == noun and d.sign is Sign.DELETE]
        key = "name" if model is Environment else "slug"
        rows: models.QuerySet[Any] = model._default_manager.using(using)
        for name in gone:
            try:
                rows.filter(**{key: name}).delete()
            except (ProtectedError, RestrictedError) as error:
                message = (
                    f"{noun} {name}: cannot be deleted, other rows need it: {error}"
                )
                raise InvalidRules([message]) from error
