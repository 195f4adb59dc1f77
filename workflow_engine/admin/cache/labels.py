"""Label: a field of an answer and its value in the words of the forms, not of the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflow_engine.admin.moments import EMPTY, duration
from workflow_engine.inspection.sides import WHOLE, Field, value_text
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    GroupAction,
    Workflow,
)
from workflow_engine.types.event import JSON

_SECONDS: Final = "_seconds"

#: Below it stands what the kind of a rule takes, by its own names.
_CONFIG: Final = "config"

#: Fields that nobody edits.
_INNER: Final = frozenset({"id", "position", "digest", "revision"})

_EMPTY: Final = (None, "")

#: Parts of an answer that are no field of a row; "" = it goes without saying.
_PARTS: Final = {
    "when": gettext_lazy("when"),
    "ifs": gettext_lazy("if"),
    "trigger": gettext_lazy("trigger"),
    "conditions": gettext_lazy("condition"),
    "actions": gettext_lazy("action"),
    "group": "",
    "action": "",
    "revision": gettext_lazy("revision"),
    "problem": gettext_lazy("problem"),
    "digest": gettext_lazy("digest"),
    WHOLE: gettext_lazy("answer"),
}


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One field of both answers, as a page shows it.

    Attributes:
        path: As the code calls it, for programs.
        label: As people call it.
        cached: What the cache says.
        loaded: What the database says.
        is_different: Whether they differ.
        is_inner: Whether nobody edits it, or nothing stands there on either side.
    """

    path: str
    label: str
    cached: str
    loaded: str
    is_different: bool
    is_inner: bool


def compared(field: Field) -> Compared:
    """Return a field in words; values that differ never read alike, but for secrets."""
    cached, loaded = _value(field.path, field.cached), _value(field.path, field.loaded)
    if field.is_different and cached == loaded:
        cached, loaded = value_text(field.cached), value_text(field.loaded)
    return Compared(
        path=field.path,
        label=capfirst(label_of(field.path)),
        cached=cached,
        loaded=loaded,
        is_different=field.is_different,
        is_inner=_is_inner(field),
    )


def _is_inner(field: Field) -> bool:
    name = field.path.rpartition(".")[2]
    is_empty = field.cached in _EMPTY and field.loaded in _EMPTY
    is_ours = name in _INNER and f".{_CONFIG}." not in f".{field.path}"
    return not field.is_different and (is_empty or is_ours)


def label_of(path: str) -> str:
    """Return "if 1, action 2, delay" for "ifs.0.actions.1.delay_seconds"."""
    before, found, config = f".{path}.".partition(f".{_CONFIG}.")
    parts = list(_parts([one for one in before.split(".") if one]))
    if found:
        parts.append(f"{_verbose(_CONFIG)} {config.strip('.')}".strip())
    return ", ".join(parts)


def _parts(names: list[str]) -> Iterator[str]:
    for place, name in enumerate(names):
        if name.isdecimal():
            continue
        following = names[place + 1] if place + 1 < len(names) else ""
        number = f" {int(following) + 1}" if following.isdecimal() else ""
        label = _verbose(name)
        if label:
            yield f"{label}{number}"


def _verbose(name: str) -> str:
    if name in _PARTS:
        return str(_PARTS[name])
    bare = name.removesuffix(_SECONDS)
    return str(_field_names().get(bare) or bare.replace("_", " "))


@cache
def _field_names() -> dict[str, Any]:
    """Return what people call the fields of rules; where two share a name, they agree."""
    models = (Workflow, Detector, ConditionGroup, Condition, GroupAction, Action)
    return {
        field.name: field.verbose_name
        for model in reversed(models)
        for field in model._meta.concrete_fields
    }


def _value(path: str, value: JSON) -> str:
    if value is None:
        return EMPTY
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int) and path.endswith(_SECONDS):
        exact = f"{value} {_('s')}"
        words = duration(value)
        return exact if words == exact else f"{words} ({exact})"
    if isinstance(value, str) and value:
        return value
    return value_text(value)
