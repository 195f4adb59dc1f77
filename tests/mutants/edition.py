"""Editions: the cache as it is, or with some lines of it exchanged.

An edition with changes compiles the changed modules anew, and every module of the cache that
imports one of them; the rest it shares with the package, which stays as it is.
"""

from __future__ import annotations

import builtins
import importlib
import re
import types
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import workflow_engine

PACKAGE = "workflow_engine"
PARTS = ("caches", "receivers")
IMPORTED = re.compile(r"^from (workflow_engine[\w.]*) import", re.MULTILINE)


class Change(NamedTuple):
    """Some text of a module, which must be there exactly once, and what replaces it."""

    module: str
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{PACKAGE}.{self.module}"


class Edition:
    """The modules of the cache; `edition("caches.outbox").drain`."""

    def __init__(self, *changes: Change) -> None:
        self._changes = changes
        self._anew = _importers({change.name for change in changes})
        self._made: dict[str, types.ModuleType] = {}

    def __call__(self, module: str) -> Any:
        return self._module(f"{PACKAGE}.{module}")

    def _module(self, name: str) -> types.ModuleType:
        if name not in self._anew:
            return importlib.import_module(name)
        if name not in self._made:
            made = self._made[name] = types.ModuleType(name)
            made.__dict__["__builtins__"] = {
                **vars(builtins),
                "__import__": self._import,
            }
            exec(compile(self._text(name), f"<{name}>", "exec"), made.__dict__)  # noqa: S102
        return self._made[name]

    def _import(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if name in self._anew:
            return self._module(name)
        return builtins.__import__(name, *args, **kwargs)

    def _text(self, name: str) -> str:
        text = _sources()[name]
        for change in self._changes:
            if change.name == name:
                found = text.count(change.old)
                assert found == 1, f"{found} times in {name}: {change.old!r}"
                text = text.replace(change.old, change.new)
        return text


def _importers(names: set[str]) -> frozenset[str]:
    """Return modules, and those that import one of them, however indirectly."""
    found = set(names)
    imports: dict[str, set[str]] = {
        name: set(IMPORTED.findall(text)) for name, text in _sources().items()
    }
    while more := {one for one in imports if imports[one] & found} - found:
        found |= more
    return frozenset(found)


@cache
def _sources() -> dict[str, str]:
    """Return the text of every module of the cache, by name."""
    root = Path(str(workflow_engine.__file__)).parent
    paths = [path for part in PARTS for path in (root / part).rglob("*.py")]
    return {_name(path.relative_to(root)): path.read_text() for path in paths}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join((PACKAGE, *(part for part in parts if part != "__init__")))
