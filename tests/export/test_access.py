"""Who may read the metrics, how the others are refused, and that the token stays unknown."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from tests.export.asking import ADDRESS, TOKEN, Ask, SetUp
from workflow_engine.export.view import metrics_view

pytestmark = pytest.mark.django_db

CHALLENGE = 'Bearer realm="workflow_engine"'
WRONG = f'{CHALLENGE}, error="invalid_token"'


@pytest.mark.parametrize(
    ("header", "status", "challenge"),
    [
        (f"Bearer {TOKEN}", 200, None),
        (f"bearer   {TOKEN} ", 200, None),
        ("", 401, CHALLENGE),
        ("Bearer", 401, WRONG),
        ("Bearer None", 401, WRONG),
        (f"Bearer {TOKEN}x", 401, WRONG),
        (f"Bearer {TOKEN[:-1]}", 401, WRONG),
        (f"Bearer {TOKEN.upper()}", 401, WRONG),
        ("Bearer \xe9\xff", 401, WRONG),
        (f"Basic {TOKEN}", 401, CHALLENGE),
        (TOKEN, 401, CHALLENGE),
    ],
)
def test_token(set_up: SetUp, header: str, status: int, challenge: str | None) -> None:
    set_up()

    answer = Client().get(ADDRESS, headers={"Authorization": header})

    assert answer.status_code == status
    assert answer.get("WWW-Authenticate") == challenge


def test_token__not_ascii(set_up: SetUp) -> None:
    word = "größer"
    set_up(METRICS_TOKEN=word)
    sent = word.encode().decode("latin-1")  # as a server hands it on

    answer = Client().get(ADDRESS, headers={"Authorization": f"Bearer {sent}"})

    assert answer.status_code == 200


@pytest.mark.parametrize("given", ["", "None", TOKEN])
def test_token__none_is_set(set_up: SetUp, given: str) -> None:
    set_up(METRICS_TOKEN=None)

    answer = Client().get(ADDRESS, headers={"Authorization": f"Bearer {given}"})

    assert answer.status_code == 401


def test_token__is_in_no_log_and_no_answer(
    set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(METRICS_TOKEN=TOKEN)
    caplog.set_level(logging.DEBUG)

    texts = [
        Client().get(ADDRESS, headers={"Authorization": given}).content.decode()
        for given in (f"Bearer {TOKEN}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "")
    ]

    assert "Unauthorized: /hooks/metrics" in caplog.text
    assert TOKEN not in caplog.text
    assert not [text for text in texts if TOKEN in text]


def test_refusal__reads_nothing(set_up: SetUp) -> None:
    set_up()

    with CaptureQueriesContext(connection) as queries:
        Client().get(ADDRESS, headers={"Authorization": "Bearer wrong"})

    assert list(queries) == []


@pytest.mark.parametrize(
    ("given", "may_see", "status"),
    [
        ({"is_staff": True}, True, 200),
        ({"is_staff": True, "is_superuser": True}, False, 200),
        ({"is_staff": True}, False, 403),
        ({"is_staff": False}, True, 403),
        ({"is_staff": False, "is_superuser": True}, False, 403),
    ],
)
def test_user(
    set_up: SetUp, given: dict[str, Any], *, may_see: bool, status: int
) -> None:
    set_up(METRICS_TOKEN=None)
    user = User.objects.create_user("ada", **given)
    if may_see:
        app = "workflow_engine"
        right = Permission.objects.get(
            content_type__app_label=app, codename="view_dashboard"
        )
        user.user_permissions.add(right)
    client = Client()
    client.force_login(user)

    answer = client.get(ADDRESS)

    assert answer.status_code == status
    assert "WWW-Authenticate" not in answer


def test_user__with_the_password_of_a_proxy(set_up: SetUp) -> None:
    set_up()
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))

    answer = client.get(ADDRESS, headers={"Authorization": "Basic YTpi"})

    assert answer.status_code == 200


def test_user__project_without_users(set_up: SetUp) -> None:
    set_up()

    answer = metrics_view(RequestFactory().get(ADDRESS))

    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_method__refused(ask: Ask, method: str) -> None:
    answer = ask(method=method)

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


def test_client__not_installed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    answer = ask()

    assert answer.status_code == 404
    assert answer.content == b"prometheus-client is not installed.\n"
