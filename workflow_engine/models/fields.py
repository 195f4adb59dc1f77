"""What several models say of their columns in the same words: slugs, sizes, priorities."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

from workflow_engine.types import Priority

SLUG_CHARACTERS: Final = 100
ENVIRONMENT_CHARACTERS: Final = 64
SUBJECT_CHARACTERS: Final = 200
SOURCE_CHARACTERS: Final = 500
EVENT_TYPE_CHARACTERS: Final = 200
EVENT_ID_CHARACTERS: Final = (
    400  # an accepted id has 200; a synthetic one is built from it
)
REVISION_CHARACTERS: Final = 12
CODE_CHARACTERS: Final = 32  # states, reasons and outcomes

PRIORITIES: Final = (
    (Priority.OK.value, _("ok")),
    (Priority.LOW.value, _("low")),
    (Priority.MEDIUM.value, _("medium")),
    (Priority.HIGH.value, _("high")),
)
PRIORITY_VALUES: Final = [priority.value for priority in Priority]

validate_slug = RegexValidator(
    re.compile(r"^[a-z0-9][a-z0-9_-]*\Z"),
    _("A slug is made of lower-case letters a-z, digits, '-' and '_'."),
    "invalid_slug",
)


@deconstructible
class MaxJsonBytes:
    """Refuses a JSON value that is longer than `limit_bytes` as compact UTF-8 text."""

    def __init__(self, limit_bytes: int) -> None:
        """Allow up to and including `limit_bytes`."""
        self.limit_bytes = limit_bytes

    def __call__(self, value: Any) -> None:
        """Raise ValidationError when the value is too long."""
        found = len(
            json.dumps(
                value,
                cls=DjangoJSONEncoder,
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode("utf-8", "surrogatepass")
        )
        if found > self.limit_bytes:
            raise ValidationError(
                _("The value is %(found)s bytes of JSON, at most %(limit)s."),
                code="json_too_long",
                params={"found": found, "limit": self.limit_bytes},
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaxJsonBytes) and other.limit_bytes == self.limit_bytes

    def __hash__(self) -> int:
        return hash(self.limit_bytes)


class DeferredUniqueConstraint(models.UniqueConstraint):
    """Judged at commit, so that two rows can swap places one by one.

    SQLite has no such constraint: there forms refuse a doubled place and the database does
    not. A doubled place makes no rule ambiguous (the key breaks the tie), so nothing warns.
    """

    def check(
        self, model: type[models.Model], connection: BaseDatabaseWrapper
    ) -> list[CheckMessage]:
        """Return what Django finds, without the warning about SQLite."""
        return _without_w038(super().check(model, connection))

    def _check(
        self, model: type[models.Model], connection: BaseDatabaseWrapper
    ) -> list[CheckMessage]:
        # The name of `check` on Django 5.2.
        found = super()._check(model, connection)  # type: ignore[misc] # not in the stubs
        return _without_w038(found)


def _without_w038(found: list[CheckMessage]) -> list[CheckMessage]:
    return [message for message in found if message.id != "models.W038"]
