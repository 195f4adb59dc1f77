"""What the design says of the code as a whole, held by looking at the code."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "workflow_engine"
MOST_LINES = 300
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"
# Written so that this module does not find itself.
UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b")


def _modules(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


package_modules = pytest.mark.parametrize("path", list(_modules(PACKAGE)), ids=_name)
all_modules = pytest.mark.parametrize(
    "path", list(_modules(PACKAGE, ROOT / "settings", ROOT / "tests")), ids=_name
)
own_modules = pytest.mark.parametrize("path", list(_modules(ROOT / "tests")), ids=_name)


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node


def _imports_in_functions(tree: ast.AST) -> list[int]:
    return sorted(
        {
            node.lineno
            for function in _functions(tree)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
    )


def _sleeps(tree: ast.AST) -> list[int]:
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == "sleep")
        or (isinstance(node, ast.alias) and node.name == "sleep")
        or (isinstance(node, ast.Name) and node.id == "sleep")
    )


def test_contracts_between_modules_hold() -> None:
    # In a process of its own: it turns off every logger that is there.
    done = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--config", "setup.cfg", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@package_modules
def test_module_is_short(path: Path) -> None:
    lines = len(path.read_text().splitlines())

    assert lines <= MOST_LINES, f"{_name(path)} has {lines} lines; split it by nouns"


@package_modules
def test_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{_name(path)}: docstring?"


@all_modules
def test_no_import_inside_a_function(path: Path) -> None:
    lines = _imports_in_functions(ast.parse(path.read_text()))

    assert not lines, f"{_name(path)}: an import inside a function, line {lines}"


@own_modules
def test_no_test_sleeps(path: Path) -> None:
    lines = _sleeps(ast.parse(path.read_text()))

    assert not lines, f"{_name(path)}: waits by the clock, line {lines}"


@all_modules
def test_nothing_is_left_unfinished(path: Path) -> None:
    found = UNFINISHED.findall(path.read_text())

    assert not found, f"{_name(path)}: {found}"


@pytest.mark.django_db
def test_every_model_has_its_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import os", []),
        ("def f():\n    import os", [2]),
        ("def f():\n    if f:\n        from os import path", [3]),
        ("class C:\n    async def f(self):\n        import os", [3]),
    ],
    ids=["top", "function", "nested", "method"],
)
def test_imports_in_functions_are_seen(source: str, lines: list[int]) -> None:
    assert _imports_in_functions(ast.parse(source)) == lines


@pytest.mark.parametrize(
    "source",
    ["import time\ntime.sleep(1)", "from time import sleep", "clock.sleep"],
    ids=["attribute", "name", "not called"],
)
def test_sleeps_are_seen(source: str) -> None:
    assert _sleeps(ast.parse(source))
