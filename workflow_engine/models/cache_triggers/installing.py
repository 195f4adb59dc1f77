"""Installing: the database triggers of an alias, made, removed and looked at."""

from __future__ import annotations

from types import ModuleType

from django.db import connections, transaction

from workflow_engine.models.cache_triggers import postgres, sqlite


def install(using: str) -> None:
    """Make every database trigger of ours, in place of any that is there.

    Safe to repeat. On PostgreSQL the transaction may not have changed a rule before.
    """
    kind = _kind(using)
    if kind is not None:
        with transaction.atomic(using=using):
            kind.install(connections[using])


def uninstall(using: str) -> None:
    """Remove every database trigger of ours; safe to repeat."""
    kind = _kind(using)
    if kind is not None:
        with transaction.atomic(using=using):
            kind.uninstall(connections[using])


def missing(using: str) -> list[str]:
    """Return the tables whose triggers are missing, disabled or not as they should be.

    On PostgreSQL the outbox may be among them: its trigger changes the generation.
    """
    kind = _kind(using)
    found: list[str] = kind.missing(connections[using]) if kind is not None else []
    return found


def _kind(using: str) -> ModuleType | None:
    vendor = connections[using].vendor
    return {"postgresql": postgres, "sqlite": sqlite}.get(vendor)
