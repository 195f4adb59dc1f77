"""Documents for tests: one that has everything, and one that has little."""

from __future__ import annotations

from typing import Any

NIGHT: dict[str, Any] = {
    "format": 1,
    "environments": [{"name": "production", "description": "Live."}, {"name": "test"}],
    "detectors": [
        {
            "slug": "failed-orders",
            "name": "Failed orders",
            "event_type": "order.*",
            "source": "/shop",
            "kind": "event",
            "config": {"priority": "high"},
            "trigger": {
                "logic": "any",
                "conditions": [
                    {
                        "type": "gte",
                        "config": {"path": "data.amount", "value": 100},
                        "result": 75,
                    },
                    {
                        "type": "eq",
                        "config": {"path": "data.vip", "value": True},
                        "result": 0,
                    },
                ],
            },
        },
        {"slug": "every", "event_type": "*", "kind": "event", "enabled": False},
    ],
    "actions": [
        {"slug": "note", "kind": "log", "config": {"level": "info", "message": "a"}},
        {
            "slug": "escalate",
            "kind": "log",
            "config": {"level": "error", "message": "b"},
            "enabled": False,
        },
    ],
    "workflows": [
        {
            "slug": "night-shift",
            "name": "Night shift",
            "description": "Who sleeps is told.",
            "environment": "production",
            "interval": 1800,
            "snoozed_until": "2026-05-02T12:00:00+02:00",
            "snooze_note": "release",
            "when": {
                "conditions": [
                    {"type": "ne", "config": {"path": "subject", "value": "x"}}
                ]
            },
            "if": [
                {
                    "logic": "none",
                    "conditions": [
                        {"type": "eq", "config": {"path": "data.test", "value": 1}}
                    ],
                    "actions": [
                        {"action": "note", "on_resolve": True},
                        {"action": "escalate", "delay": 600},
                        {"action": "note", "delay": 60},
                    ],
                },
                {"actions": [{"action": "escalate"}]},
            ],
            "detectors": ["failed-orders", "every"],
        },
        {"slug": "quiet", "enabled": False},
    ],
}


def condition(value: Any) -> dict[str, Any]:
    """Return data.v eq a value."""
    return {"type": "eq", "config": {"path": "data.v", "value": value}}


def file_of(**sections: Any) -> dict[str, Any]:
    """Return a file with these sections."""
    return {"format": 1, **sections}
