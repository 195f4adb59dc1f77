"""Task: only those that the project names, through the sender that is handed in."""

from typing import Any

import pytest
from pytest_django import Settings

from tests.actions.values import UUID, event, firing
from workflow_engine import registry
from workflow_engine.actions import perform, rehearse
from workflow_engine.exceptions import Permanent

CONFIG = {
    "task": "shop.tasks.refund",
    "kwargs": {"cart": "{{ subject }}", "amounts": [1, "{{ data.amount }}"]},
    "queue": "slow",
}


class RecordingSender:
    """Notes the tasks that it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], str | None, str]] = []

    def __call__(
        self, name: str, kwargs: dict[str, Any], queue: str | None, task_id: str
    ) -> None:
        self.sent.append((name, kwargs, queue, task_id))


@pytest.fixture(autouse=True)
def refunds_allowed(settings: Settings) -> None:
    """Name the task of these tests."""
    settings.WORKFLOW_ENGINE = {"TASK_ACTIONS": ["shop.tasks.refund"]}


def test_task__sent_with_the_uuid_as_its_id() -> None:
    sender = RecordingSender()

    attempt = perform("task", firing(send_task=sender), CONFIG)

    kwargs = {"cart": "cart-7", "amounts": [1, "250"]}
    assert attempt.error is None
    assert sender.sent == [("shop.tasks.refund", kwargs, "slow", UUID)]
    assert attempt.delivery.endpoint == "shop.tasks.refund"


def test_task__secret_is_sent_and_not_kept() -> None:
    sender = RecordingSender()
    told = firing(event=event(data={"token": "1"}), send_task=sender)
    kwargs = {"is": "{{ data.token }}", "plain": "1"}

    attempt = perform("task", told, {**CONFIG, "kwargs": kwargs})

    assert sender.sent[0][1] == {"is": "1", "plain": "1"}
    assert attempt.delivery.request["kwargs"] == {"is": "[redacted]", "plain": "1"}


def test_task__defaults() -> None:
    sender = RecordingSender()

    perform("task", firing(send_task=sender), {"task": "shop.tasks.refund"})

    assert sender.sent == [("shop.tasks.refund", {}, None, UUID)]


def test_task__not_named_any_more_when_it_is_performed(settings: Settings) -> None:
    sender = RecordingSender()
    settings.WORKFLOW_ENGINE = {}

    attempt = perform("task", firing(send_task=sender), CONFIG)

    assert type(attempt.error) is Permanent
    assert "'shop.tasks.refund' is not in TASK_ACTIONS" in str(attempt.error)
    assert sender.sent == []


def test_task__broker_does_not_take_it() -> None:
    refusal = ConnectionError("no broker")

    def refuse(name: str, kwargs: Any, queue: str | None, task_id: str) -> None:
        raise refusal

    attempt = perform("task", firing(send_task=refuse), CONFIG)

    assert attempt.error is refusal
    assert attempt.delivery.request["task"] == "shop.tasks.refund"


def test_task__nothing_to_send_with() -> None:
    attempt = perform("task", firing(send_task=None), CONFIG)

    assert type(attempt.error) is Permanent


def test_rehearse__sends_nothing() -> None:
    sender = RecordingSender()

    attempt = rehearse("task", firing(send_task=sender), CONFIG)

    assert sender.sent == []
    assert attempt.delivery.request["kwargs"]["cart"] == "cart-7"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "os.system"}, "'os.system' is not in TASK_ACTIONS; add it there"),
        ({"kwargs": {"a": "{{"}}, "kwargs: Template has '{{'"),
        ({"kwargs": []}, "kwargs: [] is not of type 'object'"),
    ],
)
def test_problems__refused(changed: dict[str, Any], message: str) -> None:
    [problem] = registry.actions.problems("task", {**CONFIG, **changed})

    assert message in problem


def test_problems__none() -> None:
    assert registry.actions.problems("task", CONFIG) == []
