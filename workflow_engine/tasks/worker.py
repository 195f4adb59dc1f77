"""Worker: what belongs to the life of a Celery worker that has our tasks."""

from __future__ import annotations

from typing import Any, Final

from celery.signals import worker_init, worker_process_shutdown, worker_shutdown

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidSettings
from workflow_engine.processing.buffer import buffer

_NAME: Final = "workflow_engine"


@worker_init.connect(dispatch_uid=f"{_NAME}.settings")
def refuse_settings(**_: Any) -> None:
    """Start no worker on settings that are refused; what else Celery would only log."""
    try:
        options.require()
    except InvalidSettings as refused:
        raise SystemExit(str(refused)) from refused


@worker_process_shutdown.connect(dispatch_uid=f"{_NAME}.flush")
@worker_shutdown.connect(dispatch_uid=f"{_NAME}.flush_main")
def flush(**_: Any) -> None:
    """Write the sampled decisions that still wait in this process."""
    buffer.flush()
