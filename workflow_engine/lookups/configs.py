"""Configuration: the JSON of a row, and what its handler says of it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from workflow_engine.registry import Entry
from workflow_engine.types.event import JSON


class Config(NamedTuple):
    """A configuration as it can be used.

    Attributes:
        value: The JSON value; None when there is none to be read.
        problem: Sentences on what is wrong with it; "" = fine.
    """

    value: JSON
    problem: str


def read_config(text: str | None, entry: Entry | None) -> Config:
    """Return the configuration of a row, judged by its handler; never raises.

    Without a handler nobody can tell, and there is no problem.
    """
    try:
        value = msgspec.json.decode(text or "null")
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Config(None, f"the stored configuration cannot be read: {error}")
    return Config(value, "" if entry is None else _problem(entry, value))


def _problem(entry: Entry, value: JSON) -> str:
    try:
        return "; ".join(entry.problems(value))
    except Exception as error:  # noqa: BLE001 - a project's check; the row carries what it raised
        return f"the check of '{entry.slug}' raised {type(error).__name__}: {error}"
