"""workflow_cache: figures, verifying, forgetting, the map, and one entry from both sides."""

import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django_redis import get_redis_connection
from pytest_django import Settings

from tests.factories import DetectorFactory, DetectorWorkflowFactory, WorkflowFactory
from tests.management.calls import Said, call, manage
from workflow_engine import clock
from workflow_engine.caches import LookUp, declared
from workflow_engine.caches.coherence import current, reset
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.lookups.detectors import detector_ids_by_route, detectors
from workflow_engine.lookups.workflows import workflow_ids_by_detector, workflows
from workflow_engine.metrics.counts import Figure
from workflow_engine.models import CacheOutbox, MetricBucket, MetricSource, Workflow
from workflow_engine.types.routes import candidate_routes
from workflow_engine.types.snapshots import WorkflowSnapshot

pytestmark = pytest.mark.django_db(transaction=True)

UNREACHED = "redis://127.0.0.1:1/0"


class Terminal(StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def redis(settings: Settings) -> Callable[..., None]:
    """Keep entries in Redis, under names of this test alone; returns how to set more."""
    given = {
        "EXECUTOR": "threads",
        "CACHE_ALIAS": "default",
        "CACHE_PREFIX": uuid.uuid4().hex,
        "CACHE_VERIFY_SHARE": 0,
        "CACHE_VERIFY_GRACE_SECONDS": 0.1,
    }
    settings.WORKFLOW_ENGINE = given

    def also(**more: object) -> None:
        settings.WORKFLOW_ENGINE = {**given, **more}

    return also


@pytest.fixture
def workflow(redis: Callable[..., None]) -> Workflow:
    """Return a workflow on a detector, both cached by another process."""
    detector = DetectorFactory(slug="pushes", event_type="a.b.c", source="/repo")
    workflow = WorkflowFactory(slug="tell-the-team", name="tell the team", interval=600)
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    LookUp(workflows).get_many(workflows, [workflow.pk])
    LookUp(detectors).get_many(detectors, [detector.pk])
    LookUp(workflow_ids_by_detector).get_many(workflow_ids_by_detector, [detector.pk])
    routes = candidate_routes("a.b.c", "/repo")
    LookUp(detector_ids_by_route).get_many(detector_ids_by_route, routes)
    reset()
    return workflow


def change_unseen(workflow: Workflow) -> None:
    """Change a row as nobody announces it; what the database wrote down is not swept."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_workflow SET interval = 1800 WHERE id = %s",
            [workflow.pk],
        )


def entries() -> dict[str, int]:
    """Return how many entries each access has."""
    return {one.name: len(set(chain(*current().suffixes(one)))) for one in declared}


# --- arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "--yes"], "verify does not take --yes"),
        (["map", "--access", "workflows"], "map does not take --access"),
        (["stats", "workflows", "7"], "stats does not take workflows 7"),
        (["peek"], "peek takes an access and a key"),
        (["peek", "workflows"], "peek takes an access and a key"),
        (["peek", "workflows", "7", "8"], "peek takes an access and a key"),
        (["peek", "workflow", "7"], "no access is called 'workflow'; there are"),
        (["peek", "workflows", "seven"], "workflows: a key of this access is an id"),
        (["peek", "detector_ids_by_route", "@x"], "a route is an event type, alone or"),
        (["forget", "--key", "7", "--yes"], "forget --key KEY needs --access NAME"),
        (["forget"], "forget needs --yes where nobody can be asked"),
        (
            ["stats", "--window", "soon"],
            "a length of time is 30m, 1h or 7d, not 'soon'",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_cache__wrong_arguments(arguments: list[str], said: str) -> None:
    done = call("workflow_cache", *arguments)

    assert done.code == 2
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize("word", ["stats", "verify", "map"])
def test_cache__alias_that_is_not_there(settings: Settings, word: str) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "elsewhere"}

    done = call("workflow_cache", word)

    assert done.code == 2
    assert "'elsewhere' is not in CACHES" in done.err


# --- stats


def counted(
    counter: str, reason: str, count: int, *, of: str = "workflows", **sums: float
) -> Figure:
    return Figure(scope=of, counter=counter, reason=reason, count=count, **sums)


def written(*figures: Figure, ago: timedelta = timedelta(0)) -> None:
    """Write figures as processes do, for a minute of some time ago."""
    minute = (clock.now() - ago).replace(second=0, microsecond=0)
    MetricBucket.objects.add(figures, minute)


def test_stats__figures_of_all_processes() -> None:
    written(
        counted("hit", "near", 900),
        counted("hit", "cell", 90),
        counted("empty", "", 44),
        counted("miss", "absent", 7),
        counted("miss", "schema", 2),
        counted("bypass", "transaction", 1),
        counted("refused", "gone", 3),
        counted("forgot", "save:workflow", 5),
        counted("load", "ms", 4, total=10.0, highest=4.0),
        counted("load.le", "2", 2),
        counted("load.le", "5", 2),
        counted("load", "keys", 10),
        counted("permit", "waited", 3),
        counted("bytes", "read", 90, total=1_234_567.0),
        counted("bytes", "stored", 7, total=88_000.0),
        counted("lag", "", 1, of="", total=2.0, highest=2.0),
        counted("lag.le", "2", 1, of=""),
        counted("verify", "checked", 6),
        counted("breaker", "reset", 2, of=""),
        ago=timedelta(minutes=5),
    )
    written(counted("hit", "near", 1000), ago=timedelta(minutes=6))
    written(counted("hit", "near", 5), ago=timedelta(minutes=90))

    done = call("workflow_cache", "stats")

    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.code == 0
    assert lines[0] == (
        "access reads hits near empty miss bypass refused forgotten load p50 p99 stale"
    )
    assert [line.split()[0] for line in lines[1:5]] == [one.name for one in declared]
    assert lines[2] == "detectors 0 - - - 0 0 0 0 - - -"
    assert lines[4] == ("workflows 2 000 99.5 % 95.0 % 2.2 % 9 1 3 5 2.0 ms 4.0 ms 0")
    assert lines[5:] == [
        "misses: absent 7 · schema 2",
        "bypasses: transaction 1",
        "refused: gone 3",
        "forgotten: save:workflow 5",
        "permits: waited 3",
        "verified: checked 6",
        "breaker: reset 2",
        "bytes: read 1.2 MB · stored 88 kB",
        "commit to forgotten: p50 1.5 ms · p99 2.0 ms",
    ]


def test_stats__window_and_access() -> None:
    written(
        counted("hit", "near", 5),
        counted("bytes", "read", 2, total=800.0),
        ago=timedelta(minutes=90),
    )
    written(counted("hit", "near", 7, of="detectors"))

    done = call(
        "workflow_cache", "stats", "--window", "2h", "--access", "workflows", "--json"
    )

    (line,) = done.lines()
    assert (line["window"]["name"], line["window"]["slot_seconds"]) == ("2h", 60)
    (figures,) = line["figures"]
    assert (figures["access"], figures["reads"], figures["hit_share"]) == (
        "workflows",
        5,
        1.0,
    )
    assert figures["counters"] == {"hit": {"near": 5}, "bytes": {"read": 800}}
    assert figures["load_p50_ms"] is figures["stale"] is None
    assert line["total"] == figures


def test_stats__says_whose_figures_are_missing() -> None:
    now = clock.now()
    for number, expected_at in enumerate((now, now - timedelta(minutes=5))):
        MetricSource.objects.create(
            name=str(number),
            started_at=now - timedelta(hours=1),
            flushed_at=now - timedelta(days=2 * number),
            expected_at=expected_at,
        )

    lately, longer = (
        call("workflow_cache", "stats", f"--window={span}").out for span in ("1h", "7d")
    )

    since = now - timedelta(days=2)
    assert "no figures" not in lately
    assert longer.splitlines()[-1] == (
        f"no figures from 1 of 2 processes since {since:%Y-%m-%d %H:%M} UTC"
    )


@pytest.mark.parametrize("counter", ["verify", "shadow"])
def test_stats__stale_needs_a_look(counter: str) -> None:
    written(counted(counter, "stale", 1))

    done = call("workflow_cache", "stats")

    assert done.code == 1
    assert done.out.splitlines()[4].endswith(" 1")


@pytest.mark.postgres
@pytest.mark.redis
def test_stats__what_the_outbox_owes(workflow: Workflow) -> None:
    before = call("workflow_cache", "stats")
    change_unseen(workflow)

    after = call("workflow_cache", "stats")
    as_json = call("workflow_cache", "stats", "--json")

    (line,) = as_json.lines()
    assert before.out.splitlines()[-1] == "outbox: empty"
    assert after.out.splitlines()[-1].startswith("outbox: 1 row, the oldest ")
    assert line["outbox"]["rows"] == 1
    assert line["outbox"]["oldest_seconds"] >= 0


# --- verify


@pytest.mark.redis
def test_verify__all_equal(workflow: Workflow) -> None:
    done = call("workflow_cache", "verify")

    assert done.code == 0, done.err
    assert done.out == "verified 11 of 11 entries: 11 equal, 0 stale, 0 unreadable\n"


@pytest.mark.redis
def test_verify__stale_is_named_and_forgotten(workflow: Workflow) -> None:
    change_unseen(workflow)

    first = call("workflow_cache", "verify", "--access", "workflows")
    second = call("workflow_cache", "verify", "--access", "workflows")

    assert first.code == 1
    assert first.out.splitlines() == [
        "verified 1 of 1 entries: 0 equal, 1 stale, 0 unreadable",
        f"stale, and forgotten now: workflows {workflow.pk}",
    ]
    assert second.code == 0
    assert second.out.startswith("verified 0 of 0 entries")


@pytest.mark.redis
def test_verify__routes_of_no_row(workflow: Workflow) -> None:
    routes = [("elsewhere", ""), ("elsewhere", "/x")]
    LookUp(detector_ids_by_route).get_many(detector_ids_by_route, routes)

    done = call("workflow_cache", "verify", "--access", "detector_ids_by_route")

    assert done.code == 0
    assert done.out.splitlines() == [
        "verified 8 of 10 entries: 8 equal, 0 stale, 0 unreadable",
        "2 not compared: no row leads to their keys",
    ]


@pytest.mark.redis
@pytest.mark.parametrize(("options", "compared"), [([], 100), (["--all"], 130)])
def test_verify__a_sample_or_all(
    redis: Callable[..., None], options: list[str], compared: int
) -> None:
    LookUp(workflows).get_many(workflows, range(1_000_000, 1_000_130))
    reset()

    done = call("workflow_cache", "verify", *options, "--json")

    (line,) = done.lines()
    assert done.code == 0
    assert (line["there"], line["verified"], line["equal"]) == (130, compared, compared)


@pytest.mark.redis
def test_verify__unreadable_is_not_stale(workflow: Workflow) -> None:
    coherence = current()
    assert isinstance(coherence, CellCoherence)
    name = coherence._places.of(workflows).name(workflow.pk)
    get_redis_connection("default").set(name, b"garbage", px=60_000)

    done = call("workflow_cache", "verify", "--access", "workflows", "--json")

    (line,) = done.lines()
    assert done.code == 0
    assert (line["verified"], line["stale"], line["unreadable"]) == (1, 0, 1)
    assert line["why_unreadable"] == {"undecodable": 1}


@pytest.mark.redis
def test_verify__interrupted_tells_what_was_done(workflow: Workflow) -> None:
    def interrupt(execute: Any, sql: str, *rest: Any) -> Any:
        if 'FROM "workflow_engine_workflow"' in sql:
            raise KeyboardInterrupt
        return execute(sql, *rest)

    with connection.execute_wrapper(interrupt):
        done = call("workflow_cache", "verify")

    assert done.code == 130
    assert done.out == "verified 10 of 11 entries: 10 equal, 0 stale, 0 unreadable\n"
    assert "Interrupted." in done.err


@pytest.mark.postgres
@pytest.mark.redis
def test_verify__its_figures_are_seen_by_the_next_process(
    workflow: Workflow, beside: Callable[..., dict[str, str]], settings: Settings
) -> None:
    environment = beside(**settings.WORKFLOW_ENGINE)

    first = manage(environment, "workflow_cache", "verify", "--access", "workflows")
    second = manage(environment, "workflow_cache", "stats", "--json")

    (line,) = Said(second.returncode, second.stdout, second.stderr).lines()
    (figures,) = [one for one in line["figures"] if one["access"] == "workflows"]
    assert first.stdout.startswith("verified 1 of 1 entries: 1 equal")
    assert (first.returncode, first.stderr) == (0, "")
    assert (second.returncode, second.stderr) == (0, "")
    assert figures["counters"]["verify"] == {"checked": 1, "equal": 1}


# --- forget


@pytest.mark.redis
def test_forget__one_access(workflow: Workflow) -> None:
    done = call("workflow_cache", "forget", "--access", "detectors", "--yes")

    assert done.code == 0, done.err
    assert done.out == "forgot 1 entry of detectors\n"
    assert entries() == {
        "detector_ids_by_route": 8,
        "detectors": 0,
        "workflow_ids_by_detector": 1,
        "workflows": 1,
    }


@pytest.mark.redis
def test_forget__everything_in_every_process(workflow: Workflow) -> None:
    with_near_copies = current()
    LookUp(workflows).get_many(workflows, [workflow.pk])
    LookUp(workflows).get_many(workflows, [workflow.pk])
    change_unseen(workflow)
    CacheOutbox.objects.all().delete()  # or who forgets would first pay what is owed
    reset()

    done = call("workflow_cache", "forget", "--yes", "--json")

    (line,) = done.lines()
    assert {one["access"]: one["entries"] for one in line["forgot"]} == {
        "detector_ids_by_route": 8,
        "detectors": 1,
        "workflow_ids_by_detector": 1,
        "workflows": 1,
    }
    look_up = LookUp(workflows, coherence=with_near_copies)
    snapshot = look_up.get_many(workflows, [workflow.pk])[workflow.pk]
    assert isinstance(snapshot, WorkflowSnapshot)
    assert snapshot.interval_seconds == 1800


@pytest.mark.redis
def test_forget__one_key(workflow: Workflow) -> None:
    key = ["--access", "detector_ids_by_route", "--key", "a.b.c@/repo"]

    first = call("workflow_cache", "forget", *key, "--yes")
    second = call("workflow_cache", "forget", *key, "--yes")

    assert first.out == "forgot 1 entry of detector_ids_by_route: a.b.c@/repo\n"
    assert second.out == "forgot 0 entries of detector_ids_by_route: a.b.c@/repo\n"
    assert entries()["detector_ids_by_route"] == 7


@pytest.mark.redis
@pytest.mark.parametrize(
    ("typed", "left", "told"), [("y\n", 0, ""), ("\n", 1, "nothing was forgotten")]
)
def test_forget__asks_on_a_terminal(
    workflow: Workflow,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    left: int,
    told: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    done = call("workflow_cache", "forget", "--access", "workflows")

    assert done.code == 0
    assert done.err.startswith("Forget all of workflows? [y/N] ")
    assert told in done.err
    assert entries()["workflows"] == left


@pytest.mark.redis
@pytest.mark.parametrize(
    "arguments",
    [["forget", "--yes"], ["verify"], ["peek", "workflows", "7"]],
    ids=lambda arguments: arguments[0],
)
def test_cache__redis_is_away(
    redis: Callable[..., None], settings: Settings, arguments: list[str]
) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": UNREACHED}}

    done = call("workflow_cache", *arguments)

    assert done.code == 3
    assert done.out == ""
    assert "The cache was not reached: " in done.err
    is_told = "stays in the outbox" in done.err and "say it again" in done.err
    assert is_told is (arguments[0] == "forget")


@pytest.mark.postgres
@pytest.mark.parametrize(
    "arguments",
    [["stats"], ["forget", "--yes"], ["peek", "workflows", "7"]],
    ids=lambda arguments: arguments[0],
)
def test_cache__database_is_away(
    arguments: list[str], outside: Callable[..., dict[str, str]]
) -> None:
    away = {**outside(), "WORKFLOW_TEST_POSTGRES_HOST": "/no/such/socket"}

    done = manage(away, "workflow_cache", *arguments)

    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "was not reached" in done.stderr


# --- without Redis


def test_forget__process_store_forgets_everywhere() -> None:
    workflow = WorkflowFactory(interval=600)
    LookUp(workflows).get_many(workflows, [workflow.pk])
    other_process = current()
    reset()

    done = call("workflow_cache", "forget", "--access", "detectors", "--yes")

    assert done.code == 0
    assert done.out == "forgot detectors, in every process\n"
    assert "a new number forgets everything in all of them" in done.err
    assert list(other_process.suffixes(workflows)) == []


@pytest.mark.parametrize(
    ("arguments", "out", "err"),
    [
        (["verify"], "verified 0 of 0 entries", "there is nothing to verify from here"),
        (
            ["peek", "workflows", "7"],
            "without Redis each process keeps its own entries · here: nothing",
            "",
        ),
    ],
    ids=["verify", "peek"],
)
def test_cache__process_store_says_so(arguments: list[str], out: str, err: str) -> None:
    done = call("workflow_cache", *arguments)

    assert done.code == 0
    assert out in done.out
    assert err in done.err


# --- map


def test_map__says_who_spoils_what() -> None:
    done = call("workflow_cache", "map")

    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.code == 0
    assert "Workflow -> workflows direct, by id" in lines
    assert "Detector -> detector_ids_by_route direct, by event_type, source" in lines
    assert any(line.startswith("Action -> workflows resolved, from") for line in lines)


def test_map__json_has_every_pair() -> None:
    done = call("workflow_cache", "map", "--json")

    (line,) = done.lines()
    assert {(one["model"], one["access"]) for one in line["map"]} == {
        (model.__name__, question.name)
        for question in declared
        for model in question.depends_on
    }


# --- peek


def peek(*arguments: str) -> tuple[Said, list[str]]:
    done = call("workflow_cache", "peek", *arguments)
    return done, [" ".join(line.split()) for line in done.out.splitlines()]


@pytest.mark.redis
def test_peek__equal(workflow: Workflow) -> None:
    done, lines = peek("workflows", str(workflow.pk))

    assert done.code == 0
    assert lines[0] == f"workflows / {workflow.pk}"
    assert lines[1].startswith("cell: value · nonce ")
    assert " · schema current · filled " in lines[1]
    assert lines[1].endswith(" min · near copy here: none")
    assert 'name "tell the team" "tell the team"' in lines
    assert "interval_seconds 600 600" in lines
    assert lines[-1] == "equal"


@pytest.mark.redis
def test_peek__different_in_words_and_nothing_is_changed(workflow: Workflow) -> None:
    change_unseen(workflow)

    first, lines = peek("--access", "workflows", "--key", str(workflow.pk))
    second, again = peek(str(workflow.pk), "--access", "workflows")

    assert first.code == second.code == 1
    assert "interval_seconds 600 1800 DIFFERENT" in lines
    assert sum("DIFFERENT" in line for line in lines) == 3  # the revision, the verdict
    assert lines[-1] == "DIFFERENT, checked again after 0.1 s: still different"
    assert again[2:] == lines[2:]
    assert entries()["workflows"] == 1


@pytest.mark.redis
def test_peek__nothing_is_cached(workflow: Workflow) -> None:
    done, lines = peek("detector_ids_by_route", "x.y")

    assert done.code == 0
    assert lines == [
        "detector_ids_by_route / x.y",
        "cell: absent · near copy here: none",
        "cache says database says",
        "answer - []",
        "nothing is cached that would be answered: the next look-up asks the database",
    ]


@pytest.mark.redis
def test_peek__route_json(workflow: Workflow) -> None:
    done, _ = peek("detector_ids_by_route", "a.b.c@/repo", "--json")

    (line,) = done.lines()
    detector_id = workflow.detectors.get().pk
    assert done.code == 0
    assert line["access"] == "detector_ids_by_route"
    assert line["key"] == "a.b.c@/repo"
    assert (line["store"], line["state"]) == ("redis", "value")
    assert line["cache"] == line["database"] == [detector_id]
    assert len(line["nonce"]) == 32
    assert 0 < line["life_left_ms"] <= 1_320_000
    assert line["is_different"] is False


@pytest.mark.redis
def test_peek__secrets_are_not_shown(redis: Callable[..., None]) -> None:
    detector = DetectorFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_detector SET config = %s WHERE id = %s",
            ['{"api_token": "hidden-by-its-name"}', detector.pk],
        )
    LookUp(detectors).get_many(detectors, [detector.pk])

    shown, _ = peek("detectors", str(detector.pk))
    as_json, _ = peek("detectors", str(detector.pk), "--json")

    assert "hidden-by-its-name" not in shown.out + as_json.out
    assert "[redacted]" in shown.out
