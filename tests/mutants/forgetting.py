"""Promises of a forget, and of servers that bring back what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import redis

from tests.mutants.reading import NEW, OLD
from tests.mutants.world import PromiseBroken, Side, World, once, same, setting
from workflow_engine.caches.stores.redis.packing import pack
from workflow_engine.exceptions import CacheUnavailable

#: Keeps the server busy for longer than the hasty client waits, and for less than twice that.
BUSY = """
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local ends = now() + 600000
while now() < ends do end
"""


def reader_between_two_unlinks(world: World) -> None:
    """R reads as soon as W's first UNLINK is acknowledged."""
    reader = _with_copy(world)
    world.writer.store.after["unlink"] = once(
        lambda: reader.get(world.numbers.question, 1)
    )

    world.write(1, NEW)

    world.fresh(reader, world.numbers.question, 1)


def forget_with_full_memory(world: World) -> None:
    """A forget needs no memory."""
    reader = _with_copy(world)
    with world.full_memory():
        world.write(1, NEW)
        same(reader.get(world.numbers.question, 1), NEW, "memory is full")


def reader_during_a_scan(world: World) -> None:
    """All is forgotten; the scan shows the generation before the cell that R reads."""
    question, reader = world.numbers.question, _with_copy(world)
    generation, cell = world.generation(question), world.name(question, 1)

    def in_this_order(prefix: bytes) -> Iterator[list[bytes]]:
        yield [generation]
        reader.get(question, 1)
        yield [cell]

    world.writer.store.scan = in_this_order  # type: ignore[method-assign]
    world.numbers.rows[1] = NEW
    world.writer.forget_all(question)

    world.fresh(reader, question, 1)


def server_comes_back_with_a_copy(world: World) -> None:
    """R has a copy; W forgets; a failover brings back cell and generation."""
    reader = _with_copy(world)
    before = world.snapshot()
    world.write(1, NEW)
    world.restore(before)
    reader.store.close()

    world.fresh(reader, world.numbers.question, 1)


def server_comes_back_without_copies(world: World) -> None:
    """The same, of a reader that keeps no copy."""
    with setting(NEAR_ENTRIES=0):
        reader = _with_copy(world)
        before = world.snapshot()
        world.write(1, NEW)
        world.restore(before)
        reader.store.close()

        world.fresh(reader, world.numbers.question, 1)


def server_comes_back_with_a_permit(world: World) -> None:
    """R holds a permit, W forgets; a failover brings it back, and R does not notice."""
    reader = world.side()
    world.numbers.rows[1] = OLD

    def fail_over() -> None:
        world.numbers.on_load = lambda: None
        before = world.snapshot()
        world.write(1, NEW)
        world.restore(before)

    world.numbers.on_load = fail_over
    reader.get(world.numbers.question, 1)

    world.fresh(reader, world.numbers.question, 1)


def replica_is_refused(world: World) -> None:
    """The server was made a replica: what it holds may be old."""
    store = world.edition("caches.stores.redis.store").RedisStore(world.alias)
    world.client.replicaof("127.0.0.1", "1")
    try:
        role = store.ask_server().role
    except CacheUnavailable as error:
        role = error.reason
    finally:
        world.client.replicaof("NO", "ONE")
        store.close()
    same(role, "replica", "what a replica is used as")


def reply_answers_its_own_command(world: World) -> None:
    """Something is raised between sending and receiving; the next command is another's."""
    lines = world.edition("caches.stores.redis.lines").Lines(world.alias)
    lines.run(lambda line: line.ask((b"PING",)))

    def interrupted(line: object) -> None:
        line._send((pack((b"INCRBY", b"a", b"5")),), False)  # type: ignore[attr-defined]
        raise ZeroDivisionError

    def next_one(line: object) -> object:
        world.client.client_unpause()
        return line.ask((b"INCRBY", b"b", b"7"))  # type: ignore[attr-defined]

    world.client.delete("a", "b")
    world.client.client_pause(5000, all=False)
    try:
        with suppress(ZeroDivisionError):
            lines.run(interrupted)
        same(lines.run(next_one), 7, "the reply to another command")
    finally:
        with suppress(redis.RedisError):
            world.client.client_unpause()
        lines.close()


def line_leads_to_one_server(world: World) -> None:
    """A connection is cut: what was asked of its server must not be believed of another."""
    made = world.edition("caches.stores.redis.lines")
    keywords = world.client.connection_pool.connection_kwargs
    arguments = made.arguments_of({name: keywords[name] for name in ("host", "port")})
    line = made.Line(redis.Connection, arguments, None)
    world.client.client_kill_filter(_type="normal", skipme=True)
    for _ in range(2):
        with suppress(redis.RedisError, OSError):
            line.ask((b"PING",))
            raise PromiseBroken("a line that was cut answers")
    line.close()


def permit_is_sent_once(world: World) -> None:
    """The server answers later than its client waits."""
    made = world.edition("caches.stores.redis.store")
    store = made.RedisStore("hasty")
    store.read([b"a"])
    world.client.config_resetstat()
    busy = world.client.connection_pool.get_connection()
    busy.send_command("EVAL", BUSY, 0)
    with suppress(CacheUnavailable):
        store.take([b"a"], life_ms=9000)
    busy.read_response()
    world.client.connection_pool.release(busy)
    store.close()
    sent = world.client.info("commandstats").get("cmdstat_set", {"calls": 0})

    same(sent["calls"] <= 1, True, f"sent {sent['calls']} times")


def _with_copy(world: World) -> Side:
    """Return a process with a standing copy of the old value, if it keeps any."""
    world.numbers.rows[1] = OLD
    reader = world.side()
    for _ in range(3):
        reader.get(world.numbers.question, 1)
    return reader
