"""Machine: two processes write and read rules, in orders nobody wrote down.

The database is the oracle: outside of a write a look-up answers what it says, in a
transaction what the transaction sees. After a write that Python did not hear of that holds
as soon as somebody has swept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from django.db import connections
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.caches.processes import figures
from tests.races.machine import writes
from tests.races.machine.actors import Actor, coherence_here
from tests.receivers.conftest import write_rules
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.hook import all_of, forget_by_hand
from workflow_engine.caches.declared import declared
from workflow_engine.models import CacheGeneration, CacheOutbox

places: Final = st.integers(0, 5)
who: Final = st.integers(0, 1)
columns: Final = st.sampled_from(sorted(writes.VALUES, key=str)).flatmap(
    lambda column: st.tuples(
        st.just(column[0]),
        st.just(column[1]),
        st.sampled_from(writes.VALUES[column]),
        places,
    )
)
#: Who looks afterwards; nobody leaves more to go wrong later.
readers: Final = st.sampled_from(((), (0,), (1,), (0, 1)))


class Rules(RuleBasedStateMachine):
    """What both stores have in common."""

    settings: dict[str, Any] = {}

    def __init__(self) -> None:
        super().__init__()
        self.is_unswept = False
        self.owes_sweep = False  # by the open transaction
        self.kept: list[Any] = []
        self._mode: Any = None
        self._settings = override_settings(WORKFLOW_ENGINE=self.settings)
        self._settings.enable()
        self.actors = [Actor(self.make) for _ in range(2)]

    def make(self) -> Coherence:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        def prepare() -> None:
            writes.clear()
            CacheOutbox.objects.all().delete()
            write_rules()

        self.actors[0].do(prepare)
        self.check((0, 1))

    def teardown(self) -> None:
        self.set_mode("enabled")
        try:
            for actor in self.actors:
                while actor.depth:
                    actor.leave(rolls_back=True)
            self.actors[0].sweep()
            self.is_unswept = False
            self.check((0, 1))
            assert figures("").get("error.hook") is None
        finally:
            for actor in self.actors:
                actor.end()
            self._settings.disable()
            connections.close_all()

    def check(self, among: tuple[int, ...]) -> None:
        if self.is_unswept:
            return
        for number in among:
            stale = self.actors[number].stale()
            assert stale == set(), f"process {number} reads something else of {stale}"

    def writer(self, number: int) -> Actor:
        """Return who writes: while a transaction is open only that process can."""
        inside = [actor for actor in self.actors if actor.depth]
        return inside[0] if inside else self.actors[number]

    def write(
        self, number: int, then: tuple[int, ...], call: Callable[[], object]
    ) -> None:
        self.writer(number).write(call)
        self.check(then)

    def set_mode(self, mode: str) -> None:
        if self._mode is not None:
            self._mode.disable()
        self._mode = override_settings(
            WORKFLOW_ENGINE={**self.settings, "CACHE_MODE": mode}
        )
        self._mode.enable()

    @rule(reader=who)
    def read(self, reader: int) -> None:
        self.check((reader,))

    @rule(column=columns, way=st.sampled_from(writes.WAYS), by=who, then=readers)
    def change(self, column: Any, way: Any, by: int, then: Any) -> None:
        self.write(by, then, lambda: writes.change(way, *column))

    @rule(column=columns, by=who, then=readers)
    def change_by_sql(self, column: Any, by: int, then: Any) -> None:
        writer = self.writer(by)
        if writer.depth:
            self.owes_sweep = True
        else:
            self.is_unswept = True
        writer.write(lambda: writes.change_unheard(*column))
        self.check(then if writer.depth else ())

    @rule(by=who, then=readers)
    def sweep(self, by: int, then: Any) -> None:
        if not self.actors[by].depth:
            self.actors[by].sweep()
            self.is_unswept = False
            self.check(then)

    @rule(creation=st.sampled_from(writes.CREATIONS), by=who, then=readers)
    def create(self, creation: Any, by: int, then: Any) -> None:
        self.write(by, then, creation)

    @rule(
        model=st.sampled_from(writes.TABLES),
        rows=st.lists(places, min_size=1, max_size=3),
        one_by_one=st.booleans(),
        by=who,
        then=readers,
    )
    def delete(
        self, model: Any, rows: list[int], one_by_one: bool, by: int, then: Any
    ) -> None:
        self.write(by, then, lambda: writes.delete(model, rows, one_by_one=one_by_one))

    @rule(
        way=st.sampled_from(("add", "remove", "set", "clear")),
        place=places,
        others=st.lists(places, max_size=3),
        is_reverse=st.booleans(),
        by=who,
        then=readers,
    )
    def relate(
        self,
        way: str,
        place: int,
        others: list[int],
        is_reverse: bool,
        by: int,
        then: Any,
    ) -> None:
        self.write(
            by, then, lambda: writes.relate(way, place, others, is_reverse=is_reverse)
        )

    @rule(
        links=st.lists(st.tuples(places, places), min_size=1, max_size=4),
        by=who,
        then=readers,
    )
    def link_many(self, links: Any, by: int, then: Any) -> None:
        self.write(by, then, lambda: writes.link_many(links))

    @rule(model=st.sampled_from(writes.TABLES), place=places)
    def remember(self, model: Any, place: int) -> None:
        row = self.writer(0).do(lambda: writes.pick(model, place))
        if row is not None:
            self.kept.append(row)

    @precondition(lambda self: self.kept)
    @rule(data=st.data(), by=who, then=readers)
    def save_what_was_remembered(self, data: Any, by: int, then: Any) -> None:
        row = data.draw(st.sampled_from(self.kept), "row")
        ours = sorted(name for model, name in writes.VALUES if model is type(row))
        name = data.draw(st.sampled_from(ours), "column")
        value = data.draw(st.sampled_from(writes.VALUES[type(row), name]), "value")
        self.write(by, then, lambda: writes.save_stale(row, name, value))

    @rule(by=who)
    def enter(self, by: int) -> None:
        writer = self.writer(by)
        if writer.depth < 3:
            writer.enter()

    @precondition(lambda self: any(actor.depth for actor in self.actors))
    @rule(rolls_back=st.booleans(), then=readers)
    def leave(self, rolls_back: bool, then: Any) -> None:
        writer = self.writer(0)
        writer.leave(rolls_back=rolls_back)
        if not writer.depth:
            self.is_unswept |= self.owes_sweep
            self.owes_sweep = False
        self.check(then)

    @rule(by=who, question=st.sampled_from(tuple(declared)), then=readers)
    def forget_all(self, by: int, question: Any, then: Any) -> None:
        self.write(by, then, lambda: forget_by_hand(all_of([question]), coherence_here))

    @rule(by=who)
    def restart(self, by: int) -> None:
        self.actors[by].restart()

    @rule(mode=st.sampled_from(("enabled", "enabled", "disabled", "shadow")))
    def mode(self, mode: str) -> None:
        self.set_mode(mode)
        self.check((0, 1))


class OnCells(Rules):
    """Entries in Redis, from which anything may disappear."""

    client: redis.Redis
    alias: str
    numbers = 0

    def __init__(self) -> None:
        OnCells.numbers += 1
        self.prefix = f"{self.settings['CACHE_PREFIX'][:20]}-{OnCells.numbers}"
        self.settings = {**self.settings, "CACHE_PREFIX": self.prefix}
        super().__init__()

    def make(self) -> Coherence:
        return self.make_coherence()

    make_coherence: Callable[[], Coherence]

    @rule(place=st.integers(0, 100))
    def evict(self, place: int) -> None:
        names = sorted(self.client.scan_iter(f"{self.prefix}:*", count=1000))
        if names:
            self.client.delete(names[place % len(names)])

    @rule(question=st.sampled_from(tuple(declared)))
    def evict_generation(self, question: Any) -> None:
        for name in self.client.scan_iter(f"{self.prefix}:*:{question.name}:g"):
            self.client.delete(name)

    @rule()
    def flush(self) -> None:
        names = list(self.client.scan_iter(f"{self.prefix}:*", count=1000))
        if names:
            self.client.delete(*names)


class OnRows(Rules):
    """Entries in the processes alone, vouched for by one row."""

    def make(self) -> Coherence:
        return self.make_coherence()

    make_coherence: Callable[[], Coherence]

    @rule(by=who)
    def lose_the_row(self, by: int) -> None:
        self.write(by, (), lambda: CacheGeneration.objects.all().delete())
