"""Options: the values in force, read at use and again when a setting has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from workflow_engine.conf.table import SETTINGS, default_of

NAME: Final = "WORKFLOW_ENGINE"


class Options:
    """The values in force, as attributes: `options.EVENT_BATCH`, `options.BACKOFF["factor"]`.

    They are read once and kept as plain attributes: look-ups ask for some of them each time.
    """

    def __getattr__(self, key: str) -> Any:
        values = self._read()
        if key not in values:
            raise AttributeError(key)
        self.__dict__.update(values)
        return values[key]

    def reset(self, **_: Any) -> None:
        """Read the settings again at the next use."""
        self.__dict__.clear()

    @staticmethod
    def _read() -> dict[str, Any]:
        given = getattr(django_settings, NAME, {})
        values = {key: default_of(setting) for key, setting in SETTINGS.items()}
        if isinstance(given, Mapping):
            for key, value in given.items():
                if key not in SETTINGS:
                    continue  # a system check says so
                nested = isinstance(values.get(key), dict) and isinstance(
                    value, Mapping
                )
                values[key] = {**values[key], **value} if nested else value
        return values


options = Options()


def _reset_when_ours(*, setting: str, **_: Any) -> None:
    if setting in {NAME, "DATABASES", "CACHES"}:
        options.reset()


setting_changed.connect(_reset_when_ours, dispatch_uid="workflow_engine.conf")
