"""Problems: what is refused in WORKFLOW_ENGINE, and how it is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings as django_settings
from django.utils.module_loading import import_string

from workflow_engine.conf.kinds import Setting
from workflow_engine.conf.options import NAME, Options, options
from workflow_engine.conf.table import SETTINGS, default_of
from workflow_engine.exceptions import InvalidSettings

DAY_SECONDS: Final = 86_400

#: Known by name: an install without Redis does not have it.
REDIS_CACHE: Final = "django_redis.cache.RedisCache"


@dataclass(frozen=True)
class Problem:
    """One refused thing in WORKFLOW_ENGINE, as a system check says it."""

    check_id: str
    message: str
    hint: str


def require() -> None:
    """Raise InvalidSettings, naming every refused value, unless all are fine."""
    found = problems()
    if found:
        raise InvalidSettings("\n".join(f"{p.message} {p.hint}" for p in found))


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
    yield from _times(values)
    if values.CACHE_ALIAS is not None:
        yield from _cache(values.CACHE_ALIAS)


def _cache(alias: str) -> Iterator[Problem]:
    """Yield what is wrong with the entry in CACHES."""
    entry = django_settings.CACHES.get(alias)
    if entry is None:
        message = f"Cache alias '{alias}' is not in CACHES."
        hint = "Add it, or remove CACHE_ALIAS to run without Redis."
        yield Problem("E004", message, hint)
        return
    backend = str(entry.get("BACKEND"))
    try:
        found = import_string(backend)
    except ImportError as error:
        message = (
            f"Cache alias '{alias}' has a backend that cannot be imported: {error}."
        )
        hint = 'pip install "django-detector-workflows[redis]"'
        yield Problem("E005", message, hint)
        return
    if not any(
        _path(parent) == REDIS_CACHE for parent in getattr(found, "__mro__", ())
    ):
        message = (
            f"Cache alias '{alias}' is a {getattr(found, '__name__', backend)}, which cannot "
            "keep the promises of this app."
        )
        hint = f"Use {REDIS_CACHE}, or remove CACHE_ALIAS."
        yield Problem("E005", message, hint)


def _path(found: type) -> str:
    return f"{found.__module__}.{found.__qualname__}"


def _times(values: Options) -> Iterator[Problem]:
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
    yield from _hours_of_figures(values.METRICS_RETAIN_HOURS)


def _hours_of_figures(kept: Mapping[str, int]) -> Iterator[Problem]:
    """Yield where larger figures go before smaller ones: windows would miss what is kept."""
    for smaller, larger in (("minute", "hour"), ("hour", "day")):
        if kept[smaller] > kept[larger]:
            message = (
                f"{NAME}['METRICS_RETAIN_HOURS'] must keep '{larger}' as long as "
                f"'{smaller}' ({kept[smaller]}), not {kept[larger]}."
            )
            hint = f"Lower '{smaller}', or keep '{larger}' longer."
            yield Problem("E003", message, hint)


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
        inner = Setting(
            default_of(setting), f"a dictionary with keys among {keys}", bool
        )
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
    found = f"a {type(value).__name__}" if setting.is_secret else repr(value)
    message = f"{place} must be {setting.accepted}, not {found}."
    return Problem("E003", message, f"Remove it to use {setting.default!r}.")
