"""Checks: what `manage.py check` says, each a sentence with a cure.

None queries the database unless it is tagged `database`. What is not known here: how a
refused value is told from a good one, which is `conf`.
"""

from workflow_engine.checks import cache, metrics, project

__all__ = ["cache", "metrics", "project"]
