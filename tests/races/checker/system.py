"""System: who takes part in one configuration, put together as a model to search."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.races.checker.environment import Environment
from tests.races.checker.model import Budget, Gate, Process, Redis, World, Writing
from tests.races.checker.others import ForgetAll, Opening
from tests.races.checker.programs import Reader
from tests.races.checker.rules import PROTOCOL, Rules
from tests.races.checker.search import Step
from tests.races.checker.writing import Sweep, Writer

#: Who stands for everything that happens by itself.
REDIS = "Redis"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A small world, given as data.

    Attributes:
        readers: The process of each reader; R1 is the first.
        looks: How often each of them looks up the entry.
        asks_early: They read the generation in an earlier command than the entry.
        own_look_up: One more reader looks up inside the transaction of the first writer.
        snapshot_reader: One more reader looks up in a transaction of its own.
        writers: How many there are; each changes the row once.
        aborts: Writers may also roll back.
        forgets: Writers run our code; otherwise they are psql.
        drains: Their hooks drain the outbox, too.
        sweeps: How many there are.
        has_gates: Process 0 may close; it begins closed, and writers live in it.
        has_forget_all: Somebody forgets everything.
        budget: What else may happen.
    """

    readers: tuple[int, ...] = (0,)
    looks: int = 2
    asks_early: bool = False
    own_look_up: bool = False
    snapshot_reader: bool = False
    writers: int = 1
    aborts: bool = False
    forgets: bool = True
    drains: bool = False
    sweeps: int = 0
    has_gates: bool = False
    has_forget_all: bool = False
    budget: Budget = field(default_factory=Budget)

    @property
    def has_outbox(self) -> bool:
        return self.drains or self.sweeps > 0 or self.has_gates


@cache
def _step(actor: str, name: str) -> Step:
    return Step(actor, name)


class System:
    """A configuration under some rules, as a model."""

    def __init__(
        self,
        configuration: Configuration,
        rules: Rules = PROTOCOL,
        *,
        tells: bool = False,
    ) -> None:
        """Put everybody in place; `tells` keeps the latest answer in the world."""
        self.tells = tells
        self.configuration = configuration
        self.rules = rules
        self.readers = tuple(self._make_readers())
        self.others = tuple(self._make_others(len(self.readers)))
        self.environment = Environment(rules=rules, readers=self.readers)

    def _make_readers(self) -> Iterator[Reader]:
        given = self.configuration
        first_writer = len(given.readers) + given.own_look_up + given.snapshot_reader
        for place, process in enumerate(given.readers):
            yield Reader(
                name=f"R{place + 1}",
                place=place,
                process=process,
                rules=self.rules,
                looks=given.looks,
                tells=self.tells,
                has_threads=given.readers.count(process) > 1,
                asks_early=given.asks_early,
            )
        apart = max(given.readers) + 1
        place = len(given.readers)
        if given.own_look_up:
            yield Reader(
                name="W1's look-up",
                place=place,
                process=apart,
                rules=self.rules,
                looks=given.looks,
                tells=self.tells,
                writer=first_writer,
            )
        elif given.snapshot_reader:
            yield Reader(
                name="T",
                place=place,
                process=apart,
                rules=self.rules,
                tells=self.tells,
                in_snapshot=True,
            )

    def _make_others(
        self, place: int
    ) -> Iterator[Writer | Sweep | Opening | ForgetAll]:
        given, rules = self.configuration, self.rules
        has_outbox = given.has_outbox
        for number in range(1, given.writers + 1):
            is_first = number == 1
            yield Writer(
                name=f"W{number}",
                place=place,
                rules=rules,
                has_outbox=has_outbox,
                version=number,
                forgets=given.forgets,
                aborts=given.aborts,
                drains=given.drains,
                has_gate=given.has_gates,
                reader=place - 1 if given.own_look_up and is_first else None,
            )
            place += 1
        for number in range(1, given.sweeps + 1):
            yield Sweep(name=f"S{number}", place=place, rules=rules)
            place += 1
        if given.has_gates:
            yield Opening(name="P0", place=place, rules=rules, process=0)
            place += 1
        if given.has_forget_all:
            yield ForgetAll(name="F", place=place, rules=rules)

    def initial(self) -> World:
        """Return the world with an empty Redis and v0 in the database."""
        given = self.configuration
        processes = [Process() for _ in range(max(given.readers) + 2)]
        if given.has_gates:
            processes[0] = Process(gate=Gate.CLOSED)
        actors = [one.begin() for one in (*self.readers, *self.others)]
        return World(
            commits=(0,),
            dirty=0,
            outbox=(),
            redis=Redis(),
            processes=tuple(processes),
            actors=tuple(actors),
            budget=given.budget,
        )

    def steps(self, world: World) -> Iterable[tuple[Step, World]]:
        """Return every step of every actor and of the environment."""
        for one in (*self.readers, *self.others):
            for name, following in one.steps(world):
                yield _step(one.name, name), following
        for name, following in self.environment.steps(world):
            yield _step(REDIS, name), following

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return what is owed for ever; nobody will take another step."""
        has_sweep = any(
            isinstance(world.actors[one.place], Writing)
            and world.actors[one.place].at == "looks"
            for one in self.others
        )
        if world.outbox and has_sweep and world.redis.is_up:
            rows = ", ".join(f"v{row}" for row, _ in world.outbox)
            return f"C2: nobody will ever forget what {rows} spoiled"
        return ""
