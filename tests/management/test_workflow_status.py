"""workflow_status: rules, look-ups, cache and items, and what of them needs a look."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import redis as redis_client
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from settings.base import redis_cache
from tests.factories import (
    ActionFactory,
    ActionHealthFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from tests.management.calls import LIMIT_SECONDS, ROOT, Said, call, manage
from tests.servers import Servers
from workflow_engine import clock
from workflow_engine.caches import LookUp
from workflow_engine.caches.coherence import current
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.stores.base import Server
from workflow_engine.lookups.workflows import workflows
from workflow_engine.metrics.counts import Figure, counts
from workflow_engine.models import (
    CacheOutbox,
    Condition,
    MetricBucket,
    MetricSource,
    Workflow,
    WorkItem,
)
from workflow_engine.queue.pausing import pause
from workflow_engine.status.part import Level
from workflow_engine.status.server import Asked, judge
from workflow_engine.types.instants import parse_instant

pytestmark = pytest.mark.django_db

NAMES = ["database", "look-ups", "cache", "items", "dead letters", "rules", "actions"]
Child: TypeAlias = "subprocess.Popen[bytes]"
UsePlace = Callable[[str], None]


@pytest.fixture
def use(settings: Settings) -> UsePlace:
    """Return how to keep entries in the Redis at an address."""

    def at(url: str) -> None:
        settings.CACHES = {"default": redis_cache(url)}
        settings.WORKFLOW_ENGINE = {
            "EXECUTOR": "threads",
            "CACHE_ALIAS": "default",
            "CACHE_PREFIX": uuid.uuid4().hex,
            "CACHE_VERIFY_SHARE": 0,
        }

    return at


@pytest.fixture
def shared(use: UsePlace) -> None:
    """Keep entries in the Redis of the run, under names of this test alone."""
    use(f"{os.environ['WORKFLOW_TEST_REDIS_URL']}/0")


@pytest.fixture
def own(own_redis: Servers, use: UsePlace) -> Servers:
    """Keep entries in a Redis that the test may kill."""
    use(own_url(own_redis))
    return own_redis


def own_url(servers: Servers) -> str:
    return f"{servers.environment['WORKFLOW_TEST_REDIS_URL']}/0"


def status(*arguments: str) -> tuple[Said, dict[str, str]]:
    """Return what was said, and by name of the part its line without the name."""
    said = call("workflow_status", *arguments)
    lines = said.out.splitlines()[1:]
    parts = (re.split(r"  +", line, maxsplit=1) for line in lines)
    return said, {name: " ".join(rest.split()) for name, rest in parts}


def facts(part: str) -> dict[str, Any]:
    """Return the facts of a part."""
    (report,) = call("workflow_status", "--json").lines()
    (found,) = (one for one in report["parts"] if one["name"] == part)
    return dict(found["facts"])


def written(*figures: Figure, ago: timedelta = timedelta(0)) -> None:
    """Write figures as processes do, for a minute of some time ago."""
    minute = (clock.now() - ago).replace(second=0, microsecond=0)
    MetricBucket.objects.add(figures, minute)


def counted(counter: str, reason: str, count: int, of: str = "workflows") -> Figure:
    return Figure(scope=of, counter=counter, reason=reason, count=count)


def owe(*, seconds: float) -> None:
    """Owe a forget for some time."""
    at = clock.now() - timedelta(seconds=seconds)
    CacheOutbox.objects.create(source="workflow_engine_workflow", created_at=at)


def due_ago(seconds: float, **given: Any) -> WorkItem:
    item: WorkItem = WorkItemFactory(
        due_at=clock.now() - timedelta(seconds=seconds), **given
    )
    return item


# --- all together


def test_status__all_is_well() -> None:
    said, parts = status()

    header = said.out.splitlines()[0]
    server = "PostgreSQL" if connection.vendor == "postgresql" else "SQLite"
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(
        r"workflow_engine \d[\d.]* · Django \d[\d.]* · Celery \d[\d.]* · "
        rf"{server} \d+\.[\d.]+",
        header,
    )
    assert list(parts) == NAMES
    assert parts == {
        "database": (
            "ok 0 of 0 workflows enabled, 0 detectors, 0 environments, triggers in place"
        ),
        "look-ups": "ok - hits in the last 60 min, - stale of - verified",
        "cache": "ok process store",
        "items": "ok 0 coming, 0 due, 0 overdue, 0 sent, 0 running",
        "dead letters": "ok none",
        "rules": "ok none matches every event",
        "actions": "ok none fails",
    }


def test_status__json_says_the_same() -> None:
    WorkItemFactory(dead=True)

    said = call("workflow_status", "--json")
    _, parts = status()

    (report,) = said.lines()
    told = {
        one["name"]: " ".join(filter(None, (one["text"], one["cure"])))
        for one in report["parts"]
    }
    assert report["level"] == "warn"
    assert report["at"].endswith("+00:00")
    assert {"workflow_engine", "Django", "Celery"} < report["versions"].keys()
    assert told == {name: line.split(" ", 1)[1] for name, line in parts.items()}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 0), (["--fail-on", "error"], 0), (["--fail-on", "warn"], 1)],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_fail_on__a_warning(arguments: list[str], code: int) -> None:
    WorkItemFactory(dead=True)

    said = call("workflow_status", *arguments)

    assert said.code == code


def test_status__colours_only_the_level() -> None:
    plain = call("workflow_status")
    coloured = call("workflow_status", "--force-color")

    marks = r"\x1b\[[\d;]*m"
    assert len(re.findall(rf"{marks}ok +{marks}", coloured.out)) == len(NAMES)
    assert re.sub(marks, "", coloured.out) == plain.out


def test_fail_on__all_is_well() -> None:
    assert call("workflow_status", "--fail-on", "warn").code == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "86401"])
def test_watch__wrong_time(seconds: str) -> None:
    said = call("workflow_status", "--watch", seconds)

    assert (said.code, said.out) == (2, "")
    assert "--watch must be above 0 and at most 86400" in said.err


@pytest.mark.parametrize("arguments", [["--fail-on", "ok"], ["--watch", "often"]])
def test_status__wrong_arguments(
    arguments: list[str], outside: Callable[..., dict[str, str]]
) -> None:
    said = manage(outside(), "workflow_status", *arguments)

    assert (said.returncode, said.stdout) == (2, "")


@pytest.mark.redis
def test_status__costs(shared: None) -> None:
    WorkflowFactory()
    call("workflow_status")

    with CaptureQueriesContext(connection) as queries:
        call("workflow_status")

    assert len(queries) <= 13, [one["sql"] for one in queries]


# --- database


def test_database__rules_are_counted() -> None:
    environment = EnvironmentFactory()
    WorkflowFactory(environment=environment)
    WorkflowFactory(enabled=False, environment=environment)
    DetectorFactory()

    _, parts = status()

    assert parts["database"] == (
        "ok 1 of 2 workflows enabled, 1 detector, 1 environment, triggers in place"
    )


@pytest.fixture
def unnoticed(db: None) -> Iterator[str]:
    """Yield a table that has lost a database trigger, until the test is over."""
    table, trigger = Condition._meta.db_table, "wfe_cache_update"
    if connection.vendor == "postgresql":
        broken = f'ALTER TABLE "{table}" DISABLE TRIGGER {trigger}'
        mended = f'ALTER TABLE "{table}" ENABLE TRIGGER {trigger}'
    else:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master "
                "WHERE type = 'trigger' AND tbl_name = %s",
                [table],
            )
            name, mended = cursor.fetchone()
        broken = f'DROP TRIGGER "{name}"'
    with connection.cursor() as cursor:
        cursor.execute(broken)
    yield table
    with connection.cursor() as cursor:
        cursor.execute(mended)


def test_database__trigger_is_missing(unnoticed: str) -> None:
    said, parts = status()

    assert said.code == 1
    assert parts["database"].startswith("ERROR ")
    assert parts["database"].endswith(
        f"trigger missing or disabled on {unnoticed} "
        "python manage.py migrate workflow_engine"
    )
    assert facts("database")["tables_without_triggers"] == [unnoticed]


@pytest.fixture
def half_migrated(
    outside: Callable[..., dict[str, str]], tmp_path: Path
) -> dict[str, str]:
    """Return the environment of a project whose migrations stopped half way."""
    environment = {
        **outside(),
        "WORKFLOW_TEST_DB": "sqlite",
        "WORKFLOW_TEST_SQLITE_FILE": str(tmp_path / "half.sqlite3"),
    }
    done = manage(environment, "migrate", "workflow_engine", "0001", "-v", "0")
    assert done.returncode == 0, done.stderr
    return environment


def test_database__tables_are_missing(half_migrated: dict[str, str]) -> None:
    said = manage(half_migrated, "workflow_status")

    _, database, cache = said.stdout.splitlines()
    assert (said.returncode, said.stderr) == (1, "")
    assert database.startswith("database      ERROR  not there yet: workflow_engine_")
    assert CacheOutbox._meta.db_table in database
    assert database.endswith("  python manage.py migrate workflow_engine")
    assert cache == "cache         ok     process store"


def test_database__never_migrated(
    outside: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    environment = {
        **outside(),
        "WORKFLOW_TEST_DB": "sqlite",
        "WORKFLOW_TEST_SQLITE_FILE": str(tmp_path / "empty.sqlite3"),
    }

    said = manage(environment, "workflow_status")

    assert (said.returncode, said.stdout) == (2, "")
    assert "run manage.py migrate" in said.stderr


@pytest.mark.postgres
def test_database__is_away(outside: Callable[..., dict[str, str]]) -> None:
    away = {**outside(), "WORKFLOW_TEST_POSTGRES_HOST": "/no/such/socket"}

    said = manage(away, "workflow_status", "--json")

    assert (said.returncode, said.stdout) == (3, "")
    assert "was not reached" in said.stderr
    assert "Traceback" not in said.stderr


# --- look-ups


def test_look_ups__figures_of_all_processes() -> None:
    written(
        counted("hit", "near", 900),
        counted("hit", "cell", 87, of="detectors"),
        counted("miss", "absent", 8),
        counted("bypass", "transaction", 5),
        counted("verify", "checked", 1200),
        counted("verify", "equal", 1200),
        counted("shadow", "checked", 4),
        counted("breaker", "reset", 4, of=""),
        ago=timedelta(minutes=30),
    )
    written(counted("miss", "absent", 500), ago=timedelta(minutes=62))

    said, parts = status()

    assert said.code == 0
    assert parts["look-ups"] == (
        "ok 98.7 % hits in the last 60 min, 0 stale of 1 204 verified"
    )


def test_look_ups__nothing_counted_is_not_zero() -> None:
    found = facts("look-ups")

    assert found["reads"] is None
    assert found["hit_share"] is None
    assert found["verified"] is None
    assert found["stale"] is None
    assert found["outbox"] is None


@pytest.mark.parametrize("counter", ["verify", "shadow"])
def test_look_ups__stale_is_an_error(counter: str) -> None:
    written(counted(counter, "checked", 7), counted(counter, "stale", 2))

    said, parts = status()

    assert said.code == 1
    assert parts["look-ups"] == (
        "ERROR - hits in the last 60 min, 2 stale of 7 verified, forgotten when found "
        "python manage.py workflow_cache verify --all"
    )


def test_look_ups__errors_and_closings() -> None:
    written(
        counted("error", "timeout", 3, of=""),
        counted("error", "connection", 4, of=""),
        counted("breaker", "tripped", 1, of=""),
    )

    said, parts = status()

    assert said.code == 0
    assert parts["look-ups"].startswith("WARN ")
    assert parts["look-ups"].endswith(
        "verified, 7 errors (connection 4 · timeout 3), cache given up 1 time "
        "python manage.py workflow_cache stats"
    )


def heard(number: int, *, minutes_ago: int, **given: Any) -> None:
    """Have a process that wrote figures some minutes ago."""
    at = clock.now() - timedelta(minutes=minutes_ago)
    MetricSource.objects.create(
        name=f"process-{number}", **{"started_at": at, "flushed_at": at, **given}
    )


def test_processes__silent_ones_are_told() -> None:
    soon = clock.now() + timedelta(seconds=10)
    heard(1, minutes_ago=0, expected_at=soon)
    heard(2, minutes_ago=9, expected_at=soon - timedelta(minutes=5))
    heard(3, minutes_ago=7, expected_at=soon - timedelta(minutes=6))
    heard(4, minutes_ago=59)  # has nothing to write
    heard(5, minutes_ago=50, expected_at=soon - timedelta(hours=1), ended_at=soon)

    said, parts = status()

    assert said.code == 0
    assert parts["look-ups"].startswith("WARN ")
    assert re.search(
        r"no figures from 2 of 4 processes since [-\d]{10} \d\d:\d\d UTC", said.out
    )
    sources = facts("look-ups")["sources"]
    since = parse_instant(sources["silent_since"])
    assert (sources["processes"], sources["silent"]) == (4, 2)
    assert since is not None
    assert timedelta(minutes=9) <= clock.now() - since < timedelta(minutes=10)


def test_processes__silent_for_days_is_told_no_more() -> None:
    began = clock.now() - timedelta(minutes=3000)
    heard(1, minutes_ago=3000, expected_at=began + timedelta(minutes=1))

    _, parts = status()

    assert "no figures from" not in parts["look-ups"]


def test_processes__cache_given_up_in_some() -> None:
    for number, use in enumerate(["used", "given_up", ""]):
        heard(number, minutes_ago=0, cache_use=use)
    heard(7, minutes_ago=5, cache_use="given_up", ended_at=clock.now())

    _, parts = status()

    assert parts["look-ups"].startswith("WARN ")
    assert parts["look-ups"].endswith(
        "cache given up in 1 of 3 processes python manage.py workflow_cache stats"
    )


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ({"workflows": "shadow", "detectors": "enabled"}, "shadow: workflows"),
        (
            "disabled",
            "disabled: detector_ids_by_route detectors workflow_ids_by_detector workflows",
        ),
    ],
    ids=["of-one", "of-all"],
)
def test_look_ups__mode(settings: Settings, mode: object, told: str) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_MODE": mode}

    _, parts = status()

    assert parts["look-ups"].startswith("WARN ")
    assert parts["look-ups"].endswith(f"verified, {told}")


def test_look_ups__metrics_are_off(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS": False}

    _, parts = status()

    assert parts["look-ups"].endswith("- stale of - verified, METRICS is off")


@pytest.mark.postgres
@pytest.mark.redis
def test_outbox__empty(shared: None) -> None:
    _, parts = status()

    assert parts["look-ups"].endswith("verified, outbox empty")


@pytest.mark.postgres
@pytest.mark.redis
def test_outbox__owed_a_moment_ago(shared: None) -> None:
    owe(seconds=3)
    owe(seconds=1)

    _, parts = status()

    assert parts["look-ups"].startswith("ok ")
    assert parts["look-ups"].endswith("outbox 2 rows, the oldest 3 s old")


@pytest.mark.postgres
@pytest.mark.redis
def test_outbox__nobody_sweeps(shared: None) -> None:
    owe(seconds=30.5)

    said, parts = status()

    assert said.code == 0
    assert parts["look-ups"].startswith("WARN ")
    assert parts["look-ups"].endswith(
        "outbox 1 row, the oldest 30 s old: nobody sweeps python manage.py workflow_queue"
    )


def test_outbox__of_others(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": None}
    owe(seconds=300)

    _, parts = status()

    assert parts["look-ups"] == ("ok - hits in the last 60 min, - stale of - verified")


@pytest.mark.redis
def test_outbox__database_without_one(half_migrated: dict[str, str]) -> None:
    manage(half_migrated, "migrate", "workflow_engine", "-v", "0")
    given = {"COMMANDS_WORKFLOW_ENGINE": json.dumps({"CACHE_ALIAS": "default"})}

    said = manage({**half_migrated, **given}, "workflow_status")

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines()[2].endswith(
        "verified, no outbox: only signals and the life of an entry forget"
    )


# --- cache


@pytest.mark.redis
def test_cache__answers(own: Servers) -> None:
    with redis_client.Redis.from_url(own_url(own)) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")

    said, parts = status()

    header = said.out.splitlines()[0]
    assert said.code == 0
    assert re.search(r" · Redis \d+\.\d+\.\d+ \(alias default\)$", header)
    assert parts["cache"] == "ok Redis answers, maxmemory-policy allkeys-lru"


@pytest.mark.redis
def test_cache__is_away_and_comes_back(own: Servers) -> None:
    before, _ = status()
    own.kill("redis")
    away, parts = status()
    (report,) = call("workflow_status", "--json").lines()
    own.start("redis")
    after, _ = status()

    header = away.out.splitlines()[0]
    assert (before.code, away.code, after.code) == (0, 1, 0)
    assert header.endswith(" · Redis ? (alias default)")
    assert parts["cache"] == (
        "ERROR cache 'default' was not reached: the connection to it failed"
    )
    assert "127.0.0.1" not in f"{away.out}{report}"
    assert "Connection refused" in away.err
    assert [name for name in NAMES if parts[name].startswith("ERROR")] == ["cache"]
    assert report["level"] == "error"
    assert report["versions"]["Redis"] is None
    assert report["parts"][2]["facts"] == {
        "alias": "default",
        "is_reached": False,
        "reason": "connection",
        "version": None,
        "role": None,
        "maxmemory_policy": None,
    }


@pytest.mark.postgres
@pytest.mark.redis
def test_cache__is_away_and_the_outbox_fills(own: Servers) -> None:
    owe(seconds=30.5)
    own.kill("redis")

    _, parts = status()

    assert parts["look-ups"].startswith("WARN ")
    assert parts["look-ups"].endswith("outbox 1 row, the oldest 30 s old")


def test_cache__swallows_what_it_is_sent(use: UsePlace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        use(f"redis://127.0.0.1:{hole.getsockname()[1]}/0")

        said, parts = status()

    assert said.code == 1
    assert parts["cache"] == (
        "ERROR cache 'default' was not reached: it did not answer in time"
    )


@pytest.mark.redis
def test_cache__is_a_replica(own: Servers) -> None:
    status()  # has a connection now that the server was met over as a primary
    with redis_client.Redis.from_url(own_url(own)) as client:
        client.replicaof("127.0.0.1", "1")

    said, parts = status()

    assert said.code == 1
    assert parts["cache"] == (
        "ERROR cache 'default' cannot be used: it is a replica, or the database is one"
    )
    assert said.err == "Redis is a slave: name the primary first in CACHES.\n"
    assert facts("cache")["reason"] == "replica"
    assert facts("cache")["is_reached"] is True


@pytest.mark.redis
def test_cache__does_not_say_who_it_is(own: Servers, use: UsePlace) -> None:
    with redis_client.Redis.from_url(own_url(own)) as client:
        client.acl_setuser(
            "limited",
            enabled=True,
            passwords=["+word"],
            categories=["+@all"],
            commands=["-info"],
            keys=["*"],
        )
    use(own_url(own).replace("redis://", "redis://limited:word@"))

    said, parts = status()

    assert said.code == 1
    assert parts["cache"].startswith("ERROR cache 'default' cannot be used: ")
    assert "allow INFO" in said.err
    assert "word" not in f"{parts}{said.err}"


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("5.0.14", Level.ERROR),
        ("6.0.16", Level.ERROR),
        ("6.2.0", Level.OK),
        ("6.10.1", Level.OK),
        ("10.0.0", Level.OK),
        ("", Level.OK),
        ("unstable", Level.OK),
    ],
)
def test_cache__version(version: str, level: Level) -> None:
    server = Server(
        version=version, role="master", memory_policy="", incarnation=b"0" * 16
    )

    part = judge(Asked(alias="default", server=server))

    assert part.level is level
    assert ("is too old: 6.2 is the oldest" in part.text) is (level is Level.ERROR)


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_cache__asking_changes_nothing(own: Servers) -> None:
    coherence = current()
    assert isinstance(coherence, CellCoherence)
    status()
    was_closed = not coherence.gate.is_open
    LookUp(workflows).get_many(workflows, [7])
    was_opened = coherence.gate.is_open
    counts.take()
    own.kill("redis")

    for _ in range(5):
        status()

    assert was_closed
    assert was_opened
    assert coherence.gate.is_open
    assert [one for one in counts.take() if one.counter in {"error", "breaker"}] == []


# --- items


def test_items__each_in_its_place() -> None:
    due_ago(-7200.5)
    due_ago(-90_000)
    due_ago(1)
    WorkItemFactory(sent=True)
    WorkItemFactory(running=True)
    WorkItemFactory(done=True)
    WorkItemFactory(cancelled=True)

    said, parts = status()

    assert said.code == 0
    assert parts["items"] == (
        "ok 2 coming, next in 2 h, 1 due, 0 overdue, 1 sent, 1 running"
    )
    assert parts["dead letters"] == "ok none"


def test_items__paused_is_no_fault_of_a_runner() -> None:
    due_ago(600)
    now = clock.now()
    pause(now=now, until=now + timedelta(minutes=30), by="anna", why="deploy")

    _, parts = status()

    assert re.fullmatch(
        r"WARN 0 coming, 0 due, 1 overdue \(it is 10 min late\), 0 sent, 0 running, "
        r"paused by anna \d+ s ago \(deploy\), for 29 min more "
        r"/admin/workflow_engine/dashboard/",
        parts["items"],
    )
    assert facts("items")["paused"]["why"] == "deploy"


def test_items__sent_again_and_again() -> None:
    soon = clock.now() + timedelta(seconds=20)
    WorkItemFactory(sent=True, sends=2, lease_ends_at=soon)
    WorkItemFactory(sent=True, sends=3, lease_ends_at=soon)

    _, parts = status()

    assert parts["items"] == (
        "WARN 0 coming, 0 due, 0 overdue, 2 sent, "
        "1 of them three times or more: no worker takes them up, "
        "0 running do workers run, and reach the broker?"
    )


def test_items__overdue() -> None:
    due_ago(250)
    due_ago(30)
    due_ago(3600, running=True, lease_ends_at=clock.now() - timedelta(seconds=600.5))

    said, parts = status()

    assert said.code == 0
    assert parts["items"] == (
        "WARN 0 coming, 0 due, 3 overdue (the first of them 10 min late), 0 sent, "
        "0 running python manage.py workflow_queue"
    )


def test_items__poll_slowly(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"POLL_SECONDS": 60}
    due_ago(30)

    _, parts = status()

    assert parts["items"] == "ok 0 coming, 1 due, 0 overdue, 0 sent, 0 running"


def test_dead_letters__are_on_a_page(admin_client: Client) -> None:
    for _ in range(3):
        WorkItemFactory(dead=True)
    WorkItemFactory(done=True)

    _, parts = status()

    page = parts["dead letters"].split()[-1]
    assert parts["dead letters"] == f"WARN 3 {page}"
    listed = admin_client.get(page)
    assert listed.status_code == 200
    assert listed.context["cl"].result_count == 3


def test_dead_letters__project_without_the_admin(settings: Settings) -> None:
    settings.ROOT_URLCONF = ()
    WorkItemFactory(dead=True)

    _, parts = status()

    assert parts["dead letters"] == "WARN 1"


def test_dead_letters__project_without_addresses(settings: Settings) -> None:
    del settings.ROOT_URLCONF
    WorkItemFactory(dead=True)

    _, parts = status()

    assert parts["dead letters"] == "WARN 1"


# --- rules and actions


def matches_all(slug: str, **given: Any) -> Workflow:
    """Make a workflow that a detector leads to and no condition limits."""
    workflow = WorkflowFactory(slug=slug, **given)
    DetectorWorkflowFactory(workflow=workflow)
    GroupActionFactory(group__workflow=workflow)
    return workflow


def test_rules__match_every_event() -> None:
    workflow = matches_all("notify-all")
    limited = matches_all("limited")
    ConditionFactory(group=ConditionGroupFactory(workflow=limited))
    matches_all("disabled", enabled=False)
    GroupActionFactory(group__workflow__slug="without-a-detector")

    said, parts = status()

    assert said.code == 0
    assert parts["rules"] == (
        'WARN "notify-all" matches every event'
        f" /admin/workflow_engine/workflow/{workflow.pk}/change/"
    )


def test_rules__only_the_first_are_named() -> None:
    for number in range(7):
        matches_all(f"all-{number}")

    _, parts = status()

    assert '"all-4" matches every event, and more do /admin/' in parts["rules"]
    assert facts("rules")["are_more"] is True


def test_actions__fail_and_are_switched_off() -> None:
    now = clock.now()
    hook, off, late = (ActionFactory(slug=slug) for slug in ("hook", "off", "late"))
    failing = {"failures": 12, "failing_since": now - timedelta(hours=26, seconds=-60)}
    ActionHealthFactory(action=hook, **failing)
    ActionHealthFactory(action=off, off_at=now)
    ActionHealthFactory(action=late, failing_since=now - timedelta(hours=80))
    ActionHealthFactory()
    ActionHealthFactory(action__enabled=False, **failing)

    said, parts = status()

    days_ago = now - timedelta(hours=80)
    page = f"/admin/workflow_engine/action/{late.pk}/change/"
    since = failing["failing_since"]
    assert said.code == 0
    assert parts["actions"].split(", ") == [
        f'WARN "late" fails since {days_ago:%Y-%m-%d %H:%M} UTC',
        "off if it fails again",
        f'"hook" fails since {since:%Y-%m-%d %H:%M} UTC',
        "off in 46 h",
        f'"off" is switched off since {now:%H:%M} UTC {page}',
    ]
    assert [one["action"] for one in facts("actions")["failing"]] == [
        *("late", "hook", "off")
    ]


# --- watching


@pytest.fixture
def watch(half_migrated: dict[str, str]) -> Iterator[Callable[..., Child]]:
    """Return how to start a command that looks again and again; it ends with the test."""
    manage(half_migrated, "migrate", "workflow_engine", "-v", "0")
    buffered = {**half_migrated, "PYTHONUNBUFFERED": ""}
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        child = subprocess.Popen(
            [sys.executable, "manage.py", "workflow_status", "--watch", *arguments],
            cwd=ROOT,
            env=buffered,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate(timeout=LIMIT_SECONDS)


def read(child: Child) -> str:
    """Return what is there to be read; waits until there is something."""
    assert child.stdout is not None
    assert select.select([child.stdout], [], [], LIMIT_SECONDS)[0]
    return os.read(child.stdout.fileno(), 65_536).decode()


def test_watch__is_told_at_once(watch: Callable[..., Child]) -> None:
    child = watch("3600")

    header, *parts, between, end = read(child).split("\n")

    assert re.match(r"\d\d:\d\d:\d\d UTC · workflow_engine ", header)
    assert [re.split("  +", part)[0] for part in parts] == NAMES
    assert (between, end) == ("", "")


def test_watch__until_interrupted(watch: Callable[..., Child]) -> None:
    child = watch("0.1", "--json")

    first, second = read(child), read(child)
    os.kill(child.pid, signal.SIGINT)
    _, error = child.communicate(timeout=LIMIT_SECONDS)

    assert first.startswith('{"at":')
    assert second.startswith('{"at":')
    assert first != second
    assert child.returncode == 130
    assert error == b"CommandError: Interrupted.\n"


def test_watch__reader_has_enough(watch: Callable[..., Child]) -> None:
    child = watch("0.1", "--json")
    read(child)
    assert child.stdout is not None
    child.stdout.close()

    code = child.wait(LIMIT_SECONDS)

    assert child.stderr is not None
    assert (code, child.stderr.read()) == (0, b"")
