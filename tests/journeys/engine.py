"""Engine: the settings that the test and all its processes share; short times throughout."""

from typing import Any

QUEUE = "journeys"
MAX_ATTEMPTS = 2
ITEM_LEASE_SECONDS = 3
HANDOFF_SECONDS = 2

ENGINE: dict[str, Any] = {
    "EXECUTOR": "celery",
    "CELERY_QUEUES": {"events": QUEUE, "items": QUEUE},
    "ACTION_SECONDS": 2,
    "ITEM_LEASE_SECONDS": ITEM_LEASE_SECONDS,
    "HANDOFF_SECONDS": HANDOFF_SECONDS,
    "POLL_SECONDS": 0.1,
    "MAX_ATTEMPTS": MAX_ATTEMPTS,
    "BACKOFF": {"base_seconds": 0.1, "factor": 1},
    "WEBHOOK": {
        "connect_seconds": 0.5,
        "read_seconds": 1.4,
        "allow_http": True,
        "allow_private": True,
    },
    "TASK_ACTIONS": ["shop.refund"],
    "TRACE_SHARE": {"no_match": 1},
    "METRICS_FLUSH_SECONDS": 1,
}
