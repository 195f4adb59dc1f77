"""Checks: every id, with its sentence and its cure; and nothing for a project that is well."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, run_checks
from django.db import connection, connections
from django_redis.cache import RedisCache
from pytest_django import Settings

from settings.base import redis_cache
from tests.factories import ActionFactory, ConditionFactory, DetectorFactory
from workflow_engine import checks, conf, registry
from workflow_engine.caches import CacheAccess, CacheMapping, Direct, declared
from workflow_engine.models import Action, Condition, Detector

ROOT = Path(__file__).resolve().parent.parent
IDS = re.compile(r'"([EWI]\d{3})"')


def _found(*, databases: list[str] | None = None) -> list[CheckMessage]:
    """Return what our checks say, those for deployment too."""
    tags = ["database"] if databases else ["workflow_engine"]
    said = run_checks(tags=tags, include_deployment_checks=True, databases=databases)
    return [m for m in said if str(m.id).startswith("workflow_engine.")]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What brings a check about, and what it says then."""

    id: str
    message: str
    hint: str
    given: Any = field(default_factory=dict)
    celery: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case(
        id="E001",
        given=[],
        message="WORKFLOW_ENGINE must be a dictionary, not a list.",
        hint="Write WORKFLOW_ENGINE = {}.",
    ),
    Case(
        id="E002",
        given={"EVENT_BACH": 5},
        message="Unknown key 'EVENT_BACH' in WORKFLOW_ENGINE.",
        hint="Did you mean 'EVENT_BATCH'?",
    ),
    Case(
        id="E003",
        given={"POLL_SECONDS": "1s"},
        message=(
            "WORKFLOW_ENGINE['POLL_SECONDS'] must be a number from 0.05 to 60, "
            "not '1s'."
        ),
        hint="Remove it to use 1.",
    ),
    Case(
        id="E009",
        given={"ITEM_LEASE_SECONDS": 30},
        message=(
            "ITEM_LEASE_SECONDS (30) must be longer than ACTION_SECONDS (60), "
            "or an item could run twice at once."
        ),
        hint="Set ITEM_LEASE_SECONDS to 120.",
    ),
    Case(
        id="W001",
        given={"EXECUTOR": "celery"},
        celery={"broker_url": None, "broker_write_url": None},
        message="EXECUTOR is 'celery' but the Celery app of this process has no broker.",
        hint="Set CELERY_BROKER_URL, and import the app in the project's __init__.py.",
    ),
    Case(
        id="W002",
        celery={"task_always_eager": True},
        message="CELERY_TASK_ALWAYS_EAGER is on: events run inside the request.",
        hint="Use EXECUTOR 'threads' to run without a broker.",
    ),
    Case(
        id="W003",
        celery={"broker_transport_options": {"visibility_timeout": 60}},
        message=(
            "The broker's visibility_timeout (60 s) is shorter than the longest "
            "time limit (120 s)."
        ),
        hint="Raise it; every app on that broker must agree.",
    ),
    Case(
        id="W004",
        celery={"task_time_limit": None},
        message="No time limit for tasks: a hung action holds a worker for ever.",
        hint="CELERY_TASK_TIME_LIMIT = 120",
    ),
    Case(
        id="W009",
        given={"WEBHOOK": {"allow_private": True}},
        message="Webhooks may reach private addresses.",
        hint="Remove WEBHOOK['allow_private'].",
    ),
    Case(
        id="W010",
        given={"METRICS_TOKEN": "fifteen-letters"},
        message="METRICS_TOKEN is shorter than 16 characters: it can be guessed.",
        hint='python -c "import secrets; print(secrets.token_urlsafe(32))"',
    ),
    Case(
        id="W011",
        given={"RETAIN_DAYS": {"decisions": None, "firings": None}},
        message="Rows are kept for ever: decisions, firings.",
        hint="RETAIN_DAYS = {'decisions': 90}",
    ),
    Case(
        id="W013",
        given={"EXECUTOR": "threads"},
        message="EXECUTOR is 'threads': items run inside the web processes.",
        hint="Configure Celery, or run workflow_queue.",
    ),
]
#: Brought about by a test of their own, below.
OTHERS = {"E004", "E005", "E006", "E008", "E011", "E012"}
OTHERS |= {"E013", "E014", "W005", "W006", "W014", "I001", "I002", "I003"}

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
REDIS = redis_cache("redis://127.0.0.1:1/0")


@pytest.fixture(autouse=True)
def clean_project(settings: Settings) -> None:
    """Say nothing in the settings but what a test adds."""
    settings.WORKFLOW_ENGINE = {}
    settings.CACHES = {"default": LOCMEM}


def test_cases__every_id_has_one() -> None:
    places = [Path(str(module.__file__)).parent for module in (checks, conf)]
    sources = [path for place in places for path in place.glob("*.py")]
    written = {one for path in sources for one in IDS.findall(path.read_text())}

    assert {case.id for case in CASES} | OTHERS == written


def test_checks__project_that_is_well() -> None:
    assert _found() == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_check(settings: Settings, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    settings.WORKFLOW_ENGINE = case.given
    for name, value in case.celery.items():
        monkeypatch.setitem(current_app.conf, name, value)

    (found,) = _found()

    assert found.id == f"workflow_engine.{case.id}"
    assert (found.msg, found.hint) == (case.message, case.hint)


def test_check__e006(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "mysql")
    monkeypatch.setattr(connections["default"], "display_name", "MySQL")

    (found,) = _found()

    assert found.id == "workflow_engine.E006"
    assert found.msg == "Database 'default' is MySQL, which is not supported."
    assert found.hint == "PostgreSQL 15+ or SQLite; set DATABASE to its alias."


def _only(number: str) -> CheckMessage:
    (found,) = [one for one in _found() if one.id == f"workflow_engine.{number}"]
    return found


def test_check__e014(settings: Settings) -> None:
    settings.USE_TZ = False

    (found,) = _found()

    assert found.id == "workflow_engine.E014"
    assert found.msg == (
        "USE_TZ is False: moments read from the database have no time zone, and cannot "
        "be compared with those of events and items."
    )
    assert found.hint == "USE_TZ = True"


def test_check__e004(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "wf"}

    found = _only("E004")

    assert found.msg == "Cache alias 'wf' is not in CACHES."
    assert found.hint == "Add it, or remove CACHE_ALIAS to run without Redis."


@pytest.mark.parametrize(
    ("backend", "message", "hint"),
    [
        (
            "django.core.cache.backends.locmem.LocMemCache",
            "is a LocMemCache, which cannot keep the promises of this app.",
            "Use django_redis.cache.RedisCache, or remove CACHE_ALIAS.",
        ),
        (
            "django.core.cache.backends.redis.RedisCache",
            "is a RedisCache, which cannot keep the promises of this app.",
            "Use django_redis.cache.RedisCache, or remove CACHE_ALIAS.",
        ),
        (
            "nowhere.Cache",
            "has a backend that cannot be imported: No module named 'nowhere'.",
            'pip install "django-detector-workflows[redis]"',
        ),
    ],
)
def test_check__e005(settings: Settings, backend: str, message: str, hint: str) -> None:
    settings.CACHES = {"default": LOCMEM, "wf": {"BACKEND": backend}}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "wf"}

    found = _only("E005")

    assert (found.msg, found.hint) == (f"Cache alias 'wf' {message}", hint)


class OwnCache(RedisCache):  # type: ignore[misc] # the library has no types
    """A project's own kind of the one backend there may be."""


@pytest.mark.parametrize("backend", [REDIS["BACKEND"], f"{__name__}.OwnCache"])
def test_check__the_one_backend_there_may_be(settings: Settings, backend: str) -> None:
    settings.CACHES = {"default": LOCMEM, "wf": {**REDIS, "BACKEND": backend}}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "wf"}

    said = {message.id for message in _found()}

    assert said <= {"workflow_engine.W006"}
    assert bool(said) is (connection.vendor == "sqlite")


def test_check__w006(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    settings.CACHES = {"default": REDIS}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "default"}

    found = _only("W006")

    assert found.msg == (
        "CACHE_ALIAS is set but database 'default' is SQLite: "
        "only signals and the life of an entry forget."
    )
    assert found.hint == (
        "Remove CACHE_ALIAS (the process store is exact), or use PostgreSQL."
    )


@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ({}, True),
        ({"SOCKET_TIMEOUT": 1}, True),
        ({"SOCKET_CONNECT_TIMEOUT": 1}, True),
        ({"SOCKET_TIMEOUT": 1, "SOCKET_CONNECT_TIMEOUT": 1}, False),
        (
            {
                "SOCKET_TIMEOUT": 1,
                "CONNECTION_POOL_KWARGS": {"socket_connect_timeout": 1},
            },
            False,
        ),
    ],
)
def test_check__w005(settings: Settings, given: dict[str, Any], *, warns: bool) -> None:
    settings.CACHES = {"default": {**REDIS, "OPTIONS": given}}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "default"}

    found = [one for one in _found() if one.id == "workflow_engine.W005"]

    assert [(one.msg, one.hint) for one in found] == [
        (
            (
                "Cache alias 'default' has no socket time-out: "
                "a hung Redis would hang every look-up."
            ),
            "OPTIONS: SOCKET_TIMEOUT 0.2, SOCKET_CONNECT_TIMEOUT 0.2",
        )
    ] * warns


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
def test_check__i002(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    monkeypatch.setattr(connections["default"], "vendor", vendor)
    given = {"transaction_mode": "IMMEDIATE"}
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", given)
    settings.CACHES = {"default": LOCMEM, "fast": REDIS}

    if vendor == "sqlite":
        assert _found() == []  # W006 would advise against it
        return

    (found,) = _found()

    assert found.id == "workflow_engine.I002"
    assert found.msg == "CACHES has a django-redis entry but CACHE_ALIAS is not set."
    assert found.hint == 'WORKFLOW_ENGINE = {"CACHE_ALIAS": "fast"}'


def test_check__e013() -> None:
    question = CacheAccess(
        CacheMapping("users", str),
        load=lambda keys: dict.fromkeys(keys, 0),
        depends_on={User: Direct(("id",), lambda row: {row["id"]})},
        value_type=int,
    )
    try:
        (found,) = _found()
    finally:
        declared.remove(question)

    assert found.id == "workflow_engine.E013"
    assert found.msg == (
        "users depends on auth.User, whose changes no database trigger of this app "
        "records: answers would grow stale."
    )
    assert found.hint == (
        "A cached question may depend on the rules of workflow_engine only."
    )


@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ({}, True),
        ({"transaction_mode": None}, True),
        ({"transaction_mode": "DEFERRED"}, True),
        ({"transaction_mode": "immediate"}, False),
        ({"transaction_mode": "EXCLUSIVE"}, False),
    ],
)
def test_check__w014(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], *, warns: bool
) -> None:
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", given)

    found = [one for one in _found() if one.id == "workflow_engine.W014"]

    assert [(one.msg, one.hint) for one in found] == [
        (
            (
                "Database 'default' is SQLite without transaction_mode IMMEDIATE: of two "
                "processes that write at once, one fails with 'database is locked'."
            ),
            'OPTIONS: "transaction_mode": "IMMEDIATE", "timeout": 20',
        )
    ] * warns


def test_check__i001(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    assert _found() == []  # nobody means to read them

    settings.WORKFLOW_ENGINE = {"METRICS_TOKEN": "sixteen-letters-"}

    (found,) = _found()

    assert found.id == "workflow_engine.I001"
    assert found.msg == "prometheus-client is not installed; /metrics answers 404."
    assert found.hint == 'pip install "django-detector-workflows[prometheus]"'


def test_check__token_that_is_long_enough(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_TOKEN": "sixteen-letters-"}

    assert _found() == []


def test_check__i003(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"NEAR_MAX_STALENESS": 5}

    (found,) = _found()

    assert found.id == "workflow_engine.I003"
    assert found.msg == (
        "NEAR_MAX_STALENESS is 5: answers may be 5 s older than C1 and C2 promise."
    )
    assert found.hint == "0"


def test_check__mode_of_an_access_that_is_not_there(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {
        "CACHE_MODE": {"workflows": "shadow", "works": "shadow"}
    }

    (found,) = _found()

    assert found.id == "workflow_engine.E003"
    assert found.msg == (
        "WORKFLOW_ENGINE['CACHE_MODE'] names the access 'works', which is not there."
    )
    assert "workflows" in str(found.hint)


@pytest.mark.django_db
def test_check__e012() -> None:
    table = Condition._meta.db_table
    trigger = "wfe_cache_update"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER {trigger}')
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s",
                [table],
            )
            cursor.execute(f'DROP TRIGGER "{cursor.fetchone()[0]}"')

    (found,) = _found(databases=["default"])

    assert found.id == "workflow_engine.E012"
    assert found.msg == (
        f"The database trigger of table {table} is missing or disabled."
    )
    assert found.hint == "python manage.py migrate workflow_engine"


def test_check__e008(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "No module named 'twilio'"
    monkeypatch.setitem(registry.broken_modules, "shop.workflow_handlers", why)

    (found,) = _found()

    assert found.id == "workflow_engine.E008"
    assert found.msg == (
        "shop.workflow_handlers cannot be imported: No module named 'twilio'."
    )
    assert found.hint == "Install it, or remove the import."


def test_check__celery_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads"}
    monkeypatch.setitem(current_app.conf, "task_always_eager", True)
    monkeypatch.setitem(current_app.conf, "task_time_limit", None)

    assert [message.id for message in _found()] == ["workflow_engine.W013"]


def test_check__visibility_equals_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = {"visibility_timeout": 120}
    monkeypatch.setitem(current_app.conf, "broker_transport_options", transport)

    assert _found() == []


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("factory", "column", "noun", "one", "many"),
    [
        (ConditionFactory, "type", "Condition type", "condition", "conditions"),
        (DetectorFactory, "kind", "Detector kind", "detector", "detectors"),
        (ActionFactory, "kind", "Action kind", "action", "actions"),
    ],
    ids=["condition", "detector", "action"],
)
@pytest.mark.django_db
def test_check__e011(
    factory: Callable[[], Condition | Detector | Action],
    column: str,
    noun: str,
    one: str,
    many: str,
    rows: int,
) -> None:
    made = [factory() for _ in range(rows)]
    factory()  # is fine, and not to be counted
    table = connection.ops.quote_name(made[0]._meta.db_table)
    with connection.cursor() as cursor:
        for row in made:
            cursor.execute(
                f"UPDATE {table} SET {column} = 'geo' WHERE id = %s",  # noqa: S608
                [row.pk],
            )

    (found,) = _found(databases=["default"])

    names = one if rows == 1 else many
    assert found.id == "workflow_engine.E011"
    assert found.msg == f"{noun} 'geo' is used by {rows} {names} but not registered."
    assert found.hint == "Install the app that registers it, or delete them."


@pytest.mark.django_db
def test_check__e011_rows_that_are_well() -> None:
    ConditionFactory()
    DetectorFactory()
    ActionFactory()

    assert _found(databases=["default"]) == []


@pytest.mark.django_db
def test_check__e011_before_the_first_migration() -> None:
    table = Condition._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO not_there_yet')

    assert _found(databases=["default"]) == []


HANDLERS = """
from workflow_engine.api import register_action

@register_action("sms", schema={{"type": "object"}})
def {name}(firing, config):
    pass
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Return how to run `manage.py check` in a project with these apps beside ours."""

    def run(*apps: str) -> "subprocess.CompletedProcess[str]":
        project = tmp_path / "project_settings.py"
        project.write_text(
            "from settings.test import *\n"
            "WORKFLOW_ENGINE = {}\n"
            f"INSTALLED_APPS = [*INSTALLED_APPS, *{list(apps)}]\n"
        )
        places = (str(tmp_path), os.environ.get("PYTHONPATH", ""))
        return subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(place for place in places if place),
                "DJANGO_SETTINGS_MODULE": "project_settings",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def app(tmp_path: Path) -> Callable[..., str]:
    """Return how to write an app with a module of handlers."""

    def write(name: str, handlers: str) -> str:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "workflow_handlers.py").write_text(handlers)
        return name

    return write


def test_start__two_handlers_of_one_name(
    start: Callable[..., "subprocess.CompletedProcess[str]"], app: Callable[..., str]
) -> None:
    shop = app("shop", HANDLERS.format(name="send_sms"))
    crm = app("crm", HANDLERS.format(name="text"))

    done = start(shop, crm)

    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(
        "(workflow_engine.E007) Action kind 'sms' is registered twice: "
        "shop.workflow_handlers.send_sms and crm.workflow_handlers.text. "
        "Rename one; names are stored in rows."
    )


def test_start__handlers_that_cannot_be_imported(
    start: Callable[..., "subprocess.CompletedProcess[str]"], app: Callable[..., str]
) -> None:
    shop = app("shop", "import no_such_module_anywhere")
    crm = app("crm", HANDLERS.format(name="text"))

    done = start(shop, crm)

    assert done.returncode == 1
    assert (
        "(workflow_engine.E008) shop.workflow_handlers cannot be imported: "
        "No module named 'no_such_module_anywhere'.\n"
        "\tHINT: Install it, or remove the import." in done.stderr
    )


def test_start__apps_with_and_without_handlers(
    start: Callable[..., "subprocess.CompletedProcess[str]"],
    app: Callable[..., str],
    tmp_path: Path,
) -> None:
    shop = app("shop", HANDLERS.format(name="text"))
    (tmp_path / "single.py").write_text('"""An app of one module."""')

    done = start(shop, "single")

    assert done.returncode == 0, done.stderr
    assert "E008" not in done.stderr
    assert "identified" in done.stdout + done.stderr
