"""Redis comes back, older than it was or as another: no old entry is ever an answer."""

from __future__ import annotations

import threading
from functools import partial
from typing import cast

import pytest
import redis

from tests.queue.threads import elsewhere
from tests.races.faults.conftest import port_of
from tests.races.faults.place import LIMIT_SECONDS, Place, before, counted
from tests.races.processes import Answers, Asked, direct, not_among, owed, process, read
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.caches.cell import PERMIT_BYTES
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.lookups import workflows
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]


def _is_of(side_answers: Answers, old: Answers) -> bool:
    return not not_among(side_answers, old)


def test_restart__from_a_snapshot_of_before_the_forget(place: Place) -> None:
    looker_on = process()
    old = place.warm(looker_on)
    assert _is_of(read(looker_on, place.asked), old)
    place.client.save()
    place.write()
    cells = sorted(place.client.keys())
    place.servers.kill("redis")
    place.servers.start("redis")
    assert len(place.client.keys()) > len(cells), "the snapshot was not read"
    counts.take()

    answers = read(looker_on, place.asked)

    figures = {(one.counter, one.reason) for one in counts.take()}
    assert not place.stale(looker_on)
    assert not _is_of(answers, old)
    assert ("hit", "near") not in figures
    assert ("miss", "incarnation") in figures
    assert ("incarnation", "changed") in figures


def test_restart__brings_a_permit_back_to_who_holds_it(place: Place) -> None:
    reader = process()
    place.warm(reader)
    key = place.asked[3][1][0]
    workflows.forget([key])

    def restart() -> None:
        place.client.save()
        place.write()
        place.servers.kill("redis")
        place.servers.start("redis")
        counted()

    with before(reader, "fill", restart):
        old = read(reader, [(workflows, [key])])

    assert counted("refused", "server_changed") == 1
    assert place.client.type(_cell(place, key)) == b"string", "no permit came back"
    assert place.client.strlen(_cell(place, key)) == PERMIT_BYTES
    assert old["workflows"][key].name != Workflow.objects.get(pk=key).name
    assert not place.stale(reader)
    assert not place.stale(process())


def _cell(place: Place, key: object) -> bytes:
    (name,) = place.client.keys(f"*:workflows:{key}")
    return cast("bytes", name)


def _follow(follower: redis.Redis, port: int) -> None:
    follower.config_set("repl-diskless-sync-delay", 0)
    follower.replicaof("127.0.0.1", port)
    wait_until(
        lambda: follower.info("replication")["master_link_status"] == "up",
        "the replica has everything",
        limit_seconds=LIMIT_SECONDS,
    )


def test_failover__and_back_again(place: Place) -> None:
    looker_on, newcomer = process(), process()
    old = place.warm(looker_on)
    a = place.client
    with Servers("redis") as others, redis.Redis(port=port_of(others)) as b:
        a.config_set("repl-diskless-sync-delay", 0)
        _follow(b, place.proxy.target)
        b.replicaof("NO", "ONE")
        place.write()  # its deletions are lost with A
        assert b.dbsize() > a.dbsize()
        place.proxy.target = port_of(others)
        place.proxy.cut()
        some, rest = place.asked[:2], place.asked[2:]

        # The rest is not read, and stays old, until A is back.
        assert not not_among(read(looker_on, some), direct(place.asked))

        old_cells = b.dbsize()
        _follow(a, port_of(others))
        a.replicaof("NO", "ONE")
        assert a.dbsize() == old_cells, "A has not got what B has"
        place.proxy.target = port_of(place.servers)
        place.proxy.cut()
        for side in (looker_on, newcomer):
            answers = read(side, rest)
            assert not not_among(answers, direct(place.asked))
            assert not_among(answers, old)
            assert not place.stale(side)


class _Load:
    """Readers and one who removes generations, until they are told to end."""

    def __init__(self, key: int) -> None:
        self.asked: Asked = [(workflows, [key])]
        self.key = key
        self.written = 0
        self.is_over = threading.Event()

    def look(self, side: CellCoherence) -> int:
        looks = 0
        while not self.is_over.is_set():
            least = self.written
            answer = read(side, self.asked)["workflows"][self.key]
            assert int(answer.name) >= least
            looks += 1
        return looks

    def remove(self, client: redis.Redis, names: list[bytes]) -> int:
        removed = 0
        while not self.is_over.is_set():
            removed += int(client.unlink(*names))
        return removed


def test_generation__removed_again_and_again(place: Place) -> None:
    sides = [process(), process()]
    workflow = Workflow.objects.order_by("pk")[0]
    workflow.name = "0"
    workflow.save()
    place.warm(*sides)
    generations = list(place.client.scan_iter("*:g"))
    assert generations
    load = _Load(workflow.pk)
    running = [elsewhere(partial(load.look, side)) for side in sides]
    running.append(elsewhere(partial(load.remove, place.client, generations)))

    try:
        for number in range(1, 60):
            workflow.name = str(number)
            workflow.save()
            load.written = number
    finally:
        load.is_over.set()

    assert all(one.result(LIMIT_SECONDS) for one in running)
    place.warm(*sides)
    read(sides[0], place.asked)
    assert counted("hit", "near")


def test_process__that_could_not_forget_waits_for_who_holds_the_row(
    place: Place,
) -> None:
    sweeper = process()
    old = place.warm(sweeper)
    place.proxy.refuse()
    place.write()
    assert not place.here.gate.is_open
    place.proxy.listen()
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        is_held.set()
        assert may_go.wait(LIMIT_SECONDS)

    with before(sweeper, "unlink", hold):
        sweep = elsewhere(sweeper.sweep)
        try:
            assert is_held.wait(LIMIT_SECONDS), "the sweep has not begun"
            newcomer = process()
            for side in (place.here, newcomer):
                assert not place.stale(side)
                assert not side.gate.is_open
        finally:
            may_go.set()
        sweep.result(LIMIT_SECONDS)

    assert owed() == 0
    for side in (place.here, newcomer):
        place.wait_until_cached(side)
        assert not _is_of(read(side, place.asked), old)
