from collections.abc import Callable

import pytest
import redis

from tests.caches.stores.redis.conftest import MakeStore
from workflow_engine.caches.cell import PERMIT_BYTES, is_permit, value_of
from workflow_engine.caches.stores.base import Fill, Filled
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.exceptions import CacheUnavailable

pytestmark = pytest.mark.redis

LIFE_MS = 30_000

Watch = Callable[[Callable[[], object]], list[str]]


def value(permit: bytes) -> bytes:
    return value_of(permit, schema=b"schema..", filled_at_ms=1, payload=b"\x00\xff\r\n")


def fill(name: bytes, permit: bytes) -> Fill:
    return Fill(name=name, permit=permit, value=value(permit), life_ms=LIFE_MS)


def test_read__some_are_there(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    a, b, c = (prefix + suffix for suffix in (b"a", b"b", b"c"))
    client.set(a, b"\x00\r\n")
    client.rpush(c, "a list")

    reply = store.read([a, b, c, a])

    assert reply.cells == [b"\x00\r\n", None, None, b"\x00\r\n"]
    assert reply.incarnation == store.ask_server().incarnation


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1000, 1203])
def test_read__many(
    count: int, store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    names = [prefix + b"%d" % number for number in range(count)]
    client.mset({name: name for name in names[::2]})

    reply = store.read(names)

    assert reply.cells == [
        name if place % 2 == 0 else None for place, name in enumerate(names)
    ]


def test_read__nothing(store: RedisStore) -> None:
    assert store.read([]).cells == []


def test_read__renews_first(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    client.set(prefix + b"g", b"old")

    reply = store.read([prefix + b"g", prefix + b"a"], renewing=[prefix + b"g"])

    generation, cell = reply.cells
    assert generation == client.get(prefix + b"g")
    assert generation is not None
    assert len(generation) == 16
    assert cell is None


def test_take__free(store: RedisStore, client: redis.Redis, prefix: bytes) -> None:
    names = [prefix + b"a", prefix + b"b"]

    taken = store.take(names, life_ms=LIFE_MS)

    assert list(taken.permits) == names
    assert len(set(taken.permits.values())) == 2
    assert not taken.is_full
    for name, permit in taken.permits.items():
        assert client.get(name) == permit
        assert is_permit(permit, taken.incarnation)
        assert 0 < int(client.pttl(name)) <= LIFE_MS


def test_take__held_by_others(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    first = store.take([prefix + b"a"], life_ms=LIFE_MS)
    client.set(prefix + b"b", b"a value")
    client.rpush(prefix + b"c", "a list")

    second = store.take([prefix + b"a", prefix + b"b", prefix + b"c"], life_ms=LIFE_MS)

    assert second.permits == {}
    assert not second.is_full
    assert client.get(prefix + b"a") == first.permits[prefix + b"a"]
    assert client.get(prefix + b"b") == b"a value"


def test_take__drops_first_and_renews(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    client.set(prefix + b"a", b"garbage")
    client.rpush(prefix + b"b", "a list")
    client.set(prefix + b"g", b"old")
    odd = [prefix + b"a", prefix + b"b"]

    taken = store.take(odd, life_ms=LIFE_MS, dropping=odd, renewing=[prefix + b"g"])

    assert list(taken.permits) == odd
    assert taken.renewed == {prefix + b"g": client.get(prefix + b"g")}
    assert len(taken.renewed[prefix + b"g"]) == 16
    assert client.pttl(prefix + b"g") == -1


def test_take__nothing_to_take(store: RedisStore, prefix: bytes) -> None:
    taken = store.take([], life_ms=LIFE_MS, renewing=[prefix + b"g"])

    assert taken.permits == {}
    assert list(taken.renewed) == [prefix + b"g"]


def test_fill__permit_still_there(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    taken = store.take([prefix + b"a"], life_ms=100_000)
    permit = taken.permits[prefix + b"a"]

    results = store.fill([fill(prefix + b"a", permit)])

    assert results == [Filled.STORED]
    assert client.get(prefix + b"a") == value(permit)
    assert 0 < int(client.pttl(prefix + b"a")) <= LIFE_MS


def test_fill__each_cell_by_itself(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    names = [prefix + suffix for suffix in (b"a", b"b", b"c", b"d", b"e")]
    permits = store.take(names, life_ms=LIFE_MS).permits
    client.unlink(names[0], names[1], names[2])
    client.rpush(names[1], "a list")
    newer = store.take([names[2]], life_ms=LIFE_MS).permits[names[2]]
    foreign = permits[names[3]].replace(permits[names[3]][2:18], b"0" * 16)

    results = store.fill(
        [
            fill(names[0], permits[names[0]]),
            fill(names[1], permits[names[1]]),
            fill(names[2], permits[names[2]]),
            fill(names[3], foreign),
            fill(names[4], permits[names[4]]),
        ]
    )

    assert results == [
        Filled.GONE,
        Filled.OTHER,
        Filled.OTHER,
        Filled.SERVER_CHANGED,
        Filled.STORED,
    ]
    assert client.get(names[2]) == newer
    assert client.get(names[3]) == permits[names[3]]
    assert client.get(names[4]) == value(permits[names[4]])


def test_fill__permit_differs_in_its_last_byte(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    permit = store.take([prefix + b"a"], life_ms=LIFE_MS).permits[prefix + b"a"]
    near_miss = permit[:-1] + bytes([permit[-1] ^ 1])

    results = store.fill([fill(prefix + b"a", near_miss)])

    assert results == [Filled.OTHER]
    assert client.get(prefix + b"a") == permit
    assert len(permit) == PERMIT_BYTES


def test_fill__scripts_flushed_between(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    permits = store.take([prefix + b"a", prefix + b"b"], life_ms=LIFE_MS).permits
    first, second = (fill(name, permit) for name, permit in permits.items())
    results = store.fill([first])
    client.script_flush()

    results += store.fill([second])

    assert results == [Filled.STORED, Filled.STORED]


def test_fill__more_than_one_call(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    names = [prefix + b"%d" % number for number in range(1001)]
    permits = store.take(names, life_ms=LIFE_MS).permits
    client.unlink(names[700])

    results = store.fill([fill(name, permits[name]) for name in names])

    assert [place for place, r in enumerate(results) if r is not Filled.STORED] == [700]
    assert client.mget(names) == [
        None if name == names[700] else value(permits[name]) for name in names
    ]


def test_unlink__many_and_the_last(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    names = [prefix + b"%d" % number for number in range(1203)]
    client.mset(dict.fromkeys([*names, prefix + b"g", prefix + b"kept"], b"x"))
    client.delete(names[3])
    client.rpush(names[3], "a list")

    store.unlink(names, last=[prefix + b"g"])

    assert list(client.scan_iter(prefix + b"*", count=5000)) == [prefix + b"kept"]


def test_unlink__generations_with_the_last_or_after(
    own_store: RedisStore, watched: Watch
) -> None:
    names = [b"%d" % number for number in range(1100)]

    seen = watched(lambda: own_store.unlink(names, last=[b"g1", b"g2"]))

    unlinks = [line.split()[1:] for line in seen if line.startswith("UNLINK")]
    assert [len(names) for names in unlinks] == [500, 500, 102]
    assert unlinks[-1][-3:] == ["1099", "g1", "g2"]


def test_take__order_of_its_commands(own_store: RedisStore, watched: Watch) -> None:
    own_store.read([b"a"])

    seen = watched(
        lambda: own_store.take(
            [b"a", b"b"], life_ms=LIFE_MS, dropping=[b"b"], renewing=[b"g"]
        )
    )

    assert [line.split()[:2] for line in seen] == [
        ["UNLINK", "b"],
        ["SET", "a"],
        ["SET", "b"],
        ["SET", "g"],
    ]


def test_read__one_command(own_store: RedisStore, watched: Watch) -> None:
    own_store.read([b"a"])

    assert watched(lambda: own_store.read([b"a", b"b"])) == ["MGET a b"]


def test_read__no_command_for_more_than_500(
    own_store: RedisStore, watched: Watch
) -> None:
    own_store.read([b"a"])

    seen = watched(lambda: own_store.read([b"%d" % number for number in range(1001)]))

    assert [len(line.split()) - 1 for line in seen] == [500, 500, 1]


def test_unlink__nothing(store: RedisStore) -> None:
    store.unlink([])


def test_life_left_ms__each_kind(
    store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    client.set(prefix + b"a", b"x", px=LIFE_MS)
    client.set(prefix + b"for ever", b"x")

    left = store.life_left_ms(prefix + b"a")

    assert left is not None
    assert 0 < left <= LIFE_MS
    assert store.life_left_ms(prefix + b"for ever") is None
    assert store.life_left_ms(prefix + b"not there") is None


def test_ask_server__says_what_it_is(store: RedisStore, client: redis.Redis) -> None:
    server = store.ask_server()

    assert server.version == client.info("server")["redis_version"]
    assert server.role == "master"
    assert server.memory_policy == client.config_get("maxmemory-policy").popitem()[1]
    assert len(server.incarnation) == 16


ODD_PREFIXES = [b"cells:a*b?c[d]e\\f:", b"cells:[^x]-", b"cells:\xff\n:", b"cells:\\*"]


@pytest.mark.parametrize("odd", ODD_PREFIXES, ids=repr)
def test_scan__among_foreign_keys(
    odd: bytes, store: RedisStore, client: redis.Redis, prefix: bytes
) -> None:
    foreign = [prefix + b"foreign:%d" % number for number in range(10_000)]
    similar = [prefix + b"cells:aXXbYcde\\f:1", prefix + b"cells:x-1", prefix + b"c"]
    ours = {prefix + odd + b"%d" % number for number in range(300)}
    client.mset(dict.fromkeys([*foreign, *similar, *ours], b"x"))

    found = [name for portion in store.scan(prefix + odd) for name in portion]

    assert set(found) == ours


def test_store__memory_is_full(own_store: RedisStore, own_client: redis.Redis) -> None:
    names = [b"cells:%d" % number for number in range(3)]
    permits = own_store.take(names, life_ms=LIFE_MS).permits
    own_client.set(b"cells:g", b"old")
    own_client.config_set("maxmemory-policy", "noeviction")
    own_client.config_set("maxmemory", 1)

    taken = own_store.take([b"cells:new"], life_ms=LIFE_MS, renewing=[b"cells:g"])
    reply = own_store.read([names[0], b"cells:g"], renewing=[b"cells:g"])
    results = own_store.fill([fill(name, permits[name]) for name in names])
    own_store.unlink(names[:1], last=[b"cells:g"])

    assert (taken.permits, taken.renewed, taken.is_full) == ({}, {}, True)
    assert reply.cells == [permits[names[0]], b"old"]
    assert results == [Filled.OOM] * 3
    assert own_client.mget([*names, b"cells:g"]) == [
        None,
        permits[names[1]],
        permits[names[2]],
        None,
    ]


def test_store__error_in_the_middle_of_a_pipeline(
    make_store: MakeStore, own_url: str, own_client: redis.Redis
) -> None:
    own_client.acl_setuser(
        "cells",
        enabled=True,
        passwords=["+word"],
        keys=["ours:*"],
        categories=["+@all"],
    )
    store = make_store(own_url.replace("//", "//cells:word@"))
    names = [b"ours:%d" % number for number in range(1500)]
    names[700] = b"theirs"
    own_client.mset({name: name for name in names})
    store.read(names[:1])
    connections = own_client.info("stats")["total_connections_received"]

    with pytest.raises(CacheUnavailable) as caught:
        store.unlink(names, last=[b"ours:g"])

    assert (caught.value.reason, caught.value.closes) == ("noperm", True)
    assert own_client.exists(*names) == 500
    assert store.read([b"ours:600", b"ours:0"]).cells == [b"ours:600", None]
    assert own_client.info("stats")["total_connections_received"] == connections


def test_fill__refused_for_its_own_reasons(
    make_store: MakeStore, own_url: str, own_client: redis.Redis
) -> None:
    own_client.acl_setuser(
        "cells",
        enabled=True,
        passwords=["+word"],
        keys=["*"],
        categories=["+@all"],
        commands=["-get"],
    )
    store = make_store(own_url.replace("//", "//cells:word@"))
    permits = store.take([b"cells:a"], life_ms=LIFE_MS).permits

    with pytest.raises(CacheUnavailable) as caught:
        store.fill([fill(name, permit) for name, permit in permits.items()])

    assert own_client.get(b"cells:a") == permits[b"cells:a"]
    assert caught.value.reason in {"noperm", "script"}
