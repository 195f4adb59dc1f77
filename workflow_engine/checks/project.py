"""Project: what `manage.py check` says of settings, handlers and surroundings.

E007, two handlers of one name, is raised while the app loads: such a process never starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections, models
from django.db.models import Count

from workflow_engine import conf, registry, tasks
from workflow_engine.checks.ids import LABEL, id_of
from workflow_engine.conf import options
from workflow_engine.models import Action, Condition, Detector

_VENDORS: Final = {"postgresql", "sqlite"}


@register(LABEL)
def check_settings(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """E001 to E005 and E009: what stands in WORKFLOW_ENGINE."""
    return [
        Error(p.message, hint=p.hint, id=id_of(p.check_id)) for p in conf.problems()
    ]


@register(LABEL)
def check_database_vendor(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """E006: a database that cannot keep the promises."""
    if conf.problems() or connections[options.DATABASE].vendor in _VENDORS:
        return []
    connection = connections[options.DATABASE]
    message = (
        f"Database '{options.DATABASE}' is {connection.display_name}, "
        "which is not supported."
    )
    hint = "PostgreSQL 15+ or SQLite; set DATABASE to its alias."
    return [Error(message, hint=hint, id=id_of("E006"))]


@register(LABEL)
def check_sqlite(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """W014: SQLite as it comes refuses the second of two writers at once."""
    if conf.problems() or connections[options.DATABASE].vendor != "sqlite":
        return []
    given = connections[options.DATABASE].settings_dict["OPTIONS"]
    if str(given.get("transaction_mode", "")).upper() in {"IMMEDIATE", "EXCLUSIVE"}:
        return []
    message = (
        f"Database '{options.DATABASE}' is SQLite without transaction_mode IMMEDIATE: "
        "of two processes that write at once, one fails with 'database is locked'."
    )
    hint = 'OPTIONS: "transaction_mode": "IMMEDIATE", "timeout": 20'
    return [CheckWarning(message, hint=hint, id=id_of("W014"))]


@register(LABEL)
def check_time_zones(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """E014: moments without a time zone, which cannot be compared with those of events."""
    if conf.problems() or connections[options.DATABASE].timezone is not None:
        return []  # a connection has one where USE_TZ is True
    message = (
        "USE_TZ is False: moments read from the database have no time zone, and cannot "
        "be compared with those of events and items."
    )
    return [Error(message, hint="USE_TZ = True", id=id_of("E014"))]


@register(LABEL)
def check_handlers(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """E008: handler modules that cannot be imported."""
    return [
        Error(
            f"{module} cannot be imported: {why}.",
            hint="Install it, or remove the import.",
            id=id_of("E008"),
        )
        for module, why in sorted(registry.broken_modules.items())
    ]


@register(LABEL)
def check_celery(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """W001 to W004: what makes tasks go missing, run early, twice or for ever."""
    if conf.problems() or not tasks.uses_celery():
        return []
    return list(_celery_warnings(tasks.celery_facts()))


def _celery_warnings(facts: tasks.CeleryFacts) -> Iterator[CheckMessage]:
    if not facts.has_broker:
        yield CheckWarning(
            "EXECUTOR is 'celery' but the Celery app of this process has no broker.",
            hint="Set CELERY_BROKER_URL, and import the app in the project's __init__.py.",
            id=id_of("W001"),
        )
    if facts.is_eager:
        yield CheckWarning(
            "CELERY_TASK_ALWAYS_EAGER is on: events run inside the request.",
            hint="Use EXECUTOR 'threads' to run without a broker.",
            id=id_of("W002"),
        )
    limit, visible = facts.time_limit_seconds, facts.visibility_seconds
    if limit is None:
        yield CheckWarning(
            "No time limit for tasks: a hung action holds a worker for ever.",
            hint="CELERY_TASK_TIME_LIMIT = 120",
            id=id_of("W004"),
        )
    elif visible is not None and visible < limit:
        yield CheckWarning(
            f"The broker's visibility_timeout ({visible} s) is shorter than the longest "
            f"time limit ({limit} s).",
            hint="Raise it; every app on that broker must agree.",
            id=id_of("W003"),
        )


@register(LABEL, deploy=True)
def check_deployment(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """W009, W011 and W013: what is fine at home."""
    found: list[CheckMessage] = []
    if conf.problems():
        return found
    if options.WEBHOOK["allow_private"]:
        message = "Webhooks may reach private addresses."
        hint = "Remove WEBHOOK['allow_private']."
        found.append(CheckWarning(message, hint=hint, id=id_of("W009")))
    kept = [key for key, days in options.RETAIN_DAYS.items() if days is None]
    if kept:
        message = f"Rows are kept for ever: {', '.join(kept)}."
        hint = f"RETAIN_DAYS = {{'{kept[0]}': 90}}"
        found.append(CheckWarning(message, hint=hint, id=id_of("W011")))
    if not tasks.uses_celery():
        message = "EXECUTOR is 'threads': items run inside the web processes."
        hint = "Configure Celery, or run workflow_queue."
        found.append(CheckWarning(message, hint=hint, id=id_of("W013")))
    return found


@register(Tags.database)
def check_rows(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """E011: rows whose handler is not registered in this project."""
    if conf.problems() or options.DATABASE not in (databases or ()):
        return []
    tables = connections[options.DATABASE].introspection.table_names()
    if Condition._meta.db_table not in tables:
        return []  # not migrated yet
    return [
        *_unregistered(Condition, "type", "Condition type", registry.conditions),
        *_unregistered(Detector, "kind", "Detector kind", registry.detectors),
        *_unregistered(Action, "kind", "Action kind", registry.actions),
    ]


def _unregistered(
    model: type[models.Model],
    field: str,
    noun: str,
    known: registry.Registry[Any],
) -> Iterator[CheckMessage]:
    counts = (
        model._default_manager.using(options.DATABASE)
        .values_list(field)
        .annotate(n=Count("pk"))
        .order_by(field)
    )
    names = model._meta
    for slug, count in counts:
        if known.get(slug) is None:
            rows = names.verbose_name if count == 1 else names.verbose_name_plural
            yield Error(
                f"{noun} '{slug}' is used by {count} {rows} but not registered.",
                hint="Install the app that registers it, or delete them.",
                id=id_of("E011"),
            )
