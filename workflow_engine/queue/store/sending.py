"""Sending: what was written as sent is handed to `send` after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.queue.store.claims import Pair, unsend

#: Hands ids and tokens to whoever carries the items out; raises if it surely did not.
Send: TypeAlias = Callable[[Sequence[Pair]], object]

logger = logging.getLogger(__name__)


def send_after_commit(pairs: Sequence[Pair], send: Send) -> None:
    """Send items after the commit of the transaction they were written in.

    Registered once per call, not once per transaction: a collector registered inside a
    savepoint dies with it and would silence what comes after. Never raises from the
    commit; what could not be sent is given back to be claimed. A process that ends in
    between leaves it sent, and it is sent again when its hand-off is over.
    """
    if pairs:
        transaction.on_commit(
            partial(send_or_give_back, tuple(pairs), send),
            using=options.DATABASE,
            robust=True,
        )


def send_or_give_back(pairs: Sequence[Pair], send: Send) -> bool:
    """Send items and say whether they went; give them back when they did not."""
    try:
        send(pairs)
    except Exception:
        logger.exception(
            "Items could not be sent and are given back.", extra={"items": len(pairs)}
        )
    else:
        return True
    try:
        unsend(pairs)
    except Exception:
        logger.exception(
            "Items could not be given back and are sent again after their hand-off.",
            extra={"items": len(pairs)},
        )
    return False
