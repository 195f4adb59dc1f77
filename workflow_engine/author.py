"""Author: who makes the changes of this thread or task, where a page knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_author: ContextVar[str] = ContextVar("workflow_engine.author", default="")


def author() -> str:
    """Return the name of who makes the changes; "" = nobody said so."""
    return _author.get()


@contextmanager
def authored(name: str) -> Iterator[None]:
    """Say that what is changed inside is changed by somebody."""
    token = _author.set(name)
    try:
        yield
    finally:
        _author.reset(token)
