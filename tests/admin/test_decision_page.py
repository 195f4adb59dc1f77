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
from tests.factories import (
    DecisionFactory,
    FiringFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
)
from workflow_engine.admin.became import FIRINGS_SHOWN
from workflow_engine.admin.reasons import SENTENCES, reason_text
from workflow_engine.admin.trace import workflow_part
from workflow_engine.models import Decision
from workflow_engine.types import Reason, Result
from workflow_engine.types.trace import ActionLine, IfLine, to_detail
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


def sent(firing: str) -> ActionLine:
    return ActionLine(
        action_id=1,
        action="email-ops",
        position=0,
        reason=Reason.SENT,
        firing=firing,
    )


@pytest.mark.django_db
def test_page__leads_to_what_became_of_its_firings(editor: Client) -> None:
    firing = FiringFactory(
        failed=True, reason="attempts_used", attempts=8, workflow_slug="tell-the-team"
    )
    line = workflow_line(Reason.SENT, Result.FIRED, actions=(sent(firing.uuid.hex),))
    decision = decided(WorkflowFactory(), line)
    type(firing).objects.update(decision=decision.uuid)

    response = editor.get(page_of(decision))

    text = words(response)
    assert "failed attempts_used: Every attempt failed. 8" in text
    assert "email-ops sent failed" in text
    page = reverse("admin:workflow_engine_firing_change", args=[firing.pk])
    assert response.content.decode().count(f'href="{page}"') == 2


@pytest.mark.django_db
def test_page__firing_that_an_action_was_merged_into(editor: Client) -> None:
    firing = FiringFactory()
    other = FiringFactory(failed=True)
    line = workflow_line(Reason.SENT, Result.FIRED, actions=(sent(firing.uuid.hex),))

    text = words(editor.get(page_of(decided(WorkflowFactory(), line))))

    assert "email-ops sent due" in text
    assert other.action_slug not in text


@pytest.mark.django_db
def test_page__shows_so_many_firings(editor: Client) -> None:
    decision = DecisionFactory()
    FiringFactory.create_batch(FIRINGS_SHOWN + 1, decision=decision)

    response = editor.get(page_of(decision))

    rows = response.context["firings"]
    assert len(rows) == FIRINGS_SHOWN
    assert f"Only the first {FIRINGS_SHOWN} are shown." in words(response)
    everything = editor.get(response.context["all_firings"])
    assert len(everything.context["cl"].result_list) == FIRINGS_SHOWN + 1


@pytest.mark.django_db
def test_list__says_what_became_of_it(editor: Client) -> None:
    decision, quiet = DecisionFactory(), DecisionFactory(has_error=True)
    FiringFactory(decision=decision, failed=True)
    FiringFactory.create_batch(2, decision=decision)
    FiringFactory()

    address = reverse("admin:workflow_engine_decision_changelist")
    response = editor.get(address)

    rows = {row.pk: row.became for row in response.context["cl"].result_list}
    assert rows == {decision.pk: "due and failed", quiet.pk: ""}
    assert words(response).count("! error") == 1
    page = response.content.decode()
    assert "icon-no" not in page
    (link,) = re.findall(r'href="([^"]*decision__uuid__exact[^"]*)"', page)
    found = editor.get(link.replace("&amp;", "&")).context["cl"].result_list
    assert len(found) == 3


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
