"""Settings: one dictionary `WORKFLOW_ENGINE`, each key optional, read at use.

The table of keys, their defaults and bounds is `SETTINGS`. Nested dictionaries merge key by
key with the default. Refused values are found by `problems()`, which the system checks print.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from workflow_engine.exceptions import InvalidSettings

NAME: Final = "WORKFLOW_ENGINE"
MONTH_SECONDS: Final = 2_678_400  # 31 days, the longest delay and interval
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class Setting:
    """One key: its default, what is accepted in words, and the test of it."""

    default: Any
    accepted: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True)
class Problem:
    """One refused thing in WORKFLOW_ENGINE, as a system check says it."""

    check_id: str
    message: str
    hint: str


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _whole(low: int, high: float, default: Any) -> Setting:
    words = f"a whole number from {low}" + (
        f" to {high}" if math.isfinite(high) else ""
    )
    return Setting(
        default,
        words,
        lambda v: _is_number(v) and isinstance(v, int) and low <= v <= high,
    )


def _number(low: float, high: float, default: Any) -> Setting:
    return Setting(
        default,
        f"a number from {low} to {high}",
        lambda v: _is_number(v) and low <= v <= high,
    )


def _above_zero(default: float) -> Setting:
    return Setting(default, "a number above 0", lambda v: _is_number(v) and v > 0)


def _or_none(setting: Setting) -> Setting:
    return Setting(
        setting.default,
        f"{setting.accepted}, or None",
        lambda v: v is None or setting.accepts(v),
    )


def _one_of(*words: str) -> Setting:
    accepted = "one of " + ", ".join(f"'{word}'" for word in words)
    return Setting(words[0], accepted, lambda v: isinstance(v, str) and v in words)


def _boolean(*, default: bool) -> Setting:
    return Setting(default, "True or False", lambda v: isinstance(v, bool))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_dotted(value: Any) -> bool:
    return isinstance(value, str) and all(p.isidentifier() for p in value.split("."))


def _texts(accepted: str, test: Callable[[Any], bool], *default: str) -> Setting:
    return Setting(
        default,
        f"a list of {accepted}",
        lambda v: isinstance(v, list | tuple) and all(test(item) for item in v),
    )


_TEXT_OR_NONE: Final = _or_none(Setting(None, "a text", _is_text))

SETTINGS: Final[dict[str, Setting | dict[str, Setting]]] = {
    "DATABASE": Setting(
        "default",
        "an alias in DATABASES",
        lambda v: isinstance(v, str) and v in django_settings.DATABASES,
    ),
    "EXECUTOR": _one_of("auto", "celery", "threads"),
    "CELERY_QUEUES": {"events": _TEXT_OR_NONE, "items": _TEXT_OR_NONE},
    "HANDLER_MODULE": Setting(
        "workflow_handlers",
        "an identifier",
        lambda v: isinstance(v, str) and v.isidentifier(),
    ),
    "RUNNER_THREADS": _whole(1, 64, 4),
    "RUNNER_DRAIN_SECONDS": _number(0, 3600, 30),
    "SHARDS": _whole(1, 256, 4),
    "ITEM_LEASE_SECONDS": _number(1, 86_400, 120),
    "HANDOFF_SECONDS": _number(1, 3600, 30),
    "CLAIM_ITEMS": _whole(1, 1000, 100),
    "DIRECT_ITEMS": _whole(0, 1000, 100),
    "POLL_SECONDS": _number(0.05, 60, 1),
    "EVENT_BATCH": _whole(1, 1000, 100),
    "INTERVAL_SECONDS": _whole(0, MONTH_SECONDS, 1800),
    "EVALUATE_DELAY_SECONDS": _number(0, 3600, 2),
    "MAX_ATTEMPTS": _whole(1, 100, 8),
    "BACKOFF": {
        "base_seconds": _above_zero(10),
        "factor": _above_zero(3),
        "max_seconds": _above_zero(21_600),
        "jitter": _number(0, 0.5, 0.2),
    },
    "ACTION_SECONDS": _number(1, 3600, 60),
    "DEDUPE_SECONDS": _number(0, 31_536_000, 86_400),
    "EMAIL_FROM": _TEXT_OR_NONE,
    "TASK_ACTIONS": _texts("dotted task names", _is_dotted),
    "WEBHOOK": {
        "connect_seconds": _above_zero(3),
        "read_seconds": _above_zero(10),
        "allow_http": _boolean(default=False),
        "allow_private": _boolean(default=False),
        "keep_bytes": _whole(0, 65_536, 1024),
        "off_after_hours": _above_zero(72),
    },
    "TRACE_SHARE": {"failed": _number(0, 1, 1), "no_match": _number(0, 1, 0.01)},
    "TRACE_BUFFER": _whole(0, math.inf, 1000),
    "METRICS_FLUSH_SECONDS": _number(1, 60, 10),
    "EVENT_MAX_BYTES": _whole(1024, 1_048_576, 65_536),
    "EVENT_AHEAD_SECONDS": _number(0, 86_400, 300),
    "REDACT_KEYS": _texts(
        "texts", _is_text, "password", "token", "secret", "authorization", "cookie"
    ),
    "RETAIN_DAYS": {
        "decisions": _or_none(_whole(1, math.inf, 7)),
        "failures": _or_none(_whole(1, math.inf, 30)),
        "firings": _or_none(_whole(1, math.inf, 90)),
        "deliveries": _or_none(_whole(1, math.inf, 30)),
        "done_items": _or_none(_whole(1, math.inf, 7)),
        "dead_items": _or_none(_whole(1, math.inf, 90)),
    },
    "PRUNE_BATCH": _whole(100, 50_000, 5000),
    "ADMIN": _boolean(default=True),
    "CACHE_ALIAS": _or_none(
        Setting(None, "an alias in CACHES", lambda v: isinstance(v, str))
    ),
    "CACHE_PREFIX": Setting(
        "wfe",
        "1 to 32 of a-z, 0-9, '-' and '_'",
        lambda v: isinstance(v, str) and re.fullmatch("[a-z0-9_-]{1,32}", v) is not None,
    ),
    "CACHE_MODE": Setting("enabled", "a mode", lambda v: isinstance(v, str | dict)),
    "CACHE_LIFE_SECONDS": _number(1, 86_400, 1200),
    "CACHE_LIFE_JITTER": _number(0, 0.5, 0.1),
    "CACHE_PERMIT_SECONDS": _number(1, 60, 5),
    "CACHE_WAIT_SECONDS": _number(0, 5, 0.05),
    "CACHE_BREAKER": {
        "errors": _whole(1, math.inf, 3),
        "retry_seconds": _number(0.1, 60, 2),
    },
    "CACHE_VERIFY_SHARE": _number(0, 1, 0.001),
    "CACHE_VERIFY_GRACE_SECONDS": _number(0.1, 60, 2),
    "NEAR_ENTRIES": _whole(0, math.inf, 10_000),
    "NEAR_MAX_STALENESS": _number(0, 60, 0),
    "OUTBOX_SWEEP_SECONDS": _number(0.1, 300, 1),
}


def _default(setting: Setting | dict[str, Setting]) -> Any:
    if isinstance(setting, Setting):
        return setting.default
    return {key: inner.default for key, inner in setting.items()}


class Options:
    """The values in force, as attributes: `options.EVENT_BATCH`, `options.BACKOFF["factor"]`."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._values: dict[str, Any] | None = None

    def __getattr__(self, key: str) -> Any:
        values = self._values
        if values is None:
            values = self._values = self._read()
        try:
            return values[key]
        except KeyError:
            raise AttributeError(key) from None

    def reset(self, **_: Any) -> None:
        """Read the settings again at the next use."""
        self._values = None

    def require(self) -> None:
        """Raise InvalidSettings, naming every refused value, unless all are fine."""
        found = problems()
        if found:
            raise InvalidSettings("\n".join(f"{p.message} {p.hint}" for p in found))

    @staticmethod
    def _read() -> dict[str, Any]:
        given = getattr(django_settings, NAME, {})
        values = {key: _default(setting) for key, setting in SETTINGS.items()}
        if isinstance(given, Mapping):
            for key, value in given.items():
                nested = isinstance(values.get(key), dict) and isinstance(
                    value, Mapping
                )
                values[key] = {**values[key], **value} if nested else value
        return values


options = Options()


def _reset_when_ours(*, setting: str, **_: Any) -> None:
    if setting in {NAME, "DATABASES"}:
        options.reset()


setting_changed.connect(_reset_when_ours, dispatch_uid="workflow_engine.conf")


def problems() -> list[Problem]:
    """Return every refused thing in WORKFLOW_ENGINE; empty when all is fine."""
    given = getattr(django_settings, NAME, {})
    if not isinstance(given, Mapping):
        message = f"{NAME} must be a dictionary, not a {type(given).__name__}."
        return [Problem("E001", message, f"Write {NAME} = {{}}.")]
    found: list[Problem] = []
    for key, value in given.items():
        found += _problems_of(f"{NAME}[{key!r}]", key, value, SETTINGS, NAME)
    return found or list(_conflicts(options))


def _conflicts(values: Options) -> Iterator[Problem]:
    """Yield what is wrong between values that are fine one by one."""
    lease, action = values.ITEM_LEASE_SECONDS, values.ACTION_SECONDS
    if lease <= action:
        message = (
            f"ITEM_LEASE_SECONDS ({lease}) must be longer than ACTION_SECONDS ({action}), "
            "or an item could run twice at once."
        )
        yield Problem("E009", message, f"Set ITEM_LEASE_SECONDS to {action * 2}.")
    connect, read = (values.WEBHOOK[f"{step}_seconds"] for step in ("connect", "read"))
    if connect + read >= action:
        message = (
            f"{NAME}['WEBHOOK'] must allow less than ACTION_SECONDS ({action}) in all, "
            f"not {connect} to connect and {read} to read."
        )
        yield Problem("E003", message, "Lower them, or raise ACTION_SECONDS.")
    kept = values.RETAIN_DAYS["done_items"]
    dedupe_seconds = values.DEDUPE_SECONDS
    if kept is not None and dedupe_seconds > kept * DAY_SECONDS:
        message = (
            f"{NAME}['DEDUPE_SECONDS'] must be at most {kept * DAY_SECONDS}, as long as "
            f"RETAIN_DAYS keeps done_items, not {dedupe_seconds}."
        )
        yield Problem("E003", message, "Lower it, or keep done_items longer.")


def _problems_of(
    place: str,
    key: Any,
    value: Any,
    known: Mapping[str, Setting | dict[str, Setting]],
    where: str,
) -> list[Problem]:
    setting = known.get(key) if isinstance(key, str) else None
    if setting is None:
        return [_unknown(key, known, where)]
    if isinstance(setting, Setting):
        return [] if setting.accepts(value) else [_refused(place, value, setting)]
    if not isinstance(value, Mapping):
        keys = ", ".join(f"'{name}'" for name in setting)
        inner = Setting(_default(setting), f"a dictionary with keys among {keys}", bool)
        return [_refused(place, value, inner)]
    found: list[Problem] = []
    for name, item in value.items():
        found += _problems_of(f"{place}[{name!r}]", name, item, setting, place)
    return found


def _unknown(key: Any, known: Mapping[str, Any], where: str) -> Problem:
    near = difflib.get_close_matches(str(key), known, n=1) or [
        name for name in known if name.upper() == str(key).upper()
    ]
    hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}."
    return Problem("E002", f"Unknown key {key!r} in {where}.", hint)


def _refused(place: str, value: Any, setting: Setting) -> Problem:
    message = f"{place} must be {setting.accepted}, not {value!r}."
    return Problem("E003", message, f"Remove it to use {setting.default!r}.")
