"""Settings: one dictionary `WORKFLOW_ENGINE`, each key optional, read at use.

What is not known here: what the values are for.
"""

from workflow_engine.conf.kinds import Setting
from workflow_engine.conf.options import NAME, options
from workflow_engine.conf.problems import (
    DAY_SECONDS,
    REDIS_CACHE,
    Problem,
    problems,
    require,
)
from workflow_engine.conf.table import MODES, MONTH_SECONDS, SETTINGS

__all__ = [
    "DAY_SECONDS",
    "MODES",
    "MONTH_SECONDS",
    "NAME",
    "REDIS_CACHE",
    "SETTINGS",
    "Problem",
    "Setting",
    "options",
    "problems",
    "require",
]
