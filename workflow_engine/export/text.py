"""Text: families as bytes; who makes them is picked by name, since it may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, TypeAlias, cast

from django.utils.module_loading import import_string

from workflow_engine.export.family import Family

#: The distribution that must be installed, as one imports it.
CLIENT: Final = "prometheus_client"

EXPOSE: Final = "workflow_engine.export.prometheus.expose"


@dataclass(frozen=True, kw_only=True)
class Text:
    """What is answered.

    Attributes:
        body: The text, encoded.
        content_type: Its format, version and encoding.
    """

    body: bytes
    content_type: str


Expose: TypeAlias = Callable[[Sequence[Family], str], Text]


def is_installed() -> bool:
    """Whether text can be made at all."""
    return find_spec(CLIENT) is not None


def exposer() -> Expose:
    """Return what makes text of families.

    Raises:
        ImportError: The Prometheus client is not installed.
    """
    return cast("Expose", import_string(EXPOSE))
