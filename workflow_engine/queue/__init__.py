"""Durable work: items due at a time, who may run them, and the loop that sends them.

What lives here: the store (every write of an item), the dispatcher and runner that hand due
items to a `send`, and a pool of threads that can stand in for a broker. What it does not
know: Celery, what the kinds of items mean, and how one is carried out.
"""

from workflow_engine.queue.backoff import delay_seconds
from workflow_engine.queue.dispatcher import Dispatcher, Reader
from workflow_engine.queue.reader import StoreReader
from workflow_engine.queue.runner import Runner
from workflow_engine.queue.store import (
    Begun,
    Cancellation,
    Claimed,
    Coming,
    Done,
    Draft,
    Enqueued,
    Failure,
    OnTaken,
    Pair,
    Send,
    begin,
    cancel,
    cancel_where,
    claim,
    coming,
    enqueue,
    enqueue_many,
    failure_of,
    finish,
    finish_many,
    give_up,
    interrupt,
    lapse,
    put_off,
    release,
    renew,
    reschedule,
    resend,
    retry,
    send_after_commit,
    unsend,
)
from workflow_engine.queue.threads import Intake, ThreadSender

__all__ = [
    "Begun",
    "Cancellation",
    "Claimed",
    "Coming",
    "Dispatcher",
    "Done",
    "Draft",
    "Enqueued",
    "Failure",
    "Intake",
    "OnTaken",
    "Pair",
    "Reader",
    "Runner",
    "Send",
    "StoreReader",
    "ThreadSender",
    "begin",
    "cancel",
    "cancel_where",
    "claim",
    "coming",
    "delay_seconds",
    "enqueue",
    "enqueue_many",
    "failure_of",
    "finish",
    "finish_many",
    "give_up",
    "interrupt",
    "lapse",
    "put_off",
    "release",
    "renew",
    "reschedule",
    "resend",
    "retry",
    "send_after_commit",
    "unsend",
]
