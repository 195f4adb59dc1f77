"""Facts: what the project's Celery app is set to, as far as this app asks."""

from __future__ import annotations

from dataclasses import dataclass

from celery import current_app

from workflow_engine.conf import options


def has_broker() -> bool:
    """Whether the project's Celery app knows a broker to send to."""
    conf = current_app.conf
    return bool(conf.broker_write_url or conf.broker_url)


def uses_celery() -> bool:
    """Whether work goes through Celery here: EXECUTOR, or by itself when there is a broker."""
    executor = options.EXECUTOR
    return executor == "celery" or (executor == "auto" and has_broker())


@dataclass(frozen=True, kw_only=True)
class CeleryFacts:
    """What the system checks ask of the project's Celery app.

    Attributes:
        has_broker: There is one to send to.
        is_eager: Tasks run where they are called.
        time_limit_seconds: Hard limit of a task; None = there is none.
        visibility_seconds: After which the broker gives a message out again; None = its own.
    """

    has_broker: bool
    is_eager: bool
    time_limit_seconds: float | None
    visibility_seconds: float | None


def celery_facts() -> CeleryFacts:
    """Return what the project's Celery app is set to."""
    conf = current_app.conf
    transport = conf.broker_transport_options or {}
    return CeleryFacts(
        has_broker=has_broker(),
        is_eager=bool(conf.task_always_eager),
        time_limit_seconds=conf.task_time_limit,
        visibility_seconds=transport.get("visibility_timeout"),
    )
