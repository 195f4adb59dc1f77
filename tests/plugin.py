"""The pytest plugin that brings up the servers before the settings are read.

It is named in `addopts`, so a plain `pytest` has it. Addresses that the environment
already holds are used as they are, and no server is started for them.
"""

import os
from collections.abc import Generator

import pytest

from tests.servers import ServerError, Servers

ADDRESSES = {
    "postgres": "WORKFLOW_TEST_POSTGRES_HOST",
    "redis": "WORKFLOW_TEST_REDIS_URL",
}
_versions = pytest.StashKey[dict[str, str]]()


# A wrapper runs before every other hook of this name: that of pytest-django among
# them, which reads the settings.
@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None]:
    """Start the servers this run needs and say in the environment where they are."""
    options = early_config.known_args_namespace
    runs_nothing = options.help or options.version or options.collectonly
    names = [name for name in _needed() if not os.environ.get(ADDRESSES[name])]
    if names and not runs_nothing and not options.markers:
        _start(early_config, names)
    yield


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line that says what the tests run on."""
    versions = config.stash.get(_versions, {})
    line = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"servers: {line}" if line else None


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what is about the other database."""
    other = "sqlite" if "postgres" in _needed() else "postgres"
    dropped = [item for item in items if item.get_closest_marker(other)]
    if dropped:
        items[:] = [item for item in items if item not in dropped]
        config.hook.pytest_deselected(items=dropped)


def _needed() -> tuple[str, ...]:
    on_sqlite = os.environ.get("WORKFLOW_TEST_DB") == "sqlite"
    return ("redis",) if on_sqlite else ("postgres", "redis")


def _start(config: pytest.Config, names: list[str]) -> None:
    try:
        servers = Servers(*names)
        servers.start()
    except ServerError as error:
        raise pytest.UsageError(str(error)) from error
    config.add_cleanup(servers.stop)
    config.stash[_versions] = servers.versions
    environment = pytest.MonkeyPatch()
    config.add_cleanup(environment.undo)
    for name, value in servers.environment.items():
        environment.setenv(name, value)
