"""Worker: what belongs to the life of a Celery worker that has our tasks."""

from __future__ import annotations

from typing import Any, Final

from billiard import get_start_method
from celery.bootsteps import StartStopStep
from celery.concurrency import get_implementation
from celery.signals import worker_init, worker_process_shutdown, worker_shutdown

from workflow_engine import companion
from workflow_engine.conf import require
from workflow_engine.exceptions import InvalidSettings
from workflow_engine.metrics import figures
from workflow_engine.processing.buffer import buffer
from workflow_engine.tasks.child import Child
from workflow_engine.tasks.facts import uses_celery
from workflow_engine.tasks.keeper import Keeper

_NAME: Final = "workflow_engine"


class Beside(StartStopStep):
    """The step of a worker that has a companion: a thread, or a child where it forks."""

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def include_if(self, parent: Any) -> bool:  # noqa: ARG002 - Celery calls so
        """Whether there is anything to do beside this worker."""
        return uses_celery() and companion.is_wanted()

    def create(self, parent: Any) -> Any:
        """Return what Celery starts before the worker takes tasks, and stops with it."""
        kept = Child() if _forks(parent) else companion.Companion()
        return Keeper(kept, parent.timer)


def _forks(worker: Any) -> bool:
    """Whether the tasks of this worker run in processes forked by this one."""
    is_prefork = issubclass(worker.pool_cls, get_implementation("prefork"))
    method = worker.app.conf.get("worker_pool_start_method", "fork")
    return is_prefork and method == get_start_method() == "fork"


@worker_init.connect(dispatch_uid=f"{_NAME}.settings")
def refuse_settings(**_: Any) -> None:
    """Start no worker on settings that are refused; what else Celery would only log."""
    try:
        require()
    except InvalidSettings as refused:
        raise SystemExit(str(refused)) from refused


@worker_init.connect(dispatch_uid=f"{_NAME}.beside")
def add_step(sender: Any = None, **_: Any) -> None:
    """Give the worker that is being made its step."""
    if sender is not None:
        sender.app.steps["worker"].add(Beside)


@worker_process_shutdown.connect(dispatch_uid=f"{_NAME}.flush")
@worker_shutdown.connect(dispatch_uid=f"{_NAME}.flush_main")
def flush(**_: Any) -> None:
    """Write the decisions and figures that still wait in this process, which ends."""
    buffer.flush()
    figures.end()
