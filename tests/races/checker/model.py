"""Model: one entry and everything that holds a piece of it, as frozen, hashable values.

Numbers that are random in reality are named here after who makes them (a reader makes one
permit and one generation per look-up), so that states that differ only in random numbers
are one state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

#: (reign, generation); None vouches for nothing.
Tag: TypeAlias = tuple[int, int] | None

#: Number of the reign in which the server started.
FIRST_REIGN = 0
RESTARTED = 1
FAILED_OVER = 2
FAILED_BACK = 3


class Kind(StrEnum):
    """What is in a cell that is not absent."""

    PERMIT = "permit"
    VALUE = "value"


class Cell(NamedTuple):
    """The one Redis string of the entry. A value has nonce and reign of its permit."""

    kind: Kind
    nonce: int
    reign: int
    version: int = -1


class Copy(NamedTuple):
    """A near copy: the header of the cell it came from, and the answer."""

    nonce: int
    reign: int
    version: int


class Reply(NamedTuple):
    """What one MGET returns, and the reign of the server behind the connection."""

    generation: int | None
    cell: Cell | None
    reign: int


class Redis(NamedTuple):
    """The server that clients reach.

    `saved` is what its snapshot, or a replica that lags, holds: a cell and a generation.
    `late` is a command that was sent and has not arrived: a permit, a value to fill, or a
    generation to set.
    """

    cell: Cell | None = None
    generation: int | None = None
    reign: int = FIRST_REIGN
    is_full: bool = False
    is_up: bool = True
    saved: tuple[Cell | None, int | None] | None = None
    late: Cell | int | None = None


class Gate(StrEnum):
    """Whether a process may use the cache (X3)."""

    OPEN = "open"
    CLOSED = "closed"
    OPENING = "opening"


class Process(NamedTuple):
    """What the threads of one process share.

    `copy` is compared with its cell; `stands` has answers by the tag that vouches for them.
    They are two: what was read without a tag is a copy, and what stood before still does.

    `floor` is no part of the protocol: it is the place, in the order of commits, below
    which a read that starts now in this process must not answer. `pending` is a reply that
    nobody has read from a connection that was kept after a time-out.
    """

    copy: Copy | None = None
    stands: tuple[tuple[Tag, int], ...] = ()
    gate: Gate = Gate.OPEN
    floor: int = 0
    pending: Reply | None = None


class Reading(NamedTuple):
    """A reader: where its program stands and what it has in hand.

    `renews`: it saw no generation and owes it a fresh one; `sets` counts those it has sent.
    `is_short`: it was refused a permit because memory is full.
    """

    at: str = "asks"
    left: int = 1
    floor: int = 0
    tag: Tag = None
    renews: bool = False
    sets: int = 0
    is_short: bool = False
    permit: Cell | None = None
    version: int = -1
    copy: Copy | None = None
    snapshot: int = -1


class Writing(NamedTuple):
    """A writer, a sweep, an opening or a forget_all; `rows` are outbox rows it has locked."""

    at: str
    rows: tuple[int, ...] = ()
    since: int = 0
    sees_cell: bool = False


Actor: TypeAlias = Reading | Writing


class Budget(NamedTuple):
    """How often each event of the environment may still happen."""

    evictions: int = 0
    generation_evictions: int = 0
    expiries: int = 0
    fillings_up: int = 0
    snapshots: int = 0
    restarts: int = 0
    failovers: int = 0
    outages: int = 0
    time_outs: int = 0
    kills: int = 0
    stops: int = 0
    process_restarts: int = 0


class World(NamedTuple):
    """Everything.

    Attributes:
        commits: Versions in the order in which they were committed; the last is the row. A
            version is named by the number of its writer, v0 is what was there before.
        dirty: The version that an open transaction has written, or 0.
        outbox: Committed rows and who has locked each: ((version, actor or -1), ...).
        wrong: The promise that the last step has broken, or "".
        answer: Who was answered last and with which version, where a model tells.
    """

    commits: tuple[int, ...]
    dirty: int
    outbox: tuple[tuple[int, int], ...]
    redis: Redis
    processes: tuple[Process, ...]
    actors: tuple[Actor, ...]
    budget: Budget
    wrong: str = ""
    answer: tuple[str, int] | None = None


def with_actor(world: World, place: int, actor: Actor) -> World:
    """Return the world with one actor exchanged."""
    actors = world.actors
    return world._replace(actors=(*actors[:place], actor, *actors[place + 1 :]))


def with_process(world: World, place: int, process: Process) -> World:
    """Return the world with one process exchanged."""
    all_ = world.processes
    return world._replace(processes=(*all_[:place], process, *all_[place + 1 :]))


def with_cell(world: World, cell: Cell | None) -> World:
    """Return the world with another cell; a scan need not return a name that was away."""
    world = world._replace(redis=world.redis._replace(cell=cell))
    if cell is not None:
        return world
    for place, actor in enumerate(world.actors):
        if isinstance(actor, Writing) and actor.sees_cell:
            world = with_actor(world, place, actor._replace(sees_cell=False))
    return world


def with_generation(world: World, generation: int | None) -> World:
    """Return the world with another generation."""
    return world._replace(redis=world.redis._replace(generation=generation))


def complete(world: World, rank: int) -> World:
    """Note that no read that starts from now on may answer from before a commit."""
    if all(process.floor >= rank for process in world.processes):
        return world
    raised = [
        process._replace(floor=max(process.floor, rank)) for process in world.processes
    ]
    return world._replace(processes=tuple(raised))


def spend(world: World, event: str) -> World:
    """Return the world with one event less to come."""
    left = getattr(world.budget, event) - 1
    return world._replace(budget=world.budget._replace(**{event: left}))
