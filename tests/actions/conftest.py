"""Fixtures of the tests of actions."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from pytest_django import Settings

from tests.actions.receiver import Receiver
from workflow_engine import registry
from workflow_engine.actions import register_action
from workflow_engine.actions.outgoing import SCHEMA, problems
from workflow_engine.actions.webhook import Webhook


class KnownNames:
    """A resolver that knows some names, and notes what it was asked."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    def resolve(self, host: str, port: int, timeout_seconds: float) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError("Name or service not known")
        return self.names[host]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a server that answers 200."""
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
def tls_receiver() -> Iterator[Receiver]:
    """Yield a server that is hooks.example.com by its certificate, and answers 200."""
    one = Receiver(with_tls=True)
    yield one
    one.stop()


@pytest.fixture
def private_allowed(settings: Settings) -> None:
    """Let webhooks go to this machine, over plain HTTP too."""
    settings.WORKFLOW_ENGINE = {"WEBHOOK": {"allow_private": True, "allow_http": True}}


@pytest.fixture
def named() -> Iterator[Callable[..., KnownNames]]:
    """Return how to register a kind `named-webhook` that knows these names only."""

    def register(**names: Sequence[str]) -> KnownNames:
        resolver = KnownNames(
            {name.replace("_", "."): at for name, at in names.items()}
        )
        register_action("named-webhook", schema=SCHEMA, check=problems)(
            Webhook(resolver)
        )
        return resolver

    yield register
    registry.actions.unregister("named-webhook")
