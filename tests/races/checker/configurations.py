"""Configurations: the small worlds in which the protocol is searched, whole."""

from __future__ import annotations

from typing import Final

from tests.races.checker.model import Budget
from tests.races.checker.system import Configuration

ONE: Final = (0,)
APART: Final = (0, 1)
THREADS: Final = (0, 0)

#: By name; together under half a minute.
CONFIGURATIONS: Final[dict[str, Configuration]] = {
    "two processes, rollback": Configuration(readers=APART, aborts=True),
    "three processes": Configuration(readers=(0, 1, 2), looks=1),
    "two threads": Configuration(readers=THREADS),
    "two writers": Configuration(looks=3, writers=2, aborts=True),
    "two processes, two writers": Configuration(readers=APART, looks=1, writers=2),
    "reader in a snapshot": Configuration(snapshot_reader=True, writers=2),
    "own look-up, rollback": Configuration(own_look_up=True, aborts=True, writers=2),
    "generation read early": Configuration(readers=APART, asks_early=True),
    "generation read early, threads": Configuration(readers=THREADS, asks_early=True),
    "generation read early, evicted": Configuration(
        looks=3, asks_early=True, writers=2, budget=Budget(generation_evictions=1)
    ),
    "evictions": Configuration(
        looks=3, writers=2, budget=Budget(evictions=1, generation_evictions=1)
    ),
    "generation evicted": Configuration(
        readers=APART, budget=Budget(generation_evictions=1)
    ),
    "generation evicted, threads": Configuration(
        readers=THREADS, budget=Budget(generation_evictions=1)
    ),
    "generation evicted, two writers": Configuration(
        readers=APART, looks=1, writers=2, budget=Budget(generation_evictions=1)
    ),
    "generation evicted twice": Configuration(
        looks=4, writers=2, budget=Budget(generation_evictions=2)
    ),
    "generation evicted, memory full": Configuration(
        looks=4, writers=2, budget=Budget(generation_evictions=1, fillings_up=1)
    ),
    "generation evicted, restart": Configuration(
        readers=APART,
        looks=1,
        budget=Budget(generation_evictions=1, snapshots=1, restarts=1),
    ),
    "generation evicted, failover": Configuration(
        readers=APART,
        looks=1,
        budget=Budget(generation_evictions=1, snapshots=1, failovers=2),
    ),
    "generation evicted, forget_all": Configuration(
        readers=APART,
        forgets=False,
        has_forget_all=True,
        budget=Budget(generation_evictions=1),
    ),
    "permit expires": Configuration(readers=APART, budget=Budget(expiries=1)),
    "memory full": Configuration(looks=3, writers=2, budget=Budget(fillings_up=1)),
    "memory full twice": Configuration(looks=4, budget=Budget(fillings_up=2)),
    "restart from a snapshot": Configuration(
        looks=4, budget=Budget(snapshots=1, restarts=1)
    ),
    "restart, two processes": Configuration(
        readers=APART, looks=1, budget=Budget(snapshots=1, restarts=1)
    ),
    "restart, two writers": Configuration(
        writers=2, budget=Budget(snapshots=1, restarts=1)
    ),
    "failover and back": Configuration(
        looks=4, budget=Budget(snapshots=1, failovers=2)
    ),
    "time-outs, late commands": Configuration(
        looks=3, writers=2, budget=Budget(time_outs=1)
    ),
    "time-outs, two processes": Configuration(
        readers=APART, budget=Budget(time_outs=1)
    ),
    "writer killed, two sweeps": Configuration(
        drains=True, sweeps=2, budget=Budget(kills=1, stops=1)
    ),
    "two writers killed": Configuration(writers=2, drains=True, budget=Budget(kills=2)),
    "psql, a sweep killed": Configuration(
        looks=3, writers=2, forgets=False, sweeps=1, budget=Budget(kills=1)
    ),
    "psql, a sweep stopped": Configuration(
        looks=3, forgets=False, sweeps=2, budget=Budget(stops=1)
    ),
    "forget_all": Configuration(readers=APART, forgets=False, has_forget_all=True),
    "forget_all, eviction": Configuration(
        looks=4,
        writers=2,
        forgets=False,
        has_forget_all=True,
        budget=Budget(evictions=1),
    ),
    "Redis away": Configuration(
        drains=True, has_gates=True, sweeps=1, budget=Budget(outages=1)
    ),
    "Redis away, process restarted": Configuration(
        sweeps=1, has_gates=True, budget=Budget(outages=1, process_restarts=1)
    ),
    "Redis away, two writers": Configuration(
        writers=2, has_gates=True, budget=Budget(outages=1)
    ),
}

#: Larger mixes, searched by hand: `python -m tests.races.checker`.
LARGE: Final[dict[str, Configuration]] = {
    "evictions, two processes": Configuration(
        readers=APART,
        budget=Budget(evictions=1, generation_evictions=1, expiries=1),
    ),
    "generation evicted, read early": Configuration(
        readers=APART, asks_early=True, budget=Budget(generation_evictions=1)
    ),
    "generation evicted, memory full, two processes": Configuration(
        readers=APART, budget=Budget(generation_evictions=1, fillings_up=1)
    ),
    "generation evicted, time-outs": Configuration(
        readers=APART, budget=Budget(generation_evictions=1, time_outs=1)
    ),
    "generation evicted, restart, two writers": Configuration(
        looks=3,
        writers=2,
        budget=Budget(generation_evictions=1, snapshots=1, restarts=1),
    ),
    "evictions, three processes": Configuration(
        readers=(0, 1, 2),
        looks=1,
        budget=Budget(evictions=1, generation_evictions=1),
    ),
    "restart, two processes, twice": Configuration(
        readers=APART, budget=Budget(snapshots=1, restarts=1)
    ),
    "failover, two writers": Configuration(
        looks=3, writers=2, budget=Budget(snapshots=1, failovers=2)
    ),
    "two writers, killed, sweep": Configuration(
        writers=2, drains=True, sweeps=1, budget=Budget(kills=1)
    ),
    "Redis away, two processes": Configuration(
        readers=APART, has_gates=True, budget=Budget(outages=1)
    ),
}

#: Never searched whole: what sampled traces are drawn from.
MIXED: Final = Configuration(
    readers=APART,
    looks=6,
    writers=2,
    aborts=True,
    drains=True,
    sweeps=1,
    budget=Budget(
        evictions=1,
        generation_evictions=1,
        expiries=1,
        kills=1,
        snapshots=1,
        restarts=1,
    ),
)
