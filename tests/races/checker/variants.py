"""Variants: the protocol without one of its rules, and how each of them goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tests.races.checker.configurations import APART, THREADS
from tests.races.checker.model import Budget
from tests.races.checker.presence import Presence
from tests.races.checker.resolving import Resolving
from tests.races.checker.routes import Routes
from tests.races.checker.row_store import RowStore
from tests.races.checker.rules import Rules
from tests.races.checker.search import Model
from tests.races.checker.system import Configuration, System


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One rule less.

    Attributes:
        rules: What is dropped.
        build: Makes the model that shows it.
        signs: Steps that its trace has, in this order, others in between.
    """

    rules: Rules
    build: Callable[[Rules], Model[Any]]
    signs: tuple[str, ...]


def _entry(rules: Rules, signs: tuple[str, ...], **configuration: Any) -> Variant:
    """Return a variant that the model of one entry shows."""
    given = Configuration(**configuration)
    return Variant(rules=rules, build=partial(System, given), signs=signs)


def _other(rules: Rules, build: Callable[[Rules], Model[Any]], *signs: str) -> Variant:
    return Variant(rules=rules, build=build, signs=signs)


RESTART: Final = Budget(snapshots=1, restarts=1)
OUTAGE: Final = Budget(outages=1)
FORGOTTEN: Final = ("W1 commits", "W1 removes the cell", "W1 removes the generation")
RESTARTED: Final = (
    "Redis saves a snapshot",
    *FORGOTTEN[1:],
    "Redis restarts from the snapshot",
)
AWAY: Final = ("Redis goes away", "W1 cannot forget", "Redis is back")

VARIANTS: Final[dict[str, Variant]] = {
    "R1, own write missed": _entry(
        Rules(transactions_read_nothing=False),
        ("R1 fills", "W1 writes", "W1's look-up asks"),
        own_look_up=True,
        looks=1,
    ),
    "R1, stored and rolled back": _entry(
        Rules(transactions_store_nothing=False),
        ("W1 writes", "W1's look-up loads", "W1's look-up fills", "R1 asks"),
        own_look_up=True,
        looks=1,
        aborts=True,
    ),
    "R1, old snapshot stored": _entry(
        Rules(transactions_store_nothing=False),
        ("T begins a transaction", *FORGOTTEN[:2], "T takes a permit", "T fills"),
        snapshot_reader=True,
        looks=1,
    ),
    "R2, order": _entry(
        Rules(generation_first=False),
        (*FORGOTTEN, "R1 asks for the generation only now", "R1 asks"),
        readers=APART,
        looks=3,
    ),
    "R2, order; fresh one used (R5)": _entry(
        Rules(fresh_vouches_onward=False),
        (
            "Redis evicts the generation",
            "R2 asks",
            *FORGOTTEN[1:],
            "R2 renews the generation",
            "R2 asks",
        ),
        readers=APART,
        budget=Budget(generation_evictions=1),
    ),
    "R4, usable first": _entry(
        Rules(usable_first=False),
        ("R1 fills", *RESTARTED, "R1 compares"),
        budget=RESTART,
    ),
    "R6, permit first": _entry(
        Rules(permit_first=False),
        ("R1 loads without a permit", *FORGOTTEN[:2], "R1 takes a permit", "R1 fills"),
    ),
    "FILL compares": _entry(
        Rules(fill_compares=False), ("R1 loads", *FORGOTTEN[:2], "R1 fills")
    ),
    "R7, not stored": _entry(
        Rules(waiters_store_nothing=False),
        ("R2 loads without a permit", *FORGOTTEN[:2], "R2 stores what it loaded"),
        readers=(0, 1, 2),
        looks=1,
    ),
    "R7, not joined": _entry(
        Rules(loads_are_not_joined=False),
        ("R1 loads", *FORGOTTEN, "R2 joins a load"),
        readers=THREADS,
        looks=1,
    ),
    "permit's incarnation": _entry(
        Rules(value_has_permits_reign=False, fill_asks_server=False),
        ("R1 takes a permit", *RESTARTED, "R1 fills"),
        budget=RESTART,
    ),
    "incarnation in values": _entry(
        Rules(values_have_reign=False),
        ("R1 fills", *RESTARTED, "R1 asks"),
        budget=RESTART,
    ),
    "incarnation in tags": _entry(
        Rules(tags_have_reign=False),
        (
            "R1 fills",
            "Redis saves a snapshot",
            "W1 removes the generation",
            "Redis restarts from the snapshot",
            "R1 asks",
        ),
        looks=3,
        budget=RESTART,
    ),
    "replication id": _entry(
        Rules(reign_has_replication=False),
        (
            "Redis saves a snapshot",
            FORGOTTEN[2],
            "Redis fails over to the replica",
            "Redis fails back",
        ),
        budget=Budget(snapshots=1, failovers=2),
    ),
    "F1": _entry(
        Rules(after_commit=False), ("W1 removes the cell", "R1 fills", "W1 commits")
    ),
    "F2, order": _entry(
        Rules(cell_first=False),
        (
            "W1 removes the generation",
            "R1 renews the generation",
            "W1 removes the cell",
        ),
        looks=4,
    ),
    "F2, removed, not set": _entry(
        Rules(generation_removed=False),
        ("R1 fills", "Redis is full", "W1 sets the generation", "R1 asks"),
        looks=3,
        budget=Budget(fillings_up=1),
    ),
    "F3, generations last": _entry(
        Rules(generations_last=False),
        ("F removes the generation", "R1 renews the generation", "F removes the cell"),
        looks=4,
        forgets=False,
        has_forget_all=True,
    ),
    "O2, COMMIT last": _entry(
        Rules(commit_last=False),
        (
            "S1 deletes outbox rows and commits",
            "S1 is killed",
            "S1 finds no outbox row",
        ),
        forgets=False,
        sweeps=1,
        budget=Budget(kills=1),
    ),
    "O2, ended by the server": _entry(
        Rules(server_ends_drains=False),
        ("S1 locks outbox rows", "S1 stops for good"),
        forgets=False,
        sweeps=2,
        budget=Budget(stops=1),
    ),
    "O3, the hook drains": _other(
        Rules(hook_drains=False), Routes, "W1 commits", "R looks up D", "W2 returns"
    ),
    "O3, waiting": _other(
        Rules(hook_waits=False), Routes, "S1 locks outbox rows", "W2 returns"
    ),
    "O3, by presence": _other(
        Rules(by_presence=False),
        Presence,
        "T1 writes outbox row 1",
        "S1 sweeps row 2",
        "T1 commits, is killed",
        "S1 finds no outbox row",
    ),
    "X1, sent once": _entry(
        Rules(sent_once=False),
        (
            "R1 takes a permit, sent twice",
            *FORGOTTEN,
            "Redis gets a late command",
            "R1 fills",
        ),
        budget=Budget(time_outs=1),
    ),
    "X1, connection closed": _entry(
        Rules(closes_after_time_out=False),
        ("R1 asks, times out and loads", *FORGOTTEN, "R1 asks"),
        looks=4,
        budget=Budget(time_outs=1),
    ),
    "X3, a failed forget closes": _entry(
        Rules(failing_closes=False),
        ("R1 fills", *AWAY, "R1 asks"),
        has_gates=True,
        budget=OUTAGE,
    ),
    "X3, opening drains": _entry(
        Rules(opening_drains=False),
        ("R1 fills", *AWAY, "P0 opens at once", "R1 asks"),
        has_gates=True,
        budget=OUTAGE,
    ),
    "X3, opening waits": _entry(
        Rules(opening_waits=False),
        ("S1 locks outbox rows", "W1 cannot forget", "P0 finds nothing to drain"),
        has_gates=True,
        sweeps=1,
        budget=OUTAGE,
    ),
    "X3, opening heeds a closing": _entry(
        Rules(opening_heeds_closing=False),
        ("P0 finds nothing to drain", "W1 leaves its outbox row", "P0 opens"),
        readers=APART,
        has_gates=True,
        budget=OUTAGE,
    ),
    "X3, starts closed": _entry(
        Rules(starts_closed=False),
        (*AWAY, "Redis process 0 is restarted", "R1 asks"),
        has_gates=True,
        budget=Budget(outages=1, process_restarts=1),
    ),
    "resolved before": _other(
        Rules(resolved_before=False),
        partial(Resolving, begins_linked=True),
        "T1 changes the parent",
        "T2 unlinks the child",
        "T2 commits",
        "T1 asks which children there are",
    ),
    "resolved after": _other(
        Rules(resolved_after=False),
        partial(Resolving, begins_linked=False),
        "T1 changes the parent",
        "T2 links the child",
        "T1 commits",
    ),
    "process store, number first": _other(
        Rules(row_generation_first=False),
        RowStore,
        "R loads",
        "W commits",
        "R reads the number",
    ),
    "process store, random": _other(
        Rules(row_generation_random=False), RowStore, "R loads", "W commits"
    ),
    "process store, missing row": _other(
        Rules(missing_row_vouches_not=False),
        RowStore,
        "Database is flushed",
        "R loads",
        "Database is flushed",
    ),
}
