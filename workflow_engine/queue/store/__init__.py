"""The store of items: every write of one, each a guarded statement.

What lives here: drafts and what is refused in them, and the legal transitions between the
six states, line by line as `Transition` statements whose WHERE is the guard. "Now" is
handed in. What it does not know: who sends, who carries out, and when anybody looks.
"""

from workflow_engine.queue.store.cancels import (
    Cancellation,
    cancel,
    cancel_where,
    reschedule,
    retry,
)
from workflow_engine.queue.store.claims import (
    Claimed,
    Pair,
    claim,
    lapse,
    resend,
    unsend,
)
from workflow_engine.queue.store.coming import Coming, coming
from workflow_engine.queue.store.draft import TRACEPARENT, Draft, OnTaken
from workflow_engine.queue.store.enqueue import Enqueued, enqueue, enqueue_many
from workflow_engine.queue.store.failure import Failure, failure_of
from workflow_engine.queue.store.pruning import delete_ended, ended_before
from workflow_engine.queue.store.results import (
    Done,
    finish,
    finish_many,
    give_up,
    interrupt,
    put_off,
    release,
)
from workflow_engine.queue.store.runs import Begun, begin, renew
from workflow_engine.queue.store.sending import (
    Send,
    send_after_commit,
    send_or_give_back,
)
from workflow_engine.queue.store.standing import MOST, Count, Standing, standing

__all__ = [
    "MOST",
    "TRACEPARENT",
    "Begun",
    "Cancellation",
    "Claimed",
    "Coming",
    "Count",
    "Done",
    "Draft",
    "Enqueued",
    "Failure",
    "OnTaken",
    "Pair",
    "Send",
    "Standing",
    "begin",
    "cancel",
    "cancel_where",
    "claim",
    "coming",
    "delete_ended",
    "ended_before",
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
    "send_or_give_back",
    "standing",
    "unsend",
]
