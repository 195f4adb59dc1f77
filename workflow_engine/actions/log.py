"""Log: an action that writes one line to the log of the process that carries it out.

A log is kept like a delivery: secrets do not get into it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.actions.base import Delivery, Firing, Prepared, register_action
from workflow_engine.actions.templates import TEMPLATE_CHARACTERS, template_problems

logger = logging.getLogger(__name__)

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Log",
    "description": (
        f"One line to the logger {__name__}. Django's own logging drops the level info "
        "and below; configure LOGGING for this logger to see such lines."
    ),
    "properties": {
        "level": {
            "type": "string",
            "title": "Level",
            "enum": list(LEVELS),
            "default": "info",
        },
        "message": {
            "type": "string",
            "title": "Message",
            "description": "A template; becomes one line.",
            "minLength": 1,
            "maxLength": TEMPLATE_CHARACTERS,
        },
    },
    "required": ["message"],
    "additionalProperties": False,
}


def problems(config: Any) -> list[str]:
    """Return what the schema cannot say of a configuration."""
    return [f"message: {one}" for one in template_problems(config["message"])]


@dataclass(frozen=True, kw_only=True)
class PreparedLine(Prepared):
    """A line that is rendered and not yet written."""

    level: int
    message: str
    extra: dict[str, str]


class Log:
    """The kind `log`."""

    def prepare(self, firing: Firing, config: Any) -> PreparedLine:
        """Return the line: one, whatever the values hold."""
        level = config.get("level", "info")
        kept = firing.kept
        message = " ".join((firing.mark + kept.render(config["message"])).split())
        firing.notes.extend(kept.notes)
        asked = {"level": level, "message": message}
        return PreparedLine(
            delivery=Delivery(endpoint=logger.name, request=asked),
            level=LEVELS[level],
            message=message,
            extra={
                "action": firing.action_slug,
                "workflow": firing.workflow_slug,
                "firing": firing.uuid,
            },
        )

    def send(self, prepared: PreparedLine) -> None:
        """Write the line."""
        logger.log(prepared.level, "%s", prepared.message, extra=prepared.extra)


register_action("log", schema=SCHEMA, label="Log", check=problems)(Log)
