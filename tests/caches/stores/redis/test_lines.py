import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from redis.connection import Connection
from redis.exceptions import ConnectionError as LostError

from tests.caches.stores.redis.conftest import MakeStore
from tests.caches.stores.redis.connections import Interrupted
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.caches.cell import value_of
from workflow_engine.caches.stores.base import Fill, Filled
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.caches.stores.redis.line import Line
from workflow_engine.caches.stores.redis.lines import MOST_IDLE, Lines, arguments_of
from workflow_engine.exceptions import CacheUnavailable

pytestmark = pytest.mark.redis

LIFE_MS = 30_000


def connections(client: "redis.Redis") -> int:
    """Return how many connections the server has ever had."""
    return int(client.info("stats")["total_connections_received"])


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def fills(permits: dict[bytes, bytes]) -> list[Fill]:
    return [
        Fill(
            name=name,
            permit=permit,
            value=value_of(permit, schema=b"schema..", filled_at_ms=1, payload=b"v0"),
            life_ms=LIFE_MS,
        )
        for name, permit in permits.items()
    ]


def test_run__one_connection_for_calls_in_turn(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_store.read([b"a"])
    before = connections(own_client)

    own_store.take([b"a"], life_ms=LIFE_MS)
    own_store.unlink([b"a"])
    own_store.read([b"a"])

    assert connections(own_client) == before


def test_run__threads_get_their_own_replies(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    names = [b"%d" % number for number in range(16)]
    own_client.mset({name: name for name in names})

    def read(name: bytes) -> bool:
        return all(own_store.read([name]).cells == [name] for _ in range(200))

    with ThreadPoolExecutor(16) as threads:
        right = list(threads.map(read, names))

    assert all(right)


def test_run__keeps_so_many_idle(
    make_store: MakeStore, own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    before = own_client.info("clients")["connected_clients"]
    lines = own_store._lines

    def nested(depth: int) -> None:
        lines.run(lambda line: nested(depth - 1) if depth > 1 else None)

    nested(MOST_IDLE + 5)

    wait_until(
        lambda: own_client.info("clients")["connected_clients"] == before + MOST_IDLE,
        f"{MOST_IDLE} connections were kept",
        limit_seconds=5,
    )


def test_close__opens_new_ones(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_store.read([b"a"])
    before = connections(own_client)

    own_store.close()
    own_store.read([b"a"])

    assert connections(own_client) == before + 1


def test_close__a_line_in_use_is_not_used_again(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    lines = own_store._lines
    lines.run(lambda line: own_store.close())
    before = connections(own_client)

    own_store.read([b"a"])

    assert connections(own_client) == before + 1


def test_read__reply_comes_too_late(
    hasty_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_client.mset({b"a": b"of a", b"b": b"of b"})
    hasty_store.read([b"a"])
    own_client.execute_command("CLIENT", "PAUSE", 600, "ALL")

    with pytest.raises(CacheUnavailable) as caught:
        hasty_store.read([b"a"])

    wait_until(lambda: answers(own_client), "the server went on", limit_seconds=5)
    assert hasty_store.read([b"b"]).cells == [b"of b"]
    assert (caught.value.reason, caught.value.closes) == ("timeout", False)


def test_take__sent_once(hasty_store: RedisStore, own_client: "redis.Redis") -> None:
    hasty_store.read([b"a"])
    own_client.config_resetstat()
    own_client.execute_command("CLIENT", "PAUSE", 600, "ALL")

    with pytest.raises(CacheUnavailable):
        hasty_store.take([b"a"], life_ms=LIFE_MS)

    wait_until(lambda: answers(own_client), "the server went on", limit_seconds=5)
    assert own_client.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"] < 2


def test_read__server_swallows_everything(make_store: MakeStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        store = make_store(url, SOCKET_TIMEOUT=0.2)

        with pytest.raises(CacheUnavailable) as caught:
            store.read([b"a"])

    assert (caught.value.reason, caught.value.closes) == ("timeout", False)


def test_read__nobody_listens(own_redis: Servers, own_store: RedisStore) -> None:
    own_redis.kill("redis")

    with pytest.raises(CacheUnavailable) as caught:
        own_store.read([b"a"])

    assert (caught.value.reason, caught.value.closes) == ("connection", False)


@pytest.mark.parametrize("answer", [b"?what\r\n", b"*1\r\n$1\r\nx"], ids=["odd", "cut"])
def test_read__reply_is_broken(answer: bytes, make_store: MakeStore) -> None:
    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(4096)
            peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = make_store(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
        server = threading.Thread(target=serve)
        server.start()

        with pytest.raises(CacheUnavailable) as caught:
            store.read([b"a"])
        server.join(5)

    assert caught.value.reason == "connection"


class SoftTimeLimit(Exception):
    """As a task queue raises it in the middle of anything."""


@pytest.mark.parametrize(
    "raises", [KeyboardInterrupt, SystemExit, GeneratorExit, SoftTimeLimit]
)
def test_read__interrupted_before_the_reply(
    raises: type[BaseException],
    make_store: MakeStore,
    own_url: str,
    own_client: "redis.Redis",
) -> None:
    own_client.mset({b"a": b"of a", b"b": b"of b"})
    pool = {"connection_class": Interrupted}
    store = make_store(own_url, CONNECTION_POOL_KWARGS=pool)
    store.read([b"a"])
    # The reply that nobody waits for any more comes when the next command is sent.
    own_client.execute_command("CLIENT", "PAUSE", 200, "ALL")
    Interrupted.raises = raises

    with pytest.raises(raises):
        store.read([b"a"])

    assert store.read([b"b"]).cells == [b"of b"]


def test_read__server_restarted_between(
    own_redis: Servers, own_store: RedisStore
) -> None:
    first = own_store.read([b"a"])
    own_redis.kill("redis")
    own_redis.start("redis")

    second = own_store.read([b"a"])

    assert second.incarnation != first.incarnation
    assert second.incarnation == own_store.ask_server().incarnation


def test_fill__permit_comes_back_with_a_snapshot(
    own_redis: Servers, own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    permits = own_store.take([b"a", b"b"], life_ms=LIFE_MS).permits
    own_client.save()
    own_store.unlink([b"a", b"b"])
    own_redis.kill("redis")
    own_redis.start("redis")
    own_client.unlink(b"b")
    restored = own_client.get(b"a")

    results = own_store.fill(fills(permits))

    assert restored == permits[b"a"]
    assert own_client.get(b"a") == restored
    assert results == [Filled.SERVER_CHANGED, Filled.SERVER_CHANGED]


def test_line__never_leads_to_another_server(own_redis: Servers, own_url: str) -> None:
    host, port = "127.0.0.1", own_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]
    arguments = arguments_of({"host": host, "port": int(port)})
    line = Line(Connection, arguments, era=None)
    own_redis.kill("redis")
    own_redis.start("redis")

    for _ in range(3):
        with pytest.raises(LostError):
            line.ask((b"PING",))

    line.close()
    with pytest.raises(LostError):
        line.ask((b"PING",))


def test_fill__replication_id_changed_in_peace(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    before = own_store.take([b"a"], life_ms=LIFE_MS)
    own_client.replicaof("127.0.0.1", "1")
    own_client.replicaof("NO", "ONE")

    changed = own_store.fill(fills(before.permits))
    after = own_store.take([b"a"], life_ms=LIFE_MS, dropping=[b"a"])

    assert changed == [Filled.SERVER_CHANGED]
    assert after.incarnation != before.incarnation
    assert own_store.fill(fills(after.permits)) == [Filled.STORED]


def test_refresh__once_a_second(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_store.read([b"a"])
    before = connections(own_client)

    for _ in range(2):
        own_store.refresh()
        own_store.read([b"a"])

    assert connections(own_client) == before + 1


def test_unlink__tried_again_on_a_new_connection(
    make_store: MakeStore, own_url: str, own_client: "redis.Redis"
) -> None:
    pool = {"connection_class": Interrupted}
    store = make_store(own_url, CONNECTION_POOL_KWARGS=pool)
    own_client.mset({b"a": b"x", b"b": b"x"})
    store._lines.run(lambda line: store.read([b"a"]))  # two are idle now
    before = connections(own_client)
    Interrupted.raises = redis.TimeoutError

    store.unlink([b"a"], last=[b"b"])

    assert own_client.exists(b"a", b"b") == 0
    assert connections(own_client) == before + 1


def test_unlink__tried_again_only_once(
    own_redis: Servers, own_store: RedisStore
) -> None:
    own_store.read([b"a"])
    own_redis.kill("redis")

    with pytest.raises(CacheUnavailable) as caught:
        own_store.unlink([b"a"])

    assert caught.value.reason == "connection"


def test_read__replica_is_refused(
    own_redis: Servers, own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    with Servers("redis") as primary:
        port = primary.environment["WORKFLOW_TEST_REDIS_URL"].rsplit(":", 1)[1]
        own_client.replicaof("127.0.0.1", port)

        with pytest.raises(CacheUnavailable) as caught:
            own_store.read([b"a"])

    assert (caught.value.reason, caught.value.closes) == ("replica", True)


def test_take__server_became_a_replica(
    own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_store.read([b"a"])
    own_client.replicaof("127.0.0.1", "1")

    with pytest.raises(CacheUnavailable) as caught:
        own_store.take([b"a"], life_ms=LIFE_MS)

    assert (caught.value.reason, caught.value.closes) == ("readonly", True)


@pytest.mark.parametrize(
    ("commands", "password", "reason"),
    [
        (["-info"], "word", "no_identity"),
        (["-mget"], "word", "noperm"),
        ([], "wrong", "noperm"),
    ],
    ids=["INFO", "MGET", "password"],
)
def test_read__not_allowed(
    commands: list[str],
    password: str,
    reason: str,
    make_store: MakeStore,
    own_url: str,
    own_client: "redis.Redis",
) -> None:
    own_client.acl_setuser(
        "cells",
        enabled=True,
        passwords=["+word"],
        keys=["*"],
        categories=["+@all"],
        commands=commands,
    )
    store = make_store(own_url.replace("//", f"//cells:{password}@"))

    with pytest.raises(CacheUnavailable) as caught:
        store.read([b"a"])

    assert (caught.value.reason, caught.value.closes) == (reason, True)


def test_scan__server_changed_meanwhile(
    own_redis: Servers, own_store: RedisStore, own_client: "redis.Redis"
) -> None:
    own_client.mset({b"cells:%d" % number: b"x" for number in range(5_000)})
    own_client.save()
    portions = own_store.scan(b"cells:")
    next(portions)
    own_redis.kill("redis")
    own_redis.start("redis")

    with pytest.raises(CacheUnavailable) as caught:
        next(portions)

    assert caught.value.reason == "connection"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_run__after_a_fork(own_store: RedisStore, own_client: "redis.Redis") -> None:
    own_client.mset({b"a": b"of a", b"b": b"of b"})
    own_store.read([b"a"])
    before = connections(own_client)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(own_store.read([b"b"]).cells != [b"of b"])
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert connections(own_client) == before + 1
    assert own_store.read([b"a"]).cells == [b"of a"]
    assert connections(own_client) == before + 1


def test_lines__first_of_several_servers(
    make_store: MakeStore, own_url: str, own_client: "redis.Redis"
) -> None:
    own_client.set(b"a", b"of the first")

    store = make_store(
        f"{own_url},redis://127.0.0.1:1/0"
    )  # nobody listens on the second

    assert {bytes(store.read([b"a"]).cells[0] or b"") for _ in range(5)} == {
        b"of the first"
    }


def test_arguments_of__what_is_kept() -> None:
    configured: dict[str, Any] = {
        "host": "cache.example.com",
        "port": 6380,
        "db": 3,
        "username": "cells",
        "password": "word",
        "socket_timeout": 0.2,
        "ssl_ca_certs": "ca.pem",
        "retry": object(),
        "retry_on_timeout": True,
        "retry_on_error": [Exception],
        "health_check_interval": 30,
        "decode_responses": True,
        "maint_notifications_config": object(),
        "orig_host_address": "cache.example.com",
    }

    arguments = arguments_of(configured)

    kept = ("host", "port", "db", "username", "password", "socket_timeout")
    assert {name: arguments[name] for name in kept} == {
        name: configured[name] for name in kept
    }
    assert arguments["ssl_ca_certs"] == "ca.pem"
    assert arguments["protocol"] == 2
    assert arguments["retry"].get_retries() == 0
    assert not arguments.keys() & {*configured} - {*kept, "ssl_ca_certs", "retry"}


def test_lines__options_of_the_alias(hasty_store: RedisStore) -> None:
    lines: Lines = hasty_store._lines

    assert lines._arguments["socket_timeout"] == 0.2
    assert lines._arguments["socket_connect_timeout"] == 0.2
