"""The project used for the demo, the tests and the benchmarks.

It is no part of the installed package. The Celery app is named here so that
`celery -A settings worker` finds it and shared tasks belong to it in every process.
"""

from settings.celery import app

__all__ = ["app"]
