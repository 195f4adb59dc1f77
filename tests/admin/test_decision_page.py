"""The page of a decision: what was compared, what stopped it, what was not asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.traces import (
    condition,
    decided,
    group,
    held_action,
    workflow_line,
)
from tests.factories import DecisionFactory, WorkflowDecisionFactory, WorkflowFactory
from workflow_engine.admin.reasons import SENTENCES, reason_text
from workflow_engine.admin.trace import workflow_part
from workflow_engine.models import Decision
from workflow_engine.types import Reason, Result
from workflow_engine.types.trace import IfLine, to_detail
from workflow_engine.types.verdict import Verdict


def page_of(decision: Decision) -> str:
    return reverse("admin:workflow_engine_decision_change", args=[decision.pk])


def words(response: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(text.split())


def marked(line: Any) -> list[str]:
    part = workflow_part(to_detail(line), "production")
    assert part is not None
    blocks = [part.environment, *part.blocks]
    rows = [row for block in blocks for row in block.rows] + part.actions
    return [row.what for row in rows if row.is_first]


@pytest.mark.django_db
def test_page__draws_every_line(editor: Client) -> None:
    decision = decided(WorkflowFactory())

    text = words(editor.get(page_of(decision)))

    assert "Detector failed-logins" in text
    assert "opened, ok → high, value 9" in text
    assert "environment: yes Wanted Seen Answer production production yes" in text
    assert "when, none of: yes" in text
    assert "if 1, the first of: yes" in text
    assert "data.failed is at least 5 9 yes" in text
    assert "data.failed is at least 5 not asked" in text
    assert "interval · last fired 12 min before ← stopped here" in text
    assert "free again" in text


@pytest.mark.django_db
def test_page__detail_of_another_version_is_shown_as_it_is(editor: Client) -> None:
    decision = DecisionFactory(detail={"detectors": [{"colour": "red"}]})
    WorkflowDecisionFactory(decision=decision, detail={"shape": "round"})

    text = words(editor.get(page_of(decision)))

    assert "colour" in text
    assert "round" in text


@pytest.mark.django_db
@pytest.mark.parametrize("detail", [{}, [], None, {"detectors": []}], ids=str)
def test_page__opens_without_detail(editor: Client, detail: Any) -> None:
    decision = DecisionFactory(detail=detail or {})

    response = editor.get(page_of(decision))

    assert "No detector was asked" in words(response)


YES, NO = condition(Verdict.TRUE, path="data.yes"), condition(Verdict.FALSE)
BROKEN = condition(Verdict.ERROR, path="data.bad", error="type_mismatch", message="x")
UNASKED = condition(None, path="data.later")


@pytest.mark.parametrize(
    ("logic", "verdict", "conditions", "expected"),
    [
        ("all", Verdict.FALSE, (YES, NO), "data.failed is at least 5"),
        ("any", Verdict.FALSE, (NO, NO), "data.failed is at least 5"),
        ("all", Verdict.ERROR, (YES, BROKEN), "data.bad is at least 5"),
        ("none", Verdict.FALSE, (NO, YES), "data.yes is at least 5"),
        ("none", Verdict.ERROR, (NO, BROKEN), "data.bad is at least 5"),
    ],
    ids=["all", "any", "error", "none", "none with an error"],
)
def test_mark__the_condition_that_decided(
    logic: str, verdict: Verdict, conditions: Any, expected: str
) -> None:
    when = group(verdict, *conditions, UNASKED, logic=logic)
    line = workflow_line(Reason.WHEN, Result.NO_MATCH, when=when)

    assert marked(line) == [expected]


def test_mark__environment() -> None:
    line = workflow_line(Reason.ENVIRONMENT, Result.NO_MATCH, environment="staging")

    assert marked(line) == ["staging"]


def test_mark__action_that_was_held() -> None:
    ifs = (IfLine(position=0, verdict=group(Verdict.TRUE, YES)),)
    line = workflow_line(
        Reason.INTERVAL, Result.HELD, ifs=ifs, actions=(held_action(),)
    )

    assert marked(line) == ["email-ops"]


def test_mark__nothing_when_it_fired() -> None:
    ifs = (
        IfLine(position=0, verdict=group(Verdict.FALSE, NO)),
        IfLine(position=1, verdict=group(Verdict.TRUE, YES)),
    )
    line = workflow_line(Reason.SENT, Result.FIRED, ifs=ifs, actions=(held_action(),))

    assert marked(line) == []


def test_reasons__each_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert (
        reason_text("interval") == "interval: The action has acted within the interval."
    )
    assert reason_text("new_in_2031") == "new_in_2031"
