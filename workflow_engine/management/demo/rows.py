"""Rows of the demo: put there, and taken away again without a trace."""

from __future__ import annotations

import secrets
from importlib import resources
from typing import Any, Final

import msgspec
from django.contrib.auth import get_user_model
from django.db import transaction

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.models import (
    Action,
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

PREFIX: Final = "demo-"  # of every slug
SOURCE: Final = "/demo/"  # of every event
USER: Final = "demo"
ENVIRONMENT: Final = "production"
MAIL_ACTION: Final = "demo-email-team"
READABLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # no two look alike
LAST_ID: Final = "evt-8"  # of the event that is sent after the edit
_MADE_HERE: Final = "Made by the demo."
_FILES: Final = resources.files("workflow_engine.management.demo")


def put_rules() -> None:
    """Write the demo's rules, in one transaction."""
    using = options.DATABASE
    is_new = not Environment.objects.using(using).filter(name=ENVIRONMENT).exists()
    import_rules(msgspec.json.decode((_FILES / "rules.json").read_bytes()))
    if is_new:
        Environment.objects.using(using).filter(name=ENVIRONMENT).update(
            description=_MADE_HERE
        )


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
    own = {"slug__startswith": PREFIX}
    lines = [
        f"detector {d.slug.ljust(20)} watches {d.event_type}, {d.source or 'any source'}"
        for d in Detector.objects.using(using).filter(**own).order_by("pk")
    ]
    workflows = (
        Workflow.objects.using(using).filter(**own).select_related("environment")
    )
    for w in workflows.order_by("pk"):
        where = w.environment.name if w.environment else "every environment"
        often = f"at most once every {w.interval // 60} min per subject"
        lines.append(
            f"workflow {w.slug.ljust(20)} {where}, {often if w.interval else 'every time'}"
        )
    return lines


def put_user() -> str:
    """Make the demo's user, or give it a new password; return the password."""
    password = "-".join(
        "".join(secrets.choice(READABLE) for _ in range(4)) for _ in range(3)
    )
    users: Any = get_user_model()._default_manager
    user, _ = users.get_or_create(
        **{users.model.USERNAME_FIELD: USER},
        defaults={"is_staff": True, "is_superuser": True},
    )
    user.set_password(password)
    user.save()
    return password


def remove() -> dict[str, int]:
    """Take away everything the demo has made; return how much of each."""
    using = options.DATABASE
    own = {"slug__startswith": PREFIX}
    removed: dict[str, int] = {}
    with transaction.atomic(using=using):
        events = Decision.objects.using(using).filter(event_source__startswith=SOURCE)
        judged = read_events()
        judged.append(msgspec.structs.replace(judged[1], id=LAST_ID))
        keys = [event.key for event in judged]
        for name, rows in {
            "workflows": Workflow.objects.using(using).filter(**own),
            "detectors": Detector.objects.using(using).filter(**own),
            "actions": Action.objects.using(using).filter(**own),
            "firings": Firing.objects.using(using).filter(
                action_slug__startswith=PREFIX
            ),
            "decisions": events,
            "receipts": EventReceipt.objects.using(using).filter(key__in=keys),
            "environments": Environment.objects.using(using).filter(
                description=_MADE_HERE, workflows__isnull=True
            ),
            "users": _users(),
        }.items():
            removed[name] = rows.count()
            rows.delete()
    return removed


def _users() -> Any:
    users: Any = get_user_model()._default_manager
    return users.filter(**{users.model.USERNAME_FIELD: USER})
