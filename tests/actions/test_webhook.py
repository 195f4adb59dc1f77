"""Webhooks, against real servers on this machine."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook as Verifier

from tests.actions.conftest import KnownNames
from tests.actions.receiver import CERTIFICATE, HOST, Exchange, Receiver
from tests.actions.values import UUID, detection, event, firing
from workflow_engine import clock
from workflow_engine.actions import perform, rehearse
from workflow_engine.exceptions import (
    BlockedAddress,
    EndpointFailed,
    EndpointGone,
    Permanent,
    RetryAfter,
)

pytestmark = pytest.mark.usefixtures("private_allowed")
Named = Callable[..., KnownNames]

OLD = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0IQ=="
NEW = "whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0IQ=="


def answers(
    status: int, body: bytes = b"", **headers: str
) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.answer(status, body, **headers)


def test_webhook__delivered(receiver: Receiver) -> None:
    receiver.answer = answers(202, b'{"ok": true}', Content_Type="application/json")

    attempt = perform("webhook", firing(), {"url": receiver.url("/in?team=ops")})

    [request] = receiver.requests
    assert attempt.error is None
    assert attempt.delivery.status == 202
    assert attempt.delivery.endpoint == receiver.url("/in")
    assert attempt.delivery.request["query"] == {"team": "ops"}
    assert attempt.delivery.request["body"] == json.loads(request.body)
    assert attempt.delivery.response == {
        "headers": {"content-type": "application/json"},
        "body": {"ok": True},
    }
    assert (request.command, request.path) == ("POST", "/in?team=ops")
    assert request.headers["Host"] == f"{HOST}:{receiver.port}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept-Encoding"] == "identity"


def test_webhook__default_body(receiver: Receiver) -> None:
    one = firing(purpose="test")

    perform("webhook", one, {"url": receiver.url()})

    body = json.loads(receiver.requests[0].body)
    assert body["event"]["data"] == {"amount": 250, "name": "Ada"}
    assert body["event"]["time"] == "2026-01-05T09:00:00Z"
    assert body["detection"] == one.detection_facts
    assert body["workflow"] == {"slug": "tell-the-team", "name": "Tell the team"}
    assert body["firing"] == {"uuid": UUID, "action": "email-ops", "purpose": "test"}
    assert receiver.requests[0].headers["Workflow-Engine-Purpose"] == "test"


def test_webhook__default_body_without_detection(receiver: Receiver) -> None:
    perform("webhook", firing(detection=None), {"url": receiver.url()})

    assert json.loads(receiver.requests[0].body)["detection"] is None


def test_webhook__body_with_templates_is_json_whatever_the_values(
    receiver: Receiver,
) -> None:
    config = {
        "url": receiver.url(),
        "method": "PUT",
        "body": {"text": "<{{ data.a }}>", "list": ["{{ data.b }}", 1, None, True]},
        "headers": {"X-Name": "{{ data.a }}", "content-type": "application/x-own"},
    }

    attempt = perform(
        "webhook", firing(event=event(data={"a": '"ä\r\nX: 1\\'})), config
    )

    [request] = receiver.requests
    assert request.command == "PUT"
    assert json.loads(request.body) == {
        "text": '<"ä\r\nX: 1\\>',
        "list": ["", 1, None, True],
    }
    assert request.headers["X-Name"].encode("latin-1").decode() == '"ä X: 1\\'
    assert request.headers.get_all("Content-Type") == ["application/x-own"]
    assert "Content-Type" not in attempt.delivery.request["headers"]
    assert attempt.delivery.notes == ("data.b is missing",)


def test_webhook__secret_is_sent_and_not_kept(receiver: Receiver) -> None:
    config = {
        "url": receiver.url(),
        "body": {"pin": "{{ data.token }}", "n": "1", "whole": "{{ data }}"},
        "headers": {"X-Pin": "<{{ data.token }}>"},
    }
    told = firing(event=event(data={"token": "1"}))

    attempt = perform("webhook", told, config)

    [request] = receiver.requests
    kept = attempt.delivery.request
    sent = {"pin": "1", "n": "1", "whole": '{"token":"1"}'}
    assert json.loads(request.body) == sent
    assert request.headers["X-Pin"] == "<1>"
    hidden = {"pin": "[redacted]", "n": "1", "whole": '{"token":"[redacted]"}'}
    assert kept["body"] == hidden
    assert kept["headers"]["X-Pin"] == "<[redacted]>"
    assert kept["headers"]["webhook-id"] == request.headers["webhook-id"]


def test_webhook__secret_that_was_measured_is_not_kept_of_the_default_body(
    receiver: Receiver,
) -> None:
    told = firing(detection=detection(path="data.token", value=7))

    attempt = perform("webhook", told, {"url": receiver.url()})

    assert json.loads(receiver.requests[0].body)["detection"]["value"] == 7
    assert attempt.delivery.request["body"]["detection"]["value"] == "[redacted]"
    assert attempt.delivery.request["body"]["detection"]["detector"] == "failed-orders"


def test_webhook__strings_of_a_body_share_the_room_of_one_rendering(
    receiver: Receiver,
) -> None:
    config = {"url": receiver.url(), "body": ["{{ data }}", "{{ data }}", "{{ data }}"]}

    attempt = perform("webhook", firing(event=event(data="x" * 40_000)), config)

    assert [len(text) for text in json.loads(receiver.requests[0].body)] == [
        40_000,
        25_536,
        0,
    ]
    assert attempt.delivery.notes[0] == "cut at 25536 characters"


def test_webhook__two_secrets_give_two_valid_signatures(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_OLD", OLD)
    monkeypatch.setenv("HOOK_NEW", NEW)
    secret = [{"env": "HOOK_NEW"}, {"env": "HOOK_OLD"}]
    config = {"url": receiver.url(), "secret": secret, "body": {"a": "ä"}}

    for attempt in (1, 2):
        perform("webhook", firing(attempt=attempt), config)

    assert len(receiver.requests) == 2
    for request in receiver.requests:
        headers = dict(request.headers.items())
        assert headers["webhook-id"] == UUID
        assert Verifier(NEW).verify(request.body, headers) == {"a": "ä"}
        assert Verifier(OLD).verify(request.body, headers) == {"a": "ä"}
        first = headers["webhook-signature"].split()[0]
        assert Verifier(NEW).verify(
            request.body, {**headers, "webhook-signature": first}
        )


def test_webhook__unsigned_without_a_secret(receiver: Receiver) -> None:
    perform("webhook", firing(), {"url": receiver.url()})

    headers = receiver.requests[0].headers
    assert headers["webhook-id"] == UUID
    assert "webhook-signature" not in headers


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "HOOK_SECRET is not set"), ("", "is not set"), ("whsec_ä", "no secret")],
)
def test_webhook__no_secret_in_the_variable(
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    message: str,
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("HOOK_SECRET", value)
    config = {"url": receiver.url(), "secret": {"env": "HOOK_SECRET"}}

    attempt = perform("webhook", firing(), config)

    assert isinstance(attempt.error, Permanent)
    assert message in str(attempt.error)
    assert "HOOK_SECRET" in str(attempt.error)
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, EndpointFailed),
        (425, EndpointFailed),
        (429, EndpointFailed),
        (500, EndpointFailed),
        (503, EndpointFailed),
        (304, Permanent),
        (400, Permanent),
        (404, Permanent),
        (422, Permanent),
        (410, EndpointGone),
    ],
)
def test_webhook__status(
    receiver: Receiver, status: int, kind: type[Exception]
) -> None:
    receiver.answer = answers(status, b"sorry")

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert type(attempt.error) is kind
    assert str(status) in str(attempt.error)
    assert attempt.delivery.status == status
    assert attempt.delivery.request["method"] == "POST"
    if status != 304:  # has no body by itself
        assert attempt.delivery.response["body"] == "sorry"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("3600", 3600),
        ("86400", 3600),
        (format_datetime(datetime(2199, 1, 1, tzinfo=UTC), usegmt=True), 3600),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_webhook__retry_after(
    receiver: Receiver, status: int, header: str, seconds: float
) -> None:
    receiver.answer = answers(status, Retry_After=header)

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert isinstance(attempt.error, RetryAfter)
    assert attempt.error.seconds == seconds
    assert attempt.delivery.response["headers"]["retry-after"] == header


def test_webhook__retry_after_a_date(receiver: Receiver) -> None:
    at = clock.now() + timedelta(seconds=100)
    receiver.answer = answers(429, Retry_After=format_datetime(at, usegmt=True))

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert isinstance(attempt.error, RetryAfter)
    assert 90 < attempt.error.seconds <= 100


@pytest.mark.parametrize("header", ["0", "soon", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_webhook__retry_after_says_nothing(receiver: Receiver, header: str) -> None:
    receiver.answer = answers(429, Retry_After=header)

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert type(attempt.error) is EndpointFailed


def test_webhook__redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = answers(302, Location=receiver.url("/private"))

    attempt = perform("webhook", firing(), {"url": receiver.url("/public")})

    assert type(attempt.error) is Permanent
    assert "redirects are not followed" in str(attempt.error)
    assert [request.path for request in receiver.requests] == ["/public"]
    assert attempt.delivery.response["headers"]["location"] == receiver.url("/private")


def drip(exchange: Exchange, first: bytes) -> None:
    """Send one byte every 50 ms, for three seconds."""
    stopped = exchange.server.receiver.stopped
    exchange.wfile.write(first)
    for _ in range(60):
        stopped.wait(0.05)
        exchange.wfile.write(b"x")
        exchange.wfile.flush()


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Header: ",
        b"",
    ],
    ids=["body", "body without length", "header", "status line"],
)
def test_webhook__dripping_answer_ends_at_the_total_time(
    receiver: Receiver, first: bytes
) -> None:
    receiver.answer = lambda exchange: drip(exchange, first)

    attempt = perform("webhook", firing(), {"url": receiver.url(), "timeout": 1})

    assert type(attempt.error) is EndpointFailed
    assert str(attempt.error) == "no whole answer within 1 s"
    assert 0.9 < attempt.duration_seconds < 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_webhook__silence_ends_at_the_time_of_the_firing(scheme: str) -> None:
    # The system takes the connection, and then nobody says a word, also not of TLS.
    with socket.create_server((HOST, 0)) as silent:
        url = f"{scheme}://{HOST}:{silent.getsockname()[1]}/"

        attempt = perform("webhook", firing(timeout_seconds=0.3), {"url": url})

    assert type(attempt.error) is EndpointFailed
    assert str(attempt.error) == "no whole answer within 0.3 s"
    assert attempt.duration_seconds < 1


@pytest.fixture
def deaf() -> Iterator[int]:
    """Yield a port of this machine that takes no connection, and refuses none."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = []
        for _ in range(4):  # the system takes one more than it was told, or two
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((HOST, port))
            waiting.append(one)
        yield port
        for one in waiting:
            one.close()


@pytest.mark.parametrize("connect_seconds", [0.4, 5])
def test_webhook__addresses_that_do_not_answer_share_the_total_time(
    named: Named, settings: Settings, deaf: int, connect_seconds: float
) -> None:
    settings.WORKFLOW_ENGINE["WEBHOOK"]["connect_seconds"] = connect_seconds
    named(hooks_example_com=[HOST] * 6)
    url = f"http://hooks.example.com:{deaf}/"

    attempt = perform("named-webhook", firing(), {"url": url, "timeout": 1})

    assert type(attempt.error) is EndpointFailed
    assert 0.9 < attempt.duration_seconds < 2


def test_webhook__answer_without_end_is_read_up_to_a_bound(receiver: Receiver) -> None:
    was_taken = []

    def flood(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.end_headers()
        for _ in range(2000):
            exchange.wfile.write(b"y" * 65_536)
        was_taken.append(True)

    receiver.answer = flood

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert attempt.error is None
    assert attempt.delivery.response["body"] == "y" * 1024
    assert not was_taken


def test_webhook__body_broken_off_is_still_an_answer(receiver: Receiver) -> None:
    receiver.answer = lambda exchange: exchange.wfile.write(
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    )

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert attempt.error is None
    assert attempt.delivery.response["body"] == "half"


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n\r\n"])
def test_webhook__no_answer(receiver: Receiver, said: bytes) -> None:
    receiver.answer = lambda exchange: exchange.wfile.write(said)

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert type(attempt.error) is EndpointFailed
    assert str(attempt.error).startswith("The exchange failed: ")


def test_webhook__nobody_listens(receiver: Receiver) -> None:
    receiver.stop()

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert type(attempt.error) is EndpointFailed
    assert "refused" in str(attempt.error)
    assert attempt.delivery.endpoint == receiver.url()
    assert attempt.delivery.status is None


def test_webhook__unknown_name(named: Named, receiver: Receiver) -> None:
    named()

    attempt = perform(
        "named-webhook", firing(), {"url": receiver.url(host="hooks.example.com")}
    )

    assert type(attempt.error) is EndpointFailed
    assert "hooks.example.com could not be resolved" in str(attempt.error)


def test_webhook__host_is_the_name_and_it_is_resolved_once(
    named: Named, receiver: Receiver
) -> None:
    resolver = named(hooks_example_com=[HOST])

    attempt = perform(
        "named-webhook", firing(), {"url": receiver.url(host="hooks.example.com")}
    )

    assert attempt.error is None
    assert receiver.requests[0].headers["Host"] == f"hooks.example.com:{receiver.port}"
    assert resolver.asked == ["hooks.example.com"]


def test_webhook__second_address_when_the_first_refuses(
    named: Named, receiver: Receiver
) -> None:
    named(hooks_example_com=["127.0.0.2", HOST])

    attempt = perform(
        "named-webhook", firing(), {"url": receiver.url(host="hooks.example.com")}
    )

    assert attempt.error is None


def test_webhook__proxies_of_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    attempt = perform("webhook", firing(), {"url": receiver.url()})

    assert attempt.error is None


def test_webhook__certificate_of_the_name(
    named: Named, tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    named(hooks_example_com=[HOST])
    url = tls_receiver.url("/in", "hooks.example.com", "https")

    attempt = perform("named-webhook", firing(), {"url": url})

    assert attempt.error is None
    assert tls_receiver.names == ["hooks.example.com"]


def test_webhook__certificate_of_another_name(
    named: Named, tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    named(other_example_com=[HOST])
    url = tls_receiver.url("/in", "other.example.com", "https")

    attempt = perform("named-webhook", firing(), {"url": url})

    assert type(attempt.error) is Permanent
    assert "certificate is refused: Hostname mismatch" in str(attempt.error)
    assert tls_receiver.requests == []


def test_webhook__certificate_of_nobody_known(
    named: Named, tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    named(hooks_example_com=[HOST])
    url = tls_receiver.url("/in", "hooks.example.com", "https")

    attempt = perform("named-webhook", firing(), {"url": url})

    assert type(attempt.error) is Permanent
    assert "certificate is refused: self" in str(attempt.error)
    assert tls_receiver.requests == []


def test_webhook__dripping_tls_body(
    named: Named, tls_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    named(hooks_example_com=[HOST])
    url = tls_receiver.url("/in", "hooks.example.com", "https")
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
    tls_receiver.answer = lambda exchange: drip(exchange, first)

    attempt = perform("named-webhook", firing(), {"url": url, "timeout": 1})

    assert type(attempt.error) is EndpointFailed
    assert 0.9 < attempt.duration_seconds < 2


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("one public, one private", ["8.8.8.8", "127.0.0.1"]),
        ("private", ["10.0.0.1"]),
        ("mapped", ["::ffff:10.0.0.1"]),
        ("no address", ["nonsense"]),
    ],
)
def test_webhook__blocked_address_of_a_name(
    named: Named, settings: Settings, name: str, addresses: list[str]
) -> None:
    settings.WORKFLOW_ENGINE = {}
    named(hooks_example_com=addresses)

    attempt = perform(
        "named-webhook", firing(), {"url": "https://hooks.example.com/in"}
    )

    assert type(attempt.error) is BlockedAddress
    assert str(attempt.error).startswith("blocked_address: hooks.example.com is ")
    assert attempt.delivery.endpoint == "https://hooks.example.com/in"


@pytest.mark.parametrize("act", [perform, rehearse])
@pytest.mark.parametrize(
    "host", ["[::ffff:10.0.0.1]", "127.0.0.1", "localhost", "api.localhost."]
)
def test_webhook__blocked_address_that_is_written(
    settings: Settings, act: Callable[..., object], host: str
) -> None:
    settings.WORKFLOW_ENGINE = {}

    attempt = act("webhook", firing(), {"url": f"https://{host}/"})

    assert "blocked_address" in str(getattr(attempt, "error", None))


def test_webhook__other_port_only_at_private_addresses(
    named: Named, receiver: Receiver
) -> None:
    named(hooks_example_com=["8.8.8.8"])

    attempt = perform(
        "named-webhook", firing(), {"url": "https://hooks.example.com:25/"}
    )

    assert type(attempt.error) is Permanent
    assert "Port 25 is not allowed at a public address" in str(attempt.error)


def test_rehearse__rendered_and_signed_and_not_sent(
    named: Named, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_NEW", NEW)
    resolver = named(hooks_example_com=[HOST])
    config = {
        "url": receiver.url(host="hooks.example.com"),
        "body": {"text": "{{ data.name }}{{ data.none }}"},
        "secret": {"env": "HOOK_NEW"},
    }

    attempt = rehearse("named-webhook", firing(detection=detection()), config)

    asked = attempt.delivery.request
    assert attempt.error is None
    assert asked["body"] == {"text": "Ada"}
    assert Verifier(NEW).verify('{"text":"Ada"}', asked["headers"]) == {"text": "Ada"}
    assert attempt.delivery.notes == ("data.none is missing",)
    assert receiver.requests == []
    assert resolver.asked == []
