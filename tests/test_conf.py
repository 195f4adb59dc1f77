"""Settings: what is accepted, what is refused and how it is said, and when it is read."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from workflow_engine import conf
from workflow_engine.conf import SETTINGS, Problem, Setting, options, problems
from workflow_engine.exceptions import InvalidSettings

NAN = math.nan
TRUE_OR_FALSE = "True or False"
TEXT_OR_NONE = "a text, or None"
ABOVE_ZERO = "a number above 0"
HOURS = "a whole number from 1 to 876000"

# Name of a key: what its values must be, in words; some that are; some that are not.
CASES: dict[str, tuple[str, list[Any], list[Any]]] = {
    "DATABASE": ("an alias in DATABASES", ["default"], ["nowhere", "", 7, [], None]),
    "EXECUTOR": (
        "one of 'auto', 'celery', 'threads'",
        ["auto", "celery", "threads"],
        ["Celery", "", None, ["auto"]],
    ),
    "CELERY_QUEUES.events": (TEXT_OR_NONE, [None, "events"], ["", 5, ["events"]]),
    "CELERY_QUEUES.items": (TEXT_OR_NONE, [None, "items"], ["", True]),
    "HANDLER_MODULE": (
        "an identifier",
        ["workflow_handlers", "_x"],
        ["a.b", "", "1st", None],
    ),
    "RUNNER_THREADS": (
        "a whole number from 1 to 64",
        [1, 64],
        [0, 65, 4.0, "4", True, None, NAN],
    ),
    "RUNNER_DRAIN_SECONDS": (
        "a number from 0 to 3600",
        [0, 0.5, 3600],
        [-1, 3601, "1", False, NAN],
    ),
    "SHARDS": ("a whole number from 1 to 256", [1, 256], [0, 257, 1.5]),
    "ITEM_LEASE_SECONDS": (
        "a number from 1 to 86400",
        [61, 86_400],
        [0, 86_401, True, NAN],
    ),
    "HANDOFF_SECONDS": ("a number from 1 to 3600", [1, 3600], [0.9, 3601, None]),
    "CLAIM_ITEMS": ("a whole number from 1 to 1000", [1, 1000], [0, 1001, 1.0]),
    "DIRECT_ITEMS": ("a whole number from 0 to 1000", [0, 1000], [-1, 1001, "0"]),
    "POLL_SECONDS": ("a number from 0.05 to 60", [0.05, 60], [0.04, 61, math.inf]),
    "EVENT_BATCH": ("a whole number from 1 to 1000", [1, 1000], [0, 1001, True]),
    "PRUNE_BATCH": (
        "a whole number from 100 to 50000",
        [100, 50_000],
        [99, 50_001, True],
    ),
    "INTERVAL_SECONDS": (
        "a whole number from 0 to 2678400",
        [0, 2_678_400],
        [-1, 2_678_401, 0.5],
    ),
    "EVALUATE_DELAY_SECONDS": ("a number from 0 to 3600", [0, 3600], [-0.1, 3601]),
    "MAX_ATTEMPTS": ("a whole number from 1 to 100", [1, 100], [0, 101, "8"]),
    "BACKOFF.base_seconds": (ABOVE_ZERO, [0.1, 10], [0, -1, math.inf, "10", True]),
    "BACKOFF.factor": (ABOVE_ZERO, [0.5, 1, 3], [0, NAN]),
    "BACKOFF.max_seconds": (ABOVE_ZERO, [1, 1e9], [0, None]),
    "BACKOFF.jitter": ("a number from 0 to 0.5", [0, 0.5], [-0.1, 0.6, True]),
    "ACTION_SECONDS": ("a number from 1 to 3600", [14, 119], [0, 3601, "60"]),
    "DEDUPE_SECONDS": (
        "a number from 0 to 31536000",
        [0, 604_800],
        [-1, 31_536_001, None],
    ),
    "EMAIL_FROM": (TEXT_OR_NONE, [None, "team@example.org"], ["", 1]),
    "TASK_ACTIONS": (
        "a list of dotted task names",
        [[], (), ["shop.tasks.pay"], ("pay",)],
        ["shop.tasks.pay", ["shop pay"], [1], [""], None],
    ),
    "WEBHOOK.connect_seconds": (ABOVE_ZERO, [0.1, 3], [0, "3"]),
    "WEBHOOK.read_seconds": (ABOVE_ZERO, [0.1, 10], [0, NAN]),
    "WEBHOOK.allow_http": (TRUE_OR_FALSE, [True, False], [0, 1, "yes", None]),
    "WEBHOOK.allow_private": (TRUE_OR_FALSE, [True, False], [0, 1, "no", None]),
    "WEBHOOK.keep_bytes": (
        "a whole number from 0 to 65536",
        [0, 65_536],
        [-1, 65_537, 1.0],
    ),
    "WEBHOOK.off_after_hours": (ABOVE_ZERO, [0.5, 72], [0, None]),
    "TRACE_SHARE.failed": ("a number from 0 to 1", [0, 0.5, 1], [-0.1, 1.1, True]),
    "TRACE_SHARE.no_match": ("a number from 0 to 1", [0, 0.01, 1], [2, "0.01"]),
    "TRACE_BUFFER": ("a whole number from 0", [0, 10**9], [-1, 0.5, math.inf]),
    "TELEMETRY": ("one of 'auto', 'off'", ["auto", "off"], ["on", "", None, False]),
    "METRICS_FLUSH_SECONDS": ("a number from 1 to 60", [1, 60], [0, 61]),
    "EVENT_MAX_BYTES": (
        "a whole number from 1024 to 1048576",
        [1024, 1_048_576],
        [1023, 1_048_577, 2048.0],
    ),
    "EVENT_AHEAD_SECONDS": ("a number from 0 to 86400", [0, 86_400], [-1, 86_401]),
    "REDACT_KEYS": (
        "a list of texts",
        [[], ("iban",)],
        ["iban", [""], [1], None, {"iban"}],
    ),
    **{
        f"RETAIN_DAYS.{rows}": (
            "a whole number from 1, or None",
            [None, 1, 10_000],
            [0, 0.5, "7", True],
        )
        for rows in ("decisions", "failures", "firings", "deliveries", "dead_items")
    },
    "RETAIN_DAYS.done_items": (
        "a whole number from 1, or None",
        [None, 1, 10_000],
        [0, 7.0],
    ),
    "ADMIN": (TRUE_OR_FALSE, [True, False], [0, "on"]),
    "CACHE_ALIAS": ("an alias in CACHES, or None", [None, "default"], ["", 1, b"x"]),
    "CACHE_PREFIX": (
        "1 to 32 of a-z, 0-9, '-' and '_'",
        ["wfe", "a", "a-b_9" * 6],
        ["", "A", "a:b", "a" * 33, "wfe\n", None, 7],
    ),
    "CACHE_MODE": (
        "'enabled', 'shadow' or 'disabled', or a dictionary of these by access",
        ["enabled", "shadow", "disabled", {}, {"workflows": "shadow"}],
        ["on", None, True, ["enabled"], {"workflows": "off"}, {7: "shadow"}],
    ),
    "CACHE_LIFE_SECONDS": (
        "a number from 1 to 86400",
        [1, 86_400],
        [0.5, 86_401, "20m", True, NAN],
    ),
    "CACHE_LIFE_JITTER": ("a number from 0 to 0.5", [0, 0.5], [-0.1, 0.6]),
    "CACHE_PERMIT_SECONDS": ("a number from 1 to 60", [1, 60], [0.9, 61, None]),
    "CACHE_WAIT_SECONDS": ("a number from 0 to 5", [0, 0.05, 5], [-1, 5.1]),
    "CACHE_BREAKER.errors": ("a whole number from 1", [1, 100], [0, 1.5, True]),
    "CACHE_BREAKER.retry_seconds": ("a number from 0.1 to 60", [0.1, 60], [0, 61]),
    "CACHE_VERIFY_SHARE": ("a number from 0 to 1", [0, 0.001, 1], [-0.1, 1.1]),
    "CACHE_VERIFY_GRACE_SECONDS": (
        "a number from 0.1 to 60",
        [0.1, 60],
        [0, 61],
    ),
    "NEAR_ENTRIES": ("a whole number from 0", [0, 1_000_000], [-1, 0.5, True, None]),
    "NEAR_MAX_STALENESS": ("a number from 0 to 60", [0, 60], [-1, 61]),
    "OUTBOX_SWEEP_SECONDS": ("a number from 0.1 to 300", [0.1, 300], [0, 301]),
    "RELEASE": (
        "a text of up to 64 characters, or None",
        [None, "2026.5.1", "x" * 64],
        ["", "x" * 65, 7],
    ),
    "METRICS": (TRUE_OR_FALSE, [True, False], [0, "on"]),
    "METRICS_TOKEN": (TEXT_OR_NONE, [None, "a-token"], ["", b"a-token", 7]),
    "METRICS_RETAIN_HOURS.minute": (HOURS, [1, 168], [0, None, 1.5, 876_001]),
    "METRICS_RETAIN_HOURS.hour": (HOURS, [24, 2160], [0, None, 1.5, 876_001]),
    "METRICS_RETAIN_HOURS.day": (HOURS, [168, 876_000], [0, None, 1.5, 876_001]),
}


def _keys() -> Iterator[str]:
    for key, setting in SETTINGS.items():
        if isinstance(setting, Setting):
            yield key
        else:
            yield from (f"{key}.{inner}" for inner in setting)


def _written(name: str, value: Any) -> dict[str, Any]:
    """Return WORKFLOW_ENGINE with this value, as a project writes it."""
    key, _, inner = name.partition(".")
    return {key: {inner: value}} if inner else {key: value}


def _setting(name: str) -> Setting:
    key, _, inner = name.partition(".")
    found = SETTINGS[key]
    return found if isinstance(found, Setting) else found[inner]


def _place(name: str) -> str:
    key, _, inner = name.partition(".")
    return f"WORKFLOW_ENGINE['{key}']" + (f"['{inner}']" if inner else "")


def _pairs(column: int) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}-{value!r}")
        for name, case in CASES.items()
        for value in case[column]
    ]


def test_cases__every_key_has_one() -> None:
    assert set(CASES) == set(_keys())


def test_problems__defaults_written_out(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {
        key: setting.default
        if isinstance(setting, Setting)
        else {inner: one.default for inner, one in setting.items()}
        for key, setting in SETTINGS.items()
    }

    assert problems() == []


def test_problems__setting_is_not_there(settings: Settings) -> None:
    del settings.WORKFLOW_ENGINE

    assert problems() == []
    assert options.EVENT_BATCH == 100


@pytest.mark.parametrize(("name", "value"), _pairs(1))
def test_problems__accepted(settings: Settings, name: str, value: Any) -> None:
    settings.WORKFLOW_ENGINE = _written(name, value)

    assert problems() == []


@pytest.mark.parametrize(("name", "value"), _pairs(2))
def test_problems__refused(settings: Settings, name: str, value: Any) -> None:
    settings.WORKFLOW_ENGINE = _written(name, value)

    (found,) = problems()

    shown = f"a {type(value).__name__}" if _setting(name).is_secret else repr(value)
    assert found == Problem(
        "E003",
        f"{_place(name)} must be {CASES[name][0]}, not {shown}.",
        f"Remove it to use {_setting(name).default!r}.",
    )


@pytest.mark.parametrize(
    ("value", "kind"), [([], "list"), (None, "NoneType"), ("{}", "str"), (5, "int")]
)
def test_problems__not_a_dictionary(settings: Settings, value: Any, kind: str) -> None:
    settings.WORKFLOW_ENGINE = value

    assert problems() == [
        Problem(
            "E001",
            f"WORKFLOW_ENGINE must be a dictionary, not a {kind}.",
            "Write WORKFLOW_ENGINE = {}.",
        )
    ]
    assert options.EVENT_BATCH == 100  # so that what runs before the checks can run


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        (
            {"EVENT_BACH": 5},
            "Unknown key 'EVENT_BACH' in WORKFLOW_ENGINE.",
            "Did you mean 'EVENT_BATCH'?",
        ),
        (
            {"BACKOFF": {"bace_seconds": 5}},
            "Unknown key 'bace_seconds' in WORKFLOW_ENGINE['BACKOFF'].",
            "Did you mean 'base_seconds'?",
        ),
        (
            {"BACKOFF": {"zzz": 5}},
            "Unknown key 'zzz' in WORKFLOW_ENGINE['BACKOFF'].",
            "Known: base_seconds, factor, max_seconds, jitter.",
        ),
    ],
    ids=["near", "near inside", "far inside"],
)
def test_problems__unknown_key(
    settings: Settings, given: dict[str, Any], message: str, hint: str
) -> None:
    settings.WORKFLOW_ENGINE = given

    assert problems() == [Problem("E002", message, hint)]


@pytest.mark.parametrize("key", [7, ("a", "b"), None])
def test_problems__key_is_no_text(settings: Settings, key: Any) -> None:
    settings.WORKFLOW_ENGINE = {key: 1}

    (found,) = problems()

    assert found.check_id == "E002"
    assert found.message == f"Unknown key {key!r} in WORKFLOW_ENGINE."


def test_problems__dictionary_wanted(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": 0.5}

    assert problems() == [
        Problem(
            "E003",
            (
                "WORKFLOW_ENGINE['TRACE_SHARE'] must be a dictionary with keys among "
                "'failed', 'no_match', not 0.5."
            ),
            "Remove it to use {'failed': 1, 'no_match': 0.01}.",
        )
    ]


def test_problems__every_one_is_named(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {
        "SHARDS": 0,
        "NO_SUCH_KEY": 1,
        "BACKOFF": {"factor": 0, "jitter": 1},
    }

    assert [found.check_id for found in problems()] == ["E003", "E002", "E003", "E003"]


@pytest.mark.parametrize(
    ("given", "check_id", "message", "hint"),
    [
        (
            {"ITEM_LEASE_SECONDS": 30},
            "E009",
            (
                "ITEM_LEASE_SECONDS (30) must be longer than ACTION_SECONDS (60), "
                "or an item could run twice at once."
            ),
            "Set ITEM_LEASE_SECONDS to 120.",
        ),
        (
            {"ITEM_LEASE_SECONDS": 60},
            "E009",
            (
                "ITEM_LEASE_SECONDS (60) must be longer than ACTION_SECONDS (60), "
                "or an item could run twice at once."
            ),
            "Set ITEM_LEASE_SECONDS to 120.",
        ),
        (
            {"METRICS_RETAIN_HOURS": {"minute": 169}},
            "E003",
            (
                "WORKFLOW_ENGINE['METRICS_RETAIN_HOURS'] must keep 'hour' as long as "
                "'minute' (169), not 168."
            ),
            "Lower 'minute', or keep 'hour' longer.",
        ),
        (
            {"METRICS_RETAIN_HOURS": {"day": 24}},
            "E003",
            (
                "WORKFLOW_ENGINE['METRICS_RETAIN_HOURS'] must keep 'day' as long as "
                "'hour' (168), not 24."
            ),
            "Lower 'hour', or keep 'day' longer.",
        ),
        (
            {"WEBHOOK": {"read_seconds": 57}},
            "E003",
            (
                "WORKFLOW_ENGINE['WEBHOOK'] must allow less than ACTION_SECONDS (60) in all, "
                "not 3 to connect and 57 to read."
            ),
            "Lower them, or raise ACTION_SECONDS.",
        ),
        (
            {"DEDUPE_SECONDS": 86_401, "RETAIN_DAYS": {"done_items": 1}},
            "E003",
            (
                "WORKFLOW_ENGINE['DEDUPE_SECONDS'] must be at most 86400, as long as "
                "RETAIN_DAYS keeps done_items, not 86401."
            ),
            "Lower it, or keep done_items longer.",
        ),
    ],
    ids=["lease below", "lease equal", "hours", "days", "webhook", "dedupe"],
)
def test_problems__values_that_contradict_each_other(
    settings: Settings, given: dict[str, Any], check_id: str, message: str, hint: str
) -> None:
    settings.WORKFLOW_ENGINE = given

    assert problems() == [Problem(check_id, message, hint)]


def test_problems__dedupe_as_long_as_wanted_when_items_are_kept(
    settings: Settings,
) -> None:
    settings.WORKFLOW_ENGINE = {
        "DEDUPE_SECONDS": 31_536_000,
        "RETAIN_DAYS": {"done_items": None},
    }

    assert problems() == []


def test_options__nested_values_merge_with_the_default(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"BACKOFF": {"factor": 2}}

    assert options.BACKOFF == {
        "base_seconds": 10,
        "factor": 2,
        "max_seconds": 21_600,
        "jitter": 0.2,
    }


def test_options__default_is_not_changed_by_a_merge(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"BACKOFF": {"factor": 2}}
    assert options.BACKOFF["factor"] == 2

    settings.WORKFLOW_ENGINE = {}

    assert options.BACKOFF["factor"] == 3


def test_options__override_settings_and_back() -> None:
    before = options.EVENT_BATCH

    with override_settings(WORKFLOW_ENGINE={"EVENT_BATCH": 7}):
        inside = options.EVENT_BATCH

    assert (inside, options.EVENT_BATCH) == (7, before)


def test_options__other_settings_change_nothing(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"EVENT_BATCH": 7}

    settings.USE_TZ = True

    assert options.EVENT_BATCH == 7


@pytest.mark.parametrize("name", ["NO_SUCH_KEY", "__wrapped__"])
def test_options__unknown_name(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(options, name)


def test_require__refused_values_are_all_named(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"SHARDS": 0, "MAX_ATTEMPTS": "many"}

    with pytest.raises(InvalidSettings) as refused:
        conf.require()

    assert str(refused.value).splitlines() == [
        (
            "WORKFLOW_ENGINE['SHARDS'] must be a whole number from 1 to 256, not 0. "
            "Remove it to use 4."
        ),
        (
            "WORKFLOW_ENGINE['MAX_ATTEMPTS'] must be a whole number from 1 to 100, "
            "not 'many'. Remove it to use 8."
        ),
    ]


def test_require__all_fine(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"SHARDS": 8}

    conf.require()

    assert options.SHARDS == 8


def test_month__is_the_longest_there_is() -> None:
    assert conf.MONTH_SECONDS == 31 * conf.DAY_SECONDS
