"""What the tests of the export share: a token, and how to ask with it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tests.export.asking import ADDRESS, TOKEN, Ask, SetUp


@pytest.fixture
def set_up(settings: Settings) -> SetUp:
    """Return how to set the app up; with Redis where the database has an outbox."""

    def given(**options: Any) -> None:
        cache: dict[str, Any] = {}
        if connection.vendor == "postgresql":
            cache = {"CACHE_ALIAS": "default", "CACHE_PREFIX": uuid.uuid4().hex}
        settings.WORKFLOW_ENGINE = {
            "EXECUTOR": "threads",
            "METRICS_TOKEN": TOKEN,
            "CACHE_VERIFY_SHARE": 0,
            **cache,
            **options,
        }

    return given


@pytest.fixture
def ask(set_up: SetUp) -> Ask:
    """Return how to ask for the metrics with the token, by no user."""
    set_up()

    def asked(accept: str = "", *, method: str = "get") -> HttpResponse:
        send = getattr(Client(), method)
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": accept}
        answer: HttpResponse = send(ADDRESS, headers=headers)
        return answer

    return asked
