"""Every write of items goes through the store."""

import ast
from pathlib import Path

import pytest

import workflow_engine

PACKAGE = Path(workflow_engine.__file__).parent
STORE = PACKAGE / "queue" / "store"
WRITES = {
    "abulk_create",
    "acreate",
    "adelete",
    "aupdate",
    "bulk_create",
    "bulk_update",
    "create",
    "delete",
    "get_or_create",
    "raw",
    "update",
    "update_or_create",
}
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if STORE not in path.parents and "migrations" not in path.parts
]


def _writes(source: str) -> list[int]:
    """Return the lines on which rows of items are written."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "WorkItem")
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in WRITES
                and any(
                    isinstance(part, ast.Name) and part.id == "WorkItem"
                    for part in ast.walk(node.func)
                )
            )
        )
    ]


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_module__writes_no_items_past_the_store(path: Path) -> None:
    found = _writes(path.read_text())

    assert found == [], f"{path.name} writes items; ask queue.store for a verb"


def test_writes__are_seen() -> None:
    source = """
WorkItem.objects.using("default").filter(pk=1).update(state="done")
WorkItem(kind="act").save()
WorkItem.objects.filter(pk=1).count()
"""

    assert _writes(source) == [2, 3]
