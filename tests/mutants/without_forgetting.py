"""What writes keep to: F1 to F3, the hook, and which entries a row spoils."""

from __future__ import annotations

from typing import Final

from tests.mutants import forgetting, reading, writing
from tests.mutants.mutant import CELLS, HOOK, Mutants, without

CONNECT: Final = "receivers.connect"
SAVING: Final = "receivers.saving"
FORGET_LAST: Final = (
    "self.store.unlink(names, last=[place.generation for place in touched])"
)
ONLY_AFTER: Final = "    if not in_transaction(using):\n        before.hook()"
LISTED: Final = "listed.insert(0, (set(), hook, True))"

MUTANTS: Final[Mutants] = {
    "F1, after the commit": without(
        writing.reader_before_the_commit,
        (SAVING, ONLY_AFTER, "    before.hook()"),
        (
            HOOK,
            "if not in_transaction(using):\n        return Hook",
            "if True:\n        return Hook",
        ),
    ),
    "F1, in autocommit after the statement": without(
        writing.reader_before_the_statement,
        (SAVING, ONLY_AFTER, "    pass"),
        (
            SAVING,
            "    vars(instance._state)[_NAME] = before",
            "    before.hook()\n    vars(instance._state)[_NAME] = before",
        ),
    ),
    "F1, never after a rollback": without(
        writing.rollback_leaves_cells, (SAVING, ONLY_AFTER, "    before.hook()")
    ),
    "F2, the generation not before the cells": without(
        forgetting.reader_between_two_unlinks,
        (
            CELLS,
            FORGET_LAST,
            (
                "self.store.unlink([place.generation for place in touched]);"
                " self.store.unlink(names)"
            ),
        ),
    ),
    "F2, the generation is removed": without(
        reading.write_between_two_commands,
        (CELLS, FORGET_LAST, "self.store.unlink(names)"),
    ),
    "F2, and not set": without(
        forgetting.forget_with_full_memory,
        (
            CELLS,
            FORGET_LAST,
            (
                "self.store.unlink(names); self.store.take([], life_ms=1,"
                " renewing=[place.generation for place in touched])"
            ),
        ),
    ),
    "F3, generations last": without(
        forgetting.reader_during_a_scan,
        (
            CELLS,
            "{place for place, *_ in some} | whole",
            "{place for place, _, _ in some}",
        ),
    ),
    "an own forget ends trust": without(
        reading.own_forget_with_trust,
        (CELLS, "            place.near.unsee(at)", "            pass"),
    ),
    "the hook is the first in the list": without(
        writing.callback_registered_before_the_save,
        (HOOK, LISTED, "listed.append((set(), hook, True))"),
    ),
    "the hook is not skipped by a callback that raises": without(
        writing.callback_raises,
        (HOOK, LISTED, "listed.append((set(), hook, True))"),
    ),
    "the old row is the database's": without(
        writing.instance_is_old,
        (
            SAVING,
            "row = in_memory(watched, instance) if watched.is_keyed_alone else None",
            "row = in_memory(watched, instance)",
        ),
    ),
    "resolved before the commit": without(
        writing.way_to_an_entry_goes_before_the_commit,
        (
            HOOK,
            "if new and not (is_committed and _is_resolved(question, model)):",
            "if new and not _is_resolved(question, model):",
        ),
    ),
    "resolved after the commit": without(
        writing.way_to_an_entry_comes_before_the_commit,
        (HOOK, "            self._resolve_again()\n", ""),
    ),
    "the hook belongs to no savepoint": without(
        writing.savepoint_is_rolled_back,
        (HOOK, LISTED, "listed.insert(0, (set(connection.savepoint_ids), hook, True))"),
    ),
    "the hook raises nothing": without(
        writing.forget_raises,
        (
            HOOK,
            "            self._count_failure(error)\n        by_hand",
            "            raise\n        by_hand",
        ),
    ),
    "old rows of a QuerySet": without(
        writing.rows_are_updated,
        (CONNECT, "    (rows_will_change, before_bulk),\n", ""),
    ),
    "new rows of a QuerySet": without(
        writing.rows_are_updated, (CONNECT, "    (rows_changed, after_bulk),\n", "")
    ),
    "the new row of a save": without(
        writing.instance_is_old,
        (
            SAVING,
            "        hook.add_rows(questions, watched.model, rows, cause, is_committed",
            "        hook.add_rows(questions, watched.model, (), cause, is_committed",
        ),
    ),
    "the row of a delete": without(
        writing.row_is_deleted, (CONNECT, "    (pre_delete, before_delete),\n", "")
    ),
}
