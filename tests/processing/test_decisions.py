"""Decisions: which are kept, what they say, and the buffer that waits for a quiet moment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.processing.queries import running_statements
from tests.processing.world import START, If, World
from tests.waiting import wait_until
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Decision, Workflow, WorkflowDecision
from workflow_engine.processing.buffer import DecisionBuffer, buffer
from workflow_engine.processing.decisions import is_sampled
from workflow_engine.processing.redact import REDACTED
from workflow_engine.types.reasons import Reason, Result, result_of
from workflow_engine.types.trace import Trace

MANY = 2000


def _trace(world: World, id_: str, reason: Reason, **fields: Any) -> Trace:
    return Trace(
        id=f"{hash(id_) & 0xFFFF:032x}",
        event=world.event(id_),
        decided_at=START,
        result=result_of(reason),
        reason=reason,
        **fields,
    )


def test_sampling__fired_and_held_always(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"failed": 0, "no_match": 0}}

    kept = {
        result_of(reason) for reason in Reason if is_sampled(_trace(world, "e", reason))
    }

    assert kept == {Result.FIRED, Result.HELD}


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_sampling__by_share(world: World, settings: Any, share: float) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": share}}
    traces = [_trace(world, f"e{n}", Reason.WHEN) for n in range(MANY)]

    kept = sum(is_sampled(trace) for trace in traces)

    assert abs(kept / MANY - share) < 0.05
    if share in {0, 1}:
        assert kept == share * MANY


def test_sampling__same_on_every_retry(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 0.5}}

    for number in range(20):
        again = {is_sampled(_trace(world, f"e{number}", Reason.WHEN)) for _ in range(3)}
        assert len(again) == 1


def test_sampling__failed_by_default(world: World) -> None:
    assert is_sampled(_trace(world, "e", Reason.CONDITION_ERROR))


def test_trace_until__keeps_all_of_a_workflow(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 0}}
    world.detector("orders")
    later = START + timedelta(hours=1)
    world.workflow("tell", "orders", when=["data.vip eq true"], trace_until=later)

    world.one("e1", vip=False)
    world.at(3600).one("e2", vip=False)
    buffer.flush()

    assert [row.event_id for row in Decision.objects.all()] == ["e1"]


def test_trace_until__of_a_workflow_that_hears_of_an_end(
    world: World, settings: Any
) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 0}}
    world.threshold("hot")
    later = START + timedelta(hours=1)
    world.workflow("tell", "hot", trace_until=later)
    world.one("begins", value=11)

    world.one("ends", value=1)
    buffer.flush()

    assert Decision.objects.filter(event_id="ends").exists()


def test_decision__says_what_was_compared(world: World) -> None:
    world.detector("orders", trigger=["data.amount gt 5"])
    ifs = [If(conditions=["data.vip eq true"])]
    world.workflow("tell", "orders", when=['data.country ne "DE"'], ifs=ifs)

    data = {"amount": 9, "vip": True, "country": "CH", "password": "x"}
    world.one("e1", data=data, environment="live")

    decision = Decision.objects.get()
    line = WorkflowDecision.objects.get()
    (detector,) = decision.detail["detectors"]
    assert detector["trigger"]["conditions"][0]["seen"] == 9
    assert (decision.event_id, decision.environment, decision.outcome) == (
        "e1",
        "live",
        "fired",
    )
    assert decision.event["data"]["password"] == REDACTED
    when = line.detail["when"]
    assert (when["logic"], when["verdict"]) == ("all", "yes")
    assert when["conditions"][0]["seen"] == "CH"
    assert when["conditions"][0]["wanted"] == {"value": "DE"}
    assert line.detail["ifs"][0]["verdict"]["verdict"] == "yes"
    assert line.detail["actions"][0]["reason"] == "sent"
    assert len(line.revision) == 12


def test_decision__of_no_match_waits_in_memory(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}

    with CaptureQueriesContext(connection) as queries:
        world.one("e1")
    assert running_statements(queries) == []
    written = buffer.flush()

    assert written == 1
    assert Decision.objects.get().reason == "no_detector"


def _dropped(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    """Return level and number of each word about decisions that were dropped."""
    return [
        (record.levelname, record.__dict__["decisions"])
        for record in caplog.records
        if record.__dict__.get("action") in {"drop_decisions", "flush_decisions"}
    ]


def _counted() -> dict[str, int]:
    """Return how many decisions were counted as lost, by the reason."""
    return {f.reason: f.count for f in counts.take() if f.counter == "decision"}


def test_buffer__is_bounded_and_says_what_it_dropped(
    world: World, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_BUFFER": 3}
    mine = DecisionBuffer()

    mine.add([_trace(world, f"e{n}", Reason.WHEN) for n in range(4)])
    mine.add([_trace(world, "e5", Reason.WHEN)])
    written = [mine.flush(), mine.flush()]

    assert written == [3, 0]
    assert _dropped(caplog) == [("WARNING", 2)]
    assert _counted() == {"dropped": 2}


def test_buffer__of_no_size_keeps_nothing(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_BUFFER": 0}
    mine = DecisionBuffer()

    mine.add([_trace(world, "e1", Reason.WHEN)])

    assert mine.flush() == 0


def test_buffer__error_of_the_database_drops_and_counts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    mine = DecisionBuffer()
    twin = _trace(world, "e1", Reason.WHEN)
    mine.add([twin, twin])

    written = [mine.flush(), mine.flush()]

    assert written == [0, 0]
    assert _dropped(caplog) == [("ERROR", 2)]
    assert _counted() == {"error": 2}


FORKS = """
import os, sys
import django
django.setup()
from django.core.management import call_command
from workflow_engine import clock
from workflow_engine.models import Decision
from workflow_engine.processing.buffer import buffer
from workflow_engine.types.event import Event
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.trace import Trace

call_command("migrate", verbosity=0)
now = clock.now()
event = Event(id="e1", source="s", type="t", time=now, accepted_at=now)
trace = Trace(
    id="0" * 32, event=event, decided_at=now, result=Result.NO_MATCH,
    reason=Reason.NO_DETECTOR,
)
buffer.add([trace])
child = os.fork()
if not child:
    {child}
    sys.exit()  # as every process that ends in order, it writes what it has
os.waitpid(child, 0)
print(Decision.objects.count(), buffer.flush(), Decision.objects.count())
"""


@pytest.mark.parametrize("child", ["pass", "buffer.flush()", "buffer.discard()"])
def test_buffer__is_empty_in_a_forked_child(tmp_path: Path, child: str) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "settings.test",
        "WORKFLOW_TEST_DB": "sqlite",
        "WORKFLOW_TEST_SQLITE_FILE": str(tmp_path / "db.sqlite3"),
    }

    ran = subprocess.run(
        [sys.executable, "-c", FORKS.replace("{child}", child)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.stdout.split() == ["0", "1", "1"], ran.stderr


def test_buffer__discard_forgets(world: World) -> None:
    mine = DecisionBuffer()
    mine.add([_trace(world, "e1", Reason.WHEN)])

    mine.discard()

    assert mine.flush() == 0
    assert Decision.objects.count() == 0


def test_buffer__loses_nothing_to_threads(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_BUFFER": 10_000}
    mine = DecisionBuffer()
    traces = [_trace(world, f"e{n}", Reason.WHEN) for n in range(50)]

    def add() -> None:
        for trace in traces:
            mine.add([trace])

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = len(mine._traces)
    mine.discard()
    assert (held, mine.dropped) == (200, 0)


@pytest.mark.django_db(transaction=True)
def test_buffer__outlives_a_workflow_deleted_meanwhile(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}
    world = World()
    world.detector("orders")
    world.workflow("tell", "orders", when=["data.vip eq true"])
    world.one(vip=False)
    Workflow.objects.all().delete()

    assert buffer.flush() == 1

    line = WorkflowDecision.objects.get()
    assert (line.workflow, line.workflow_slug, line.reason) == (None, "tell", "when")


@pytest.mark.django_db(transaction=True)
def test_buffer__is_written_by_its_own_timer(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 1}
    world, mine = World(), DecisionBuffer()

    mine.add([_trace(world, "e1", Reason.WHEN)])

    wait_until(Decision.objects.exists, "the decision is written", limit_seconds=20)
