"""Log: one line, whatever the values hold."""

import logging

import pytest

from tests.actions.values import UUID, event, firing
from workflow_engine import registry
from workflow_engine.actions import perform, rehearse

LOGGER = "workflow_engine.actions.log"


def test_log__line_with_its_level_and_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    config = {"level": "error", "message": "{{ subject }} of {{ data.name }}"}

    attempt = perform("log", firing(), config)

    [record] = caplog.records
    assert attempt.error is None
    assert attempt.delivery.endpoint == LOGGER
    assert (record.name, record.levelno) == (LOGGER, logging.ERROR)
    assert record.getMessage() == "cart-7 of Ada"
    assert vars(record)["firing"] == UUID
    assert vars(record)["action"] == "email-ops"


def test_log__value_makes_no_second_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    data = {"name": "x\r\nERROR forged %s"}

    perform("log", firing(event=event(data=data)), {"message": "{{ data.name }}"})

    assert caplog.messages == ["x ERROR forged %s"]
    assert caplog.records[0].levelno == logging.INFO


def test_log__keeps_secrets_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    told = firing(event=event(data={"token": "hunter2", "name": "Ada"}))
    message = "{{ data.name }} {{ data.token|upper }} {{ data }} {{ data.none }}"

    attempt = perform("log", told, {"message": message})

    hidden = 'Ada [redacted] {"token":"[redacted]","name":"Ada"}'
    assert caplog.messages == [hidden]
    assert attempt.delivery.request["message"] == hidden
    assert attempt.delivery.notes == ("data.none is missing",)


def test_rehearse__writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)

    attempt = rehearse("log", firing(purpose="test"), {"message": "hello"})

    assert caplog.records == []
    assert attempt.delivery.request == {"level": "info", "message": "[test] hello"}


@pytest.mark.parametrize(
    "config",
    [{}, {"message": ""}, {"message": "{{"}, {"message": "x", "level": "loud"}],
)
def test_problems__refused(config: dict[str, str]) -> None:
    assert registry.actions.problems("log", config)
