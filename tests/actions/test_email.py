"""E-mail, through Django's own backends and one that fails like a server."""

import smtplib
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django import Settings

from tests.actions.values import UUID, event, firing
from workflow_engine import registry
from workflow_engine.actions import perform, rehearse
from workflow_engine.exceptions import EndpointFailed, Permanent

CONFIG = {
    "to": ["ops@example.com", "dev@example.com"],
    "subject": "{{ data.name }} failed",
    "text": "Order of {{ data.name }}, {{ data.amount }} EUR",
    "html": "<b>{{ data.name }}</b>",
}


class Failing(BaseEmailBackend):
    """A mail server that answers with `error`; `timeout` is what it was given."""

    error: ClassVar[Exception]
    seen: ClassVar[list[Any]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.timeout = None

    def send_messages(self, messages: Any) -> int:
        self.seen.append(self.timeout)
        raise self.error


@pytest.fixture
def failing(settings: Settings) -> type[Failing]:
    """Send mail to a server whose `error` a test sets."""
    settings.EMAIL_BACKEND = f"{__name__}.Failing"
    Failing.seen.clear()
    return Failing


def test_email__sent(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"EMAIL_FROM": "Alerts <alerts@example.org>"}

    attempt = perform("email", firing(), CONFIG)

    [message] = mail.outbox
    assert attempt.error is None
    assert attempt.delivery.endpoint == "ops@example.com and 1 more"
    assert attempt.delivery.request["subject"] == "Ada failed"
    assert message.subject == "Ada failed"
    assert message.to == ["ops@example.com", "dev@example.com"]
    assert message.from_email == "Alerts <alerts@example.org>"
    assert message.body == "Order of Ada, 250 EUR"
    assert message.message()["Message-ID"] == f"<{UUID}@example.org>"


def test_email__secret_is_sent_and_not_kept() -> None:
    told = firing(event=event(data={"token": "1<"}))
    texts = dict.fromkeys(("subject", "text", "html"), "1: {{ data.token }}")

    attempt = perform("email", told, {"to": ["ops@example.com"], **texts})

    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert (message.subject, message.body) == ("1: 1<", "1: 1<")
    assert message.alternatives[0][0] == "1: 1&lt;"
    kept = [attempt.delivery.request[name] for name in texts]
    assert kept == ["1: [redacted]"] * 3


def test_email__default_sender(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {}
    settings.DEFAULT_FROM_EMAIL = "root@shop.example"

    perform("email", firing(), {**CONFIG, "to": ["ops@example.com"]})

    assert mail.outbox[0].from_email == "root@shop.example"
    assert mail.outbox[0].message()["Message-ID"] == f"<{UUID}@shop.example>"


def test_email__values_are_escaped_where_they_are_html() -> None:
    data = {"name": "</b><script>&", "amount": 1}

    perform("email", firing(event=event(data=data)), CONFIG)

    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    [(html, kind)] = [tuple(one) for one in message.alternatives]
    assert (html, kind) == ("<b>&lt;/b&gt;&lt;script&gt;&amp;</b>", "text/html")
    assert message.body == "Order of </b><script>&, 1 EUR"


def test_email__without_html() -> None:
    perform("email", firing(), {key: CONFIG[key] for key in ("to", "subject", "text")})

    [message] = mail.outbox
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert message.alternatives == []


@pytest.mark.parametrize(
    "name", ["a\r\nBcc: x@example.com", "a\nBcc: x@example.com", "a\u2028\x0bBcc: x"]
)
def test_email__line_breaks_in_the_subject_become_spaces(name: str) -> None:
    attempt = perform("email", firing(event=event(data={"name": name})), CONFIG)

    [message] = mail.outbox
    assert attempt.error is None
    assert message.subject.startswith("a Bcc: x")
    assert message.message()["Bcc"] is None


def test_email__long_subject_is_cut() -> None:
    data = {"name": "x" * 500}

    attempt = perform("email", firing(event=event(data=data)), CONFIG)

    assert len(mail.outbox[0].subject) == 200
    assert "cut at 200 characters" in attempt.delivery.notes


def test_email__test_is_marked() -> None:
    perform("email", firing(purpose="test"), CONFIG)

    assert mail.outbox[0].subject == "[test] Ada failed"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (smtplib.SMTPResponseException(451, b"try later"), EndpointFailed, 451),
        (smtplib.SMTPDataError(550, b"spam"), Permanent, 550),
        (smtplib.SMTPSenderRefused(553, b"who?", "x"), Permanent, 553),
        (smtplib.SMTPAuthenticationError(535, b"no"), Permanent, 535),
        (smtplib.SMTPConnectError(421, "busy"), EndpointFailed, 421),
        (
            smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (451, b"later")}),
            EndpointFailed,
            451,
        ),
        (
            smtplib.SMTPRecipientsRefused({"a": (550, b"no"), "b": (551, b"no")}),
            Permanent,
            550,
        ),
        (smtplib.SMTPServerDisconnected("bye"), EndpointFailed, None),
        (ConnectionRefusedError("nobody there"), EndpointFailed, None),
        (TimeoutError("slow"), EndpointFailed, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_email__failure(
    failing: type[Failing], error: Exception, kind: type[Exception], status: int | None
) -> None:
    failing.error = error

    attempt = perform("email", firing(), CONFIG)

    assert type(attempt.error) is kind
    assert attempt.delivery.status == status
    assert attempt.delivery.request["subject"] == "Ada failed"


def test_email__server_that_hangs_is_left_at_the_time_of_the_firing(
    failing: type[Failing],
) -> None:
    failing.error = TimeoutError("slow")

    perform("email", firing(timeout_seconds=7), CONFIG)

    assert failing.seen == [7]


def test_rehearse__sends_nothing() -> None:
    attempt = rehearse("email", firing(), CONFIG)

    assert attempt.error is None
    assert attempt.delivery.request["html"] == "<b>Ada</b>"
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"to": []}, "to: [] should be non-empty"),
        ({"to": ["a@example.com"] * 2}, "non-unique"),
        ({"to": [f"a{n}@example.com" for n in range(51)]}, "to: "),
        ({"to": ["{{ data.mail }}"]}, "to: '{{ data.mail }}' is no e-mail address"),
        ({"to": ["a@example.com\nBcc: b@example.com"]}, "is no e-mail address"),
        ({"subject": "x" * 201}, "subject: "),
        ({"subject": "{{ data"}, "subject: Template has"),
        ({"text": ""}, "text: '' should be non-empty"),
        ({"text": "{% if x %}"}, "text: Template has '{%'"),
        ({"html": "{{ data.x|safe }}"}, "html: Template has filter 'safe'"),
        ({"cc": []}, "'cc' was unexpected"),
    ],
)
def test_problems__refused(changed: dict[str, Any], message: str) -> None:
    found = registry.actions.problems("email", {**CONFIG, **changed})

    assert any(message in problem for problem in found), found


def test_problems__none() -> None:
    assert registry.actions.problems("email", CONFIG) == []
