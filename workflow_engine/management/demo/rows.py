"""Rows of the demo: put there, and taken away again without a trace."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

import msgspec
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.crypto import salted_hmac

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.management.telling import question_text
from workflow_engine.models import (
    Action,
    Condition,
    Decision,
    Detector,
    Environment,
    EventReceipt,
    Firing,
    Workflow,
)
from workflow_engine.rulefile import import_rules
from workflow_engine.types.envelope import Limits, accept_all
from workflow_engine.types.event import Event

USER: Final = "demo"
#: By which the demo knows its own user again: no project's person has this address.
USER_EMAIL: Final = "demo@workflow-engine.invalid"
ENVIRONMENT: Final = "production"
MAIL_ACTION: Final = "demo-email-team"
READABLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # no two look alike
LAST_ID: Final = "evt-8"  # of the event that is sent after the edit
_MADE_HERE: Final = "Made by the demo."
_FILES: Final = resources.files("workflow_engine.management.demo")


def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = msgspec.json.decode((_FILES / "rules.json").read_bytes())
    return rules


def _slugs(section: str) -> list[str]:
    return [rule["slug"] for rule in _rules()[section]]


def put_rules() -> None:
    """Write the demo's rules, in one transaction."""
    environments = Environment.objects.using(options.DATABASE).filter(name=ENVIRONMENT)
    is_new = not environments.exists()
    import_rules(_rules())
    if is_new:
        environments.update(description=_MADE_HERE)


def has_rules() -> bool:
    """Whether all workflows of the demo are there."""
    there: int = _named(Workflow, "workflows").count()
    return there == len(_slugs("workflows"))


def read_events() -> list[Event]:
    """Return the demo's events, as if they came in now."""
    lines = (_FILES / "events.jsonl").read_bytes().splitlines()
    limits = Limits(
        max_bytes=options.EVENT_MAX_BYTES, ahead_seconds=options.EVENT_AHEAD_SECONDS
    )
    raws = [msgspec.json.decode(line) for line in lines]
    return accept_all(raws, now=clock.now(), limits=limits)


def descriptions() -> list[str]:
    """Return a line for each detector and workflow of the demo."""
    using = options.DATABASE
    detectors = Detector.objects.using(using).filter(slug__in=_slugs("detectors"))
    lines = [
        f"detector {d.slug.ljust(20)} watches {d.event_type}, {d.source or 'any source'}"
        f"{_trigger(d)}"
        for d in detectors.order_by("-slug")
    ]
    workflows = Workflow.objects.using(using).filter(slug__in=_slugs("workflows"))
    for w in workflows.select_related("environment").order_by("slug"):
        where = w.environment.name if w.environment else "every environment"
        often = f"at most once every {w.interval // 60} min per subject"
        lines.append(
            f"workflow {w.slug.ljust(20)} {where}, {often if w.interval else 'every time'}"
        )
    return lines


def _trigger(detector: Detector) -> str:
    asked = Condition.objects.using(options.DATABASE).filter(group__detector=detector)
    questions = [question_text(condition) for condition in asked.order_by("position")]
    return f", trigger: {' and '.join(questions)}" if questions else ""


def put_user() -> str:
    """Make the demo's user and return the password, the same as long as SECRET_KEY is.

    "" where the project has a user of that name, or asks more of users than a name and an
    e-mail address.
    """
    users: Any = get_user_model()
    wants_more = set(users.REQUIRED_FIELDS) - {users.get_email_field_name()}
    others = _rows_of(users, USER).exclude(pk__in=_own_users())
    if wants_more or others.exists() or not _has_email(users):
        return ""
    drawn = salted_hmac("workflow_engine.demo", USER, algorithm="sha256").digest()
    letters = "".join(READABLE[number % len(READABLE)] for number in drawn)
    password = "-".join(letters[place : place + 4] for place in (0, 4, 8))
    user = _own_users().first() or users(**{users.USERNAME_FIELD: USER})
    setattr(user, users.get_email_field_name(), USER_EMAIL)
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    return password


def remove() -> dict[str, int]:
    """Take away everything the demo has made; return how much of each."""
    using = options.DATABASE
    judged = read_events()
    judged.append(msgspec.structs.replace(judged[1], id=LAST_ID))
    sources = {event.source for event in judged}
    decisions = Decision.objects.using(using).filter(
        event_source__in=sources, event_id__in=[event.id for event in judged]
    )
    removed: dict[str, int] = {}
    with transaction.atomic(using=using):
        for name, rows in {
            "workflows": _named(Workflow, "workflows"),
            "detectors": _named(Detector, "detectors"),
            "actions": _named(Action, "actions"),
            "firings": Firing.objects.using(using).filter(
                action_slug__in=_slugs("actions")
            ),
            "decisions": decisions,
            "receipts": EventReceipt.objects.using(using).filter(
                key__in=[event.key for event in judged]
            ),
            "environments": Environment.objects.using(using).filter(
                description=_MADE_HERE, workflows__isnull=True
            ),
            "users": _own_users(),
        }.items():
            removed[name] = rows.count()
            rows.delete()
    return removed


def _named(model: type[Any], section: str) -> Any:
    return model.objects.using(options.DATABASE).filter(slug__in=_slugs(section))


def _rows_of(users: Any, name: str) -> Any:
    return users.objects.filter(**{users.USERNAME_FIELD: name})


def _has_email(users: Any) -> bool:
    names = {field.name for field in users._meta.get_fields()}
    return users.get_email_field_name() in names - {users.USERNAME_FIELD}


def _own_users() -> Any:
    users: Any = get_user_model()
    own = _rows_of(users, USER)
    if not _has_email(users):
        return own.none()
    return own.filter(**{users.get_email_field_name(): USER_EMAIL})
