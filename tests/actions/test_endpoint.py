"""Endpoint: what is refused when a webhook is saved, without any network."""

from typing import Any

import pytest
from pytest_django import Settings

from workflow_engine import registry

OPEN = {"WEBHOOK": {"allow_private": True, "allow_http": True}}


def problems(**config: Any) -> list[str]:
    return registry.actions.problems("webhook", config)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com/services/T0/B0?token=x%20y#part",
        "https://hooks.example.com:443/",
        "https://hooks.example.com:8443/",
        "https://bücher.example/",
        "https://under_score.example.com./",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_problems__url_that_is_fine(settings: Settings, url: str) -> None:
    settings.WORKFLOW_ENGINE = {}

    assert problems(url=url) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://hooks.example.com/", "Scheme 'http' is not allowed"),
        ("ftp://hooks.example.com/", "Scheme 'ftp' is not allowed"),
        ("file:///etc/passwd", "Scheme 'file' is not allowed"),
        ("hooks.example.com/in", "Scheme '' is not allowed"),
        ("https://user@hooks.example.com/", "user or password"),
        ("https://user:pw@hooks.example.com/", "user or password"),
        ("https://@hooks.example.com/", "user or password"),
        (
            "https://hooks.example.com:22/",
            "Port 22 is not allowed; use one of 443, 8443",
        ),
        ("https://hooks.example.com:80/", "Port 80 is not allowed"),
        ("https://hooks.example.com:0/", "Port 0 is not allowed"),
        ("https://hooks.example.com:x/", "no number"),
        ("https://hooks.example.com:99999/", "no number"),
        ("https://", "'' is no host name"),
        ("https:///path", "'' is no host name"),
        ("https://a..b/", "'a..b' is no host name"),
        (f"https://{'x' * 64}.com/", "is no host name"),
        ("https://[::1", "This is no URL"),
        ("https://hooks.example.com\\@evil.example/", r"cannot hold '\\'"),
        ("https://hooks.example.com/a b", "cannot hold ' '"),
        ("https://hooks.example.com/\n", r"cannot hold '\n'"),
        ("https://hooks.example.com/{{ data.x }}", "cannot hold '{'"),
        ("https://127.0.0.1/", "blocked_address"),
        ("https://[::ffff:10.0.0.1]/", "blocked_address"),
        ("https://LOCALHOST/", "blocked_address"),
        (f"https://hooks.example.com/{'x' * 2000}", "too long"),
    ],
)
def test_problems__url_refused(settings: Settings, url: str, message: str) -> None:
    settings.WORKFLOW_ENGINE = {}

    [problem] = problems(url=url)

    assert problem.startswith("url: ")
    assert message in problem


def test_problems__http_when_it_is_allowed(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"WEBHOOK": {"allow_http": True}}

    assert problems(url="http://hooks.example.com/") == []
    assert problems(url="http://hooks.example.com:8080/") == [
        "url: Port 8080 is not allowed; use one of 80, 443, 8443."
    ]


def test_problems__private_when_it_is_allowed(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = OPEN

    assert problems(url="http://localhost:9093/") == []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "GET"}, "method: 'GET' is not one of"),
        ({"timeout": 31}, "timeout: 31 is greater"),
        ({"timeout": 0}, "timeout: 0 is less"),
        ({"secret": "whsec_abc"}, "secret: "),
        ({"secret": {"env": "a b"}}, "secret: "),
        ({"secret": [{"env": "A"}] * 3}, "secret: "),
        ({"header": {}}, "'header' was unexpected"),
        ({"headers": {"a b": "x"}}, "'a b'"),
        ({"headers": {"X": "{{ x }}"}}, "headers.X: Template"),
        ({"headers": {"Host": "x"}}, "headers.Host: is set by the app"),
        ({"headers": {"Webhook-Id": "x"}}, "headers.Webhook-Id: is set by the app"),
        ({"body": {"a": ["{{"]}}, "body: Template has '{{' without its end"),
        ({"body": "x" * 10_000}, "body: is more than 10000 characters"),
        ({"body": [[]] * 4000}, "body: is more than 10000 characters"),
    ],
)
def test_problems__rest_of_the_configuration(
    config: dict[str, Any], message: str
) -> None:
    found = problems(url="https://hooks.example.com", **config)

    assert any(message in problem for problem in found), found


def test_problems__body_too_deep() -> None:
    body: Any = []
    for _ in range(5000):
        body = [body]

    found = problems(url="https://hooks.example.com", body=body)

    assert found == ["body: is nested more than 32 deep"]
