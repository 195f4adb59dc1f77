"""Table: every key of WORKFLOW_ENGINE with its default and what it accepts."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from django.conf import settings as django_settings

from workflow_engine.conf.kinds import (
    Setting,
    above_zero,
    boolean,
    is_dotted,
    is_text,
    number,
    one_of,
    or_none,
    secret_or_none,
    texts,
    whole,
)

MONTH_SECONDS: Final = 2_678_400  # 31 days, the longest delay and interval

CENTURY_HOURS: Final = 876_000  # longer than anybody asks for, and no date ends before

LONGEST_RELEASE: Final = 64

MODES: Final = ("enabled", "shadow", "disabled")

_TEXT_OR_NONE: Final = or_none(Setting(None, "a text", is_text))

SETTINGS: Final[dict[str, Setting | dict[str, Setting]]] = {
    "DATABASE": Setting(
        "default",
        "an alias in DATABASES",
        lambda v: isinstance(v, str) and v in django_settings.DATABASES,
    ),
    "EXECUTOR": one_of("auto", "celery", "threads"),
    "CELERY_QUEUES": {"events": _TEXT_OR_NONE, "items": _TEXT_OR_NONE},
    "HANDLER_MODULE": Setting(
        "workflow_handlers",
        "an identifier",
        lambda v: isinstance(v, str) and v.isidentifier(),
    ),
    "RUNNER_THREADS": whole(1, 64, 4),
    "RUNNER_DRAIN_SECONDS": number(0, 3600, 30),
    "SHARDS": whole(1, 256, 4),
    "ITEM_LEASE_SECONDS": number(1, 86_400, 120),
    "HANDOFF_SECONDS": number(1, 3600, 30),
    "CLAIM_ITEMS": whole(1, 1000, 100),
    "DIRECT_ITEMS": whole(0, 1000, 100),
    "POLL_SECONDS": number(0.05, 60, 1),
    "EVENT_BATCH": whole(1, 1000, 100),
    "INTERVAL_SECONDS": whole(0, MONTH_SECONDS, 1800),
    "EVALUATE_DELAY_SECONDS": number(0, 3600, 2),
    "MAX_ATTEMPTS": whole(1, 100, 8),
    "BACKOFF": {
        "base_seconds": above_zero(10),
        "factor": above_zero(3),
        "max_seconds": above_zero(21_600),
        "jitter": number(0, 0.5, 0.2),
    },
    "ACTION_SECONDS": number(1, 3600, 60),
    "DEDUPE_SECONDS": number(0, 31_536_000, 86_400),
    "EMAIL_FROM": _TEXT_OR_NONE,
    "TASK_ACTIONS": texts("dotted task names", is_dotted),
    "WEBHOOK": {
        "connect_seconds": above_zero(3),
        "read_seconds": above_zero(10),
        "allow_http": boolean(default=False),
        "allow_private": boolean(default=False),
        "keep_bytes": whole(0, 65_536, 1024),
        "off_after_hours": above_zero(72),
    },
    "TRACE_SHARE": {"failed": number(0, 1, 1), "no_match": number(0, 1, 0.01)},
    "TRACE_BUFFER": whole(0, math.inf, 1000),
    "TELEMETRY": one_of("auto", "off"),
    "RELEASE": or_none(
        Setting(
            None,
            f"a text of up to {LONGEST_RELEASE} characters",
            lambda v: is_text(v) and len(v) <= LONGEST_RELEASE,
        )
    ),
    "METRICS": boolean(default=True),
    "METRICS_FLUSH_SECONDS": number(1, 60, 10),
    "METRICS_RETAIN_HOURS": {
        "minute": whole(1, CENTURY_HOURS, 24),
        "hour": whole(1, CENTURY_HOURS, 168),
        "day": whole(1, CENTURY_HOURS, 2160),
    },
    "METRICS_TOKEN": secret_or_none(),
    "EVENT_MAX_BYTES": whole(1024, 1_048_576, 65_536),
    "EVENT_AHEAD_SECONDS": number(0, 86_400, 300),
    "REDACT_KEYS": texts(
        "texts", is_text, "password", "token", "secret", "authorization", "cookie"
    ),
    "RETAIN_DAYS": {
        "decisions": or_none(whole(1, math.inf, 7)),
        "failures": or_none(whole(1, math.inf, 30)),
        "firings": or_none(whole(1, math.inf, 90)),
        "deliveries": or_none(whole(1, math.inf, 30)),
        "done_items": or_none(whole(1, math.inf, 7)),
        "dead_items": or_none(whole(1, math.inf, 90)),
    },
    "PRUNE_BATCH": whole(100, 50_000, 5000),
    "ADMIN": boolean(default=True),
    "CACHE_ALIAS": or_none(Setting(None, "an alias in CACHES", is_text)),
    "CACHE_PREFIX": Setting(
        "wfe",
        "1 to 32 of a-z, 0-9, '-' and '_'",
        lambda v: isinstance(v, str) and bool(re.fullmatch("[a-z0-9_-]{1,32}", v)),
    ),
    "CACHE_MODE": Setting(
        "enabled",
        "'enabled', 'shadow' or 'disabled', or a dictionary of these by access",
        lambda v: (
            v in MODES
            if isinstance(v, str)
            else isinstance(v, dict)
            and all(isinstance(k, str) and m in MODES for k, m in v.items())
        ),
    ),
    "CACHE_LIFE_SECONDS": number(1, 86_400, 1200),
    "CACHE_LIFE_JITTER": number(0, 0.5, 0.1),
    "CACHE_PERMIT_SECONDS": number(1, 60, 5),
    "CACHE_WAIT_SECONDS": number(0, 5, 0.05),
    "CACHE_BREAKER": {
        "errors": whole(1, math.inf, 3),
        "retry_seconds": number(0.1, 60, 2),
    },
    "CACHE_VERIFY_SHARE": number(0, 1, 0.001),
    "CACHE_VERIFY_GRACE_SECONDS": number(0.1, 60, 2),
    "NEAR_ENTRIES": whole(0, math.inf, 10_000),
    "NEAR_MAX_STALENESS": number(0, 60, 0),
    "OUTBOX_SWEEP_SECONDS": number(0.1, 300, 1),
}


def default_of(setting: Setting | dict[str, Setting]) -> Any:
    """Return the value of a key that nobody set."""
    if isinstance(setting, Setting):
        return setting.default
    return {key: inner.default for key, inner in setting.items()}
