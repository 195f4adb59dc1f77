"""Parse: from the JSON of a file to the document, with every error at its place."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from workflow_engine.conf import MONTH_SECONDS
from workflow_engine.exceptions import InvalidRules
from workflow_engine.models import ConditionGroup, Detector
from workflow_engine.models.workflow import default_interval
from workflow_engine.rulefile import judge
from workflow_engine.rulefile.document import (
    FORMAT,
    ActionRule,
    CarriedRule,
    ConditionRule,
    DetectorRule,
    EnvironmentRule,
    GroupRule,
    IfRule,
    Rules,
    WorkflowRule,
    name_of,
)
from workflow_engine.rulefile.place import Place
from workflow_engine.types.priority import Priority

R = TypeVar("R", EnvironmentRule, DetectorRule, ActionRule, WorkflowRule)

_SECTIONS: Final = Rules.__struct_fields__
_PRIORITIES: Final = tuple(priority.value for priority in Priority)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Names that a workflow may refer to, beside those of the file."""

    environments: frozenset[str] = field(default_factory=frozenset)
    detectors: frozenset[str] = field(default_factory=frozenset)
    actions: frozenset[str] = field(default_factory=frozenset)


def parse_rules(data: object, known: Known) -> Rules:
    """Return the document of a file.

    Raises:
        InvalidRules: With every error, each with its place and its cure.
    """
    root = Place(data)
    if root.has_only(("format", *_SECTIONS)) and _is_our_format(root.at("format")):
        rules = _sections(root, known)
    else:
        rules = Rules()
    if root.errors:
        raise InvalidRules(root.errors)
    return rules


def _is_our_format(place: Place) -> bool:
    found = place.whole(0, most=MONTH_SECONDS) if place.is_given else 0
    if found != FORMAT and not place.is_wrong:
        said = f"is {found}" if place.is_given else "is not given"
        place.note(f"{said}, and this version reads {FORMAT}; export the rules anew")
    return found == FORMAT


def _sections(root: Place, known: Known) -> Rules:
    environments = _unique(
        [(at, _environment(at)) for at in root.at("environments").items()], "name"
    )
    detectors = _unique(
        [(at, _detector(at)) for at in root.at("detectors").items()], "slug"
    )
    actions = _unique([(at, _action(at)) for at in root.at("actions").items()], "slug")
    names = Known(
        environments=known.environments | set(map(name_of, environments)),
        detectors=known.detectors | set(map(name_of, detectors)),
        actions=known.actions | set(map(name_of, actions)),
    )
    workflows = _unique(
        [(at, _workflow(at, names)) for at in root.at("workflows").items()], "slug"
    )
    return Rules(
        environments=environments,
        detectors=detectors,
        actions=actions,
        workflows=workflows,
    )


def _unique(found: list[tuple[Place, R]], key: str) -> tuple[R, ...]:
    _refuse_twice((place.at(key), name_of(rule)) for place, rule in found)
    return tuple(sorted((rule for _, rule in found), key=name_of))


def _refuse_twice(found: Iterable[tuple[Place, Hashable]]) -> None:
    first: dict[Hashable, Place] = {}
    for place, name in found:
        other = first.setdefault(name, place)
        if other is not place and not place.is_wrong:
            place.note(f"is given before, at {other.path}; keep one")


def _name(place: Place, slug: str) -> str:
    # A slug that is not there is one error; that there is no name then is none.
    return place.at("name").text(slug or "-")


def _environment(place: Place) -> EnvironmentRule:
    place.has_only(EnvironmentRule.__struct_encode_fields__)
    rule = EnvironmentRule(
        name=place.at("name").text(),
        description=place.at("description").text_or_none(),
    )
    judge.judge_environment(place, rule)
    return rule


def _detector(place: Place) -> DetectorRule:
    place.has_only(DetectorRule.__struct_encode_fields__)
    slug = place.at("slug").text()
    kind = place.at("kind").text()
    group = ConditionGroup(
        role=ConditionGroup.Role.TRIGGER,
        # That there is no kind is one error; what follows from it is none.
        detector=Detector(kind=kind or "event"),
    )
    rule = DetectorRule(
        slug=slug,
        name=_name(place, slug),
        event_type=place.at("event_type").text(),
        source=place.at("source").text(""),
        kind=kind,
        config=place.at("config").config(),
        enabled=place.at("enabled").flag(default=True),
        trigger=_group(place.at("trigger"), group),
    )
    judge.judge_detector(place, rule)
    return rule


def _action(place: Place) -> ActionRule:
    place.has_only(ActionRule.__struct_encode_fields__)
    slug = place.at("slug").text()
    rule = ActionRule(
        slug=slug,
        name=_name(place, slug),
        kind=place.at("kind").text(),
        config=place.at("config").config(),
        enabled=place.at("enabled").flag(default=True),
    )
    judge.judge_action(place, rule)
    return rule


def _workflow(place: Place, known: Known) -> WorkflowRule:
    place.has_only(WorkflowRule.__struct_encode_fields__)
    slug = place.at("slug").text()
    place.at("environment").known("environment", known.environments)
    rule = WorkflowRule(
        slug=slug,
        name=_name(place, slug),
        description=place.at("description").text_or_none(),
        enabled=place.at("enabled").flag(default=True),
        environment=place.at("environment").text_or_none(),
        interval=place.at("interval").whole(default_interval(), most=MONTH_SECONDS),
        snoozed_until=place.at("snoozed_until").moment(),
        snooze_note=place.at("snooze_note").text(""),
        when=_group(place.at("when"), ConditionGroup(role=ConditionGroup.Role.WHEN)),
        ifs=tuple(_if(at, known.actions) for at in place.at("if").items()),
        detectors=_links(place.at("detectors").items(), known.detectors),
    )
    judge.judge_workflow(place, rule)
    return rule


def _links(places: list[Place], known: Collection[str]) -> tuple[str, ...]:
    for place in places:
        place.known("detector", known)
    slugs = [place.text() for place in places]
    _refuse_twice(zip(places, slugs, strict=True))
    return tuple(sorted(slugs))


def _group(place: Place, group: ConditionGroup) -> GroupRule | None:
    if not place.is_given or place.value is None:
        return None
    place.has_only(GroupRule.__struct_encode_fields__)
    return GroupRule(logic=_logic(place, group), conditions=_conditions(place, group))


def _if(place: Place, known: Collection[str]) -> IfRule:
    place.has_only(IfRule.__struct_encode_fields__)
    group = ConditionGroup(role=ConditionGroup.Role.IF)
    carried = [(at, _carried(at, known)) for at in place.at("actions").items()]
    _refuse_twice((at, (rule.action, rule.delay)) for at, rule in carried)
    return IfRule(
        logic=_logic(place, group),
        conditions=_conditions(place, group),
        actions=tuple(rule for _, rule in carried),
    )


def _logic(place: Place, group: ConditionGroup) -> str:
    logic = place.at("logic").text(ConditionGroup.Logic.ALL.value)
    judge.judge_logic(place, group, logic)
    return logic


def _conditions(place: Place, group: ConditionGroup) -> tuple[ConditionRule, ...]:
    return tuple(_condition(at, group) for at in place.at("conditions").items())


def _condition(place: Place, group: ConditionGroup) -> ConditionRule:
    place.has_only(ConditionRule.__struct_encode_fields__)
    rule = ConditionRule(
        type=place.at("type").text(),
        config=place.at("config").config(),
        result=place.at("result").whole_or_none(_PRIORITIES),
    )
    judge.judge_condition(place, group, rule)
    return rule


def _carried(place: Place, known: Collection[str]) -> CarriedRule:
    place.has_only(CarriedRule.__struct_encode_fields__)
    place.at("action").known("action", known)
    return CarriedRule(
        action=place.at("action").text(),
        delay=place.at("delay").whole(0, most=MONTH_SECONDS),
        on_resolve=place.at("on_resolve").flag(default=False),
    )
