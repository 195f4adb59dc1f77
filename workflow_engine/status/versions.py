"""Versions: of what runs here and of the servers it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from django import get_version
from django.db import connections

from workflow_engine import __version__
from workflow_engine.status.server import Asked


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What there is in which version.

    Attributes:
        by_name: In the order they are told; None = a server that did not say.
        alias: Of the cache; None = it is in each process.
    """

    by_name: Mapping[str, str | None]
    alias: str | None

    def line(self) -> str:
        """Return what people read."""
        told = (f"{name} {number or '?'}" for name, number in self.by_name.items())
        alias = f" (alias {self.alias})" if self.alias else ""
        return " · ".join(told) + alias


def read(using: str, asked: Asked) -> Versions:
    """Return the versions; a new connection costs no query on most databases."""
    connection = connections[using]
    number = ".".join(map(str, connection.get_database_version()))
    by_name: dict[str, str | None] = {
        "workflow_engine": __version__,
        "Django": get_version(),
        "Celery": version("celery"),
        connection.display_name: number,
    }
    if asked.alias is not None:
        by_name["Redis"] = asked.server.version if asked.server else None
    return Versions(by_name=by_name, alias=asked.alias)
