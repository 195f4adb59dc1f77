"""docs/guarantees.md says what the code counts and takes: every word, and no other."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

import pytest

from workflow_engine import receivers
from workflow_engine.caches import declared
from workflow_engine.caches.coherence.base import BY_HAND
from workflow_engine.caches.coherence.gate import LASTING
from workflow_engine.caches.stores.base import Filled
from workflow_engine.caches.stores.redis import errors
from workflow_engine.caches.verifier import Verdict
from workflow_engine.conf import SETTINGS

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "workflow_engine"
PAGE: Final = (ROOT / "docs" / "guarantees.md").read_text()
#: What the page is about.
PARTS: Final = ("caches/", "receivers/")
TREES: Final = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}

#: A counter and its reason; "" = none.
Pair = tuple[str, str]


# --- what the code says


def _called(name: str, tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of a function or method of this name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            own = function.id if isinstance(function, ast.Name) else ""
            if name in {own, getattr(function, "attr", "")}:
                yield node


def _literals(nodes: Iterator[ast.expr] | list[ast.expr]) -> set[str]:
    return {
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _given(name: str, *modules: str) -> set[str]:
    """Return the texts written as arguments of calls of a function."""
    return {
        text
        for module in modules or TREES
        for call in _called(name, TREES[module])
        for text in _literals([*call.args, *(word.value for word in call.keywords)])
    }


def _inside(module: str, function: str) -> set[str]:
    """Return the texts written inside of a function, its docstring left out."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            found = _literals([n for n in ast.walk(node) if isinstance(n, ast.expr)])
            return found - {ast.get_docstring(node, clean=False)}
    pytest.fail(f"{module} has no {function}")


def _assigned(module: str, name: str) -> set[str]:
    """Return the texts in what is assigned to a name."""
    return {
        text
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        for text in _literals([n for n in ast.walk(node) if isinstance(n, ast.expr)])
    }


READING: Final = "caches/coherence/reading.py"
CELLS: Final = "caches/coherence/cells.py"

#: Why a server failed a command.
UNAVAILABLE: Final = {
    *(reason for _, reason in errors.REASONS),
    *(
        text
        for tree in TREES.values()
        for call in _called("CacheUnavailable", tree)
        for text in _literals(call.args[:1])
    ),
    *_inside("caches/stores/redis/errors.py", "script_unavailable"),
    inspect.signature(errors.unavailable).parameters["otherwise"].default,
}
MISSES: Final = _inside(READING, "_why_unusable") | _inside(READING, "judge")
BYPASSES: Final = _assigned(READING, "reason") | _given("fromkeys", READING, CELLS)
#: Kinds of what is heard of, by whether the model that it was heard of follows.
HEARD: Final = {
    True: {*_given("_paying", CELLS), *_given("_drain", CELLS)},
    False: {BY_HAND, *_given("forget", "caches/verifier.py")},
}
for _found in iter_modules(receivers.__path__):
    _module = import_module(f"{receivers.__name__}.{_found.name}")
    if hasattr(_module, "KIND"):
        _names_model = any(_called("cause", TREES[f"receivers/{_found.name}.py"]))
        HEARD[_names_model].add(_module.KIND)
CAUSES: Final = HEARD[True] | HEARD[False]
COMPARED: Final = ("verify", "shadow")
COUNTING: Final = ("add", "observe", "sum")

#: What is counted where the words are not written in the call itself. A call that is not
#: here makes a test fail: say what it counts.
BY_VARIABLE: Final[dict[str, set[Pair]]] = {
    "look_up.py 'bypass', reason": set(
        product(["bypass"], _given("_bypass", "caches/look_up.py"))
    ),
    "cells.py 'bypass', self.gate.reason": set(
        product(["bypass"], LASTING | {"breaker"})
    ),
    "reading.py counter, reason": {
        *product(["miss"], MISSES),
        *product(["bypass"], BYPASSES),
    },
    "filling.py *counter, count": {
        ("fill", "stored"),
        *(("refused", one) for one in Filled if one is not Filled.STORED),
    },
    "filling.py 'refused', reason": {
        ("refused", "too_large"),
        ("refused", "unencodable"),
    },
    "filling.py 'error', error.reason": set(product(["error"], UNAVAILABLE)),
    "forgotten.py 'forgot', cause": set(product(["forgot"], CAUSES)),
    "forgotten.py 'forgot_all', cause": set(product(["forgot_all"], CAUSES)),
    "gate.py 'error', error.reason": set(product(["error"], UNAVAILABLE)),
    "gate.py 'error', reason": set(product(["error"], UNAVAILABLE | {"database"})),
    "verifier.py counter, 'checked'": set(product(COMPARED, ["checked"])),
    "verifier.py counter, verdict": set(product(COMPARED, Verdict)),
    "verifier.py counter, 'dropped'": set(product(COMPARED, ["dropped"])),
    "verifier.py counter, 'error'": set(product(COMPARED, ["error"])),
    "verifier.py counter, error.reason": set(product(COMPARED, UNAVAILABLE)),
}


def _counted() -> Iterator[tuple[str, Pair | None]]:
    """Yield each place that counts, and what if it is written there."""
    for module, tree in TREES.items():
        if not module.startswith(PARTS):
            continue
        for call in (call for name in COUNTING for call in _called(name, tree)):
            if not ast.unparse(call.func).startswith("counts."):
                continue
            words = call.args[1:3]
            place = f"{module.rpartition('/')[2]} {', '.join(map(ast.unparse, words))}"
            texts = [
                word.value
                for word in words
                if isinstance(word, ast.Constant) and isinstance(word.value, str)
            ]
            if len(texts) == len(words):
                yield place, (texts[0], texts[1] if len(texts) > 1 else "")
            else:
                yield place, None


def _pairs_of_code() -> set[Pair]:
    written = {pair for _, pair in _counted() if pair is not None}
    return written.union(*BY_VARIABLE.values())


# --- what the page says


def _tables(*headings: str) -> Iterator[list[str]]:
    """Yield the rows of every table that begins with these columns."""
    first = re.escape(f"| {' | '.join(headings)} |")
    for found in re.finditer(
        rf"^{first}.*\n\|[-|]+\|\n((?:\|.*\n?)+)", PAGE, re.MULTILINE
    ):
        for line in found[1].splitlines():
            yield [cell.strip() for cell in line.strip()[1:-1].split("|")]


def _names(text: str) -> list[str]:
    return re.findall(r"`([\w/.]+)`", text)


def _pairs_of_page() -> list[Pair]:
    return [
        pair
        for second in ("reason", "kind")
        for row in _tables("counter", second)
        for pair in product(_names(row[0]), _names(row[1]) or [""])
    ]


# --- the two compared


def test_guarantees__every_place_that_counts_is_known() -> None:
    places = {place for place, pair in _counted() if pair is None}

    assert places == set(BY_VARIABLE)


def test_guarantees__every_counter_and_reason_and_no_other() -> None:
    told = set(_pairs_of_page())
    assert "The same words as reasons of `verify` and `shadow`" in PAGE
    told |= set(product(COMPARED, UNAVAILABLE))

    counted = _pairs_of_code()

    assert sorted(counted - told) == []
    assert sorted(told - counted) == []


def test_guarantees__behind_which_reasons_a_model_stands() -> None:
    told = [name for row in _tables("counter", "kind") for name in _names(row[1])]

    assert sorted(told) == sorted(HEARD[True])


def test_guarantees__each_pair_is_told_once() -> None:
    told = _pairs_of_page()

    assert len(told) == len(set(told))


def test_guarantees__every_setting_of_the_cache_and_no_other() -> None:
    ours = {key for key in SETTINGS if key.startswith(("CACHE_", "NEAR_", "OUTBOX_"))}

    told = [name for row in _tables("setting") for name in _names(row[0])]

    assert sorted(told) == sorted(ours)
    mentioned = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", PAGE))
    assert mentioned - set(SETTINGS) == {"ATOMIC_REQUESTS"} & mentioned


def test_guarantees__every_access_and_no_other() -> None:
    told = [_names(row[0])[0] for row in _tables("access", "question")]

    assert sorted(told) == sorted(one.name for one in declared)


def test_guarantees__promises_and_nothing_like_them() -> None:
    promised = re.findall(r"^\*\*(C\d+)\.", PAGE, re.MULTILINE)

    assert promised == ["C1", "C2", "C3", "C4"]
    assert set(re.findall(r"\bC\d+\b", PAGE)) == set(promised)


def test_guarantees__names_tests_that_there_are() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", PAGE)

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
