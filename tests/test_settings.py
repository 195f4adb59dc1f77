"""The project: what it refuses, what it makes, how it would be deployed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from settings import environment
from settings.secret import secret_key_in
from settings.serve import free_port

ROOT = Path(__file__).resolve().parent.parent


def _manage(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKFLOW_TEST_DB", "foo"),
        ("WORKFLOW_TEST_POSTGRES_PORT", "54x"),
        ("WORKFLOW_TEST_POSTGRES_PORT", "70000"),
        ("WORKFLOW_TEST_REDIS_URL", "localhost:6379"),
    ],
)
def test_settings_test__malformed_variable(name: str, value: str) -> None:
    variables = {"WORKFLOW_TEST_DB": "postgres", name: value}

    done = _manage("check", "--settings", "settings.test", **variables)

    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert f"The environment variable {name} must be " in last
    assert f"not '{value}'. Correct it, or unset it for the default." in last


def test_settings_test__without_servers_reaches_none() -> None:
    variables = ("POSTGRES_HOST", "POSTGRES_PORT", "REDIS_URL", "DB")
    unset = {f"WORKFLOW_TEST_{name}": "" for name in variables}

    done = _manage("showmigrations", "--settings", "settings.test", **unset)

    assert done.returncode == 1
    assert "/no-test-server-was-started" in done.stderr


@pytest.mark.parametrize("value", ["", None], ids=["empty", "unset"])
def test_choice__default(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("COLOUR", raising=False)
    if value is not None:
        monkeypatch.setenv("COLOUR", value)

    assert environment.choice("COLOUR", among=("red", "blue"), default="red") == "red"


def test_choice__refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "green")

    with pytest.raises(ImproperlyConfigured, match=r"COLOUR must be one of blue, red"):
        environment.choice("COLOUR", among=("red", "blue"), default="red")


def test_secret_key_in__made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "key"

    first, second = secret_key_in(path), secret_key_in(path)

    assert first == second
    assert len(first) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_free_port__first_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]

        assert first < free_port(first=first) < first + 100


def test_deployment__checks_are_clean() -> None:
    done = _manage(
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        "--settings",
        "settings.deploy_check",
    )

    assert done.returncode == 0, done.stderr
