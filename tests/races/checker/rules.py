"""Rules: the protocol as switches; every one of them on is the protocol itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What each actor keeps to. False = exactly this rule is dropped.

    Attributes:
        transactions_read_nothing: R1: in a transaction the cache is not read
        transactions_store_nothing: R1: ... and nothing is stored.
        generation_first: R2: the tag was read with, or before, what it vouches for.
        usable_first: R4: a cell is compared with a copy only if it is usable.
        fresh_vouches_onward: R5: a generation that I set myself vouches for what I read
            with that command or after it, not for what I read before.
        permit_first: R6: the permit is taken before the load begins.
        fill_compares: FILL stores only in place of exactly my permit.
        waiters_store_nothing: R7: what was loaded without a permit is not stored.
        loads_are_not_joined: R7: no look-up answers with a load that began before it.
        value_has_permits_reign: A value carries the incarnation of its permit.
        fill_asks_server: FILL compares the incarnation of the server it runs on.
        values_have_reign: A value of another incarnation is not usable.
        tags_have_reign: A tag of another incarnation does not vouch.
        reign_has_replication: An incarnation is run id *and* replication id.
        after_commit: F1: forget after COMMIT.
        cell_first: F2: the generation goes with the cell or after it.
        generation_removed: F2: a writer removes the generation, and never sets it.
        generations_last: F3: forget_all removes the generation after the scan.
        commit_last: O2: a drain commits once its forget is complete.
        server_ends_drains: O2: a drain that hangs is ended, and its rows are free again.
        hook_drains: O3: the hook forgets what the outbox says, not only what Python knows.
        hook_waits: O3: the hook waits for rows that a sweep holds.
        by_presence: O3: rows are found by being there, not by "id greater than the last".
        sent_once: X1: a command with a nonce is sent once.
        closes_after_time_out: X1: no reply answers a later look-up.
        failing_closes: X3: a process that could not forget closes.
        opening_drains: X3: a process opens after it has forgotten what the outbox shows.
        opening_waits: X3: it waits for rows that others hold.
        opening_heeds_closing: X3: what failed while it was opening keeps it closed.
        starts_closed: X3: a new process is closed.
        resolved_before: Keys that need a query are asked for before the commit.
        resolved_after: ... and after it.
        row_generation_first: Process store: the number is read before the entries.
        row_generation_random: Process store: the number never comes back.
        missing_row_vouches_not: Process store: no number vouches for nothing.
    """

    transactions_read_nothing: bool = True
    transactions_store_nothing: bool = True
    generation_first: bool = True
    usable_first: bool = True
    fresh_vouches_onward: bool = True
    permit_first: bool = True
    fill_compares: bool = True
    waiters_store_nothing: bool = True
    loads_are_not_joined: bool = True
    value_has_permits_reign: bool = True
    fill_asks_server: bool = True
    values_have_reign: bool = True
    tags_have_reign: bool = True
    reign_has_replication: bool = True
    after_commit: bool = True
    cell_first: bool = True
    generation_removed: bool = True
    generations_last: bool = True
    commit_last: bool = True
    server_ends_drains: bool = True
    hook_drains: bool = True
    hook_waits: bool = True
    by_presence: bool = True
    sent_once: bool = True
    closes_after_time_out: bool = True
    failing_closes: bool = True
    opening_drains: bool = True
    opening_waits: bool = True
    opening_heeds_closing: bool = True
    starts_closed: bool = True
    resolved_before: bool = True
    resolved_after: bool = True
    row_generation_first: bool = True
    row_generation_random: bool = True
    missing_row_vouches_not: bool = True


PROTOCOL = Rules()
