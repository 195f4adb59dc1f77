"""Database triggers: what notices every change of a rule, whoever makes it and how.

What is not here: which entries a changed row spoils. Triggers record rows, and Python,
which declares what depends on them, reads the record.
"""

from workflow_engine.models.cache_triggers.installing import (
    install,
    missing,
    uninstall,
)
from workflow_engine.models.cache_triggers.postgres import CHANNEL
from workflow_engine.models.cache_triggers.watched import WATCHED

__all__ = ["CHANNEL", "WATCHED", "install", "missing", "uninstall"]
