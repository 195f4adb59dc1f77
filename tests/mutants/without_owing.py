"""What is kept to where a forget is owed: O2, O3, X3, and the process store."""

from __future__ import annotations

from typing import Final

from tests.mutants import closing, owing, without_redis, writing
from tests.mutants.mutant import CELLS, Mutants, without

GATE: Final = "caches.coherence.gate"
ROWS: Final = "caches.coherence.rows"
OUTBOX: Final = "caches.outbox"
INTERRUPTED: Final = "        except BaseException as error:\n            self.gate.close(error)\n            raise\n"
FAILED: Final = "            self.gate.fail(error)\n            self.gate.close(error)\n            raise\n"
PAYS: Final = "return self.passes() or self._opening or self.is_open"

MUTANTS: Final[Mutants] = {
    "O2, the drain commits after its forget": without(
        owing.sweeper_is_killed,
        (
            OUTBOX,
            "            if owing:\n                self._forget(owing)\n",
            "        if owing:\n            self._forget(owing)\n",
        ),
    ),
    "O2, the server ends a drain that hangs": without(
        owing.drain_hangs,
        (
            OUTBOX,
            '    " SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"\n',
            "",
        ),
    ),
    "O3, the hook drains": without(
        owing.sql_in_a_transaction_with_a_hook,
        (
            CELLS,
            "if in_transaction(using) or self._drain(",
            "if True or self._drain(",
        ),
    ),
    "O3, the hook drains what came behind its old row": without(
        writing.row_is_moved_behind_the_old_row,
        (
            CELLS,
            "if in_transaction(using) or self._drain(",
            "if True or self._drain(",
        ),
    ),
    "O3, waiting": without(
        owing.sweep_holds_the_row_of_a_commit, (CELLS, "waits=True", "waits=False")
    ),
    "O3, by presence": without(
        owing.ids_commit_out_of_order,
        (OUTBOX, "PORTION_ROWS: Final = 500", "PORTION_ROWS: Final = 500\nLAST = [0]"),
        (
            OUTBOX,
            "taken = outbox.take(PORTION_ROWS, waits=self._waits)",
            (
                "taken = list(outbox.filter(id__gt=LAST[0]).order_by('id'));"
                " ids = [one.pk for one in taken]; LAST[0] = max([*LAST, *ids]);"
                " outbox.filter(id__in=ids).delete()"
            ),
        ),
    ),
    "X3, starts closed": without(
        closing.process_starts_while_something_is_owed,
        (GATE, "        self.is_open = False\n", "        self.is_open = True\n"),
    ),
    "X3, opening drains": without(
        closing.process_starts_while_something_is_owed,
        (CELLS, "= self._drain(self.database)", "= True"),
    ),
    "X3, opening waits": without(
        closing.process_starts_while_a_sweep_forgets,
        (CELLS, "waits=True", "waits=False"),
    ),
    "X3, a commit that could not forget closes": without(
        closing.commit_cannot_forget, (CELLS, FAILED, "            raise\n")
    ),
    "X3, a forget by hand that failed closes": without(
        closing.hand_cannot_forget, (CELLS, FAILED, "            raise\n")
    ),
    "X3, a commit that was interrupted closes": without(
        closing.commit_is_interrupted, (CELLS, INTERRUPTED, "")
    ),
    "X3, a commit whose drain failed closes": without(
        closing.commit_loses_the_database, (CELLS, INTERRUPTED, "")
    ),
    "X3, a forget by hand that was interrupted closes": without(
        closing.hand_is_interrupted, (CELLS, INTERRUPTED, "")
    ),
    "X3, opening heeds a closing": without(
        closing.commit_fails_while_opening,
        (GATE, "is_ready and closings == self._closings", "is_ready"),
    ),
    "X3, a commit pays during an opening, or keeps it closed": without(
        closing.commit_while_opening,
        (GATE, PAYS, "return self.passes()"),
        (
            GATE,
            "            if not self.is_open:\n                self._cl",
            "            if False:\n                self._cl",
        ),
    ),
    "X3, a forget by hand pays during an opening": without(
        closing.forget_by_hand_while_opening, (GATE, PAYS, "return self.passes()")
    ),
    "process store, the number first": without(
        without_redis.number_before_entries,
        (
            ROWS,
            "        self._vouch(moment)\n        standing: Standing",
            (
                "        early = load(place.question, keys)\n"
                "        self._vouch(moment)\n        standing: Standing"
            ),
        ),
        (
            ROWS,
            "loaded = load(place.question, left)",
            "loaded = {key: early[key] for key in left}",
        ),
    ),
    "process store, a missing number vouches for nothing": without(
        without_redis.number_is_missing,
        (
            ROWS,
            "            return None\n        return (number",
            "            return (b'',)\n        return (number",
        ),
    ),
    "process store, a forget by hand changes the number": without(
        without_redis.forget_by_hand_without_redis,
        (ROWS, "CacheGeneration.objects.using(self.database).renew()", "pass"),
    ),
    "X3, closed, nothing that was kept is an answer": without(
        closing.commit_cannot_forget_what_was_kept,
        (
            CELLS,
            "if not moment.group.kept.count or not self.gate.is_open:",
            "if not moment.group.kept.count:",
        ),
    ),
    "X3, opening ends trust": without(
        closing.trust_ends_with_an_own_forget_that_failed,
        (CELLS, "        self._places.unsee()\n", ""),
    ),
}
