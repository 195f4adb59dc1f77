"""What reads keep to: R1 to R7, FILL, who the server is, X1 and X2."""

from __future__ import annotations

from typing import Final

from tests.mutants import forgetting, reading
from tests.mutants.mutant import Mutants, without

LOOK_UP: Final = "caches.look_up"
READING: Final = "caches.coherence.reading"
MOMENT: Final = "caches.coherence.moment"
FILLING: Final = "caches.coherence.filling"
NEAR: Final = "caches.near"
SCRIPT: Final = "caches.stores.redis.filling"
IDENTITY: Final = "caches.stores.redis.identity"
LINES: Final = "caches.stores.redis.lines"

MUTANTS: Final[Mutants] = {
    "R1, a transaction reads and stores nothing": without(
        reading.own_view_in_a_transaction,
        (
            LOOK_UP,
            "if in_transaction(self._coherence.database):\n            return self._",
            "if False:\n            return self._",
        ),
    ),
    "R1, nor what was kept": without(
        reading.own_view_of_kept_answers,
        (
            LOOK_UP,
            "if in_transaction(self._coherence.database):\n            return None",
            "if False:\n            return None",
        ),
    ),
    "R2, the generation is read with the cells": without(
        reading.write_between_two_commands,
        (
            MOMENT,
            "reply = store.read([*generations, *names], renewing=self.absent)",
            (
                "found = store.read(names).cells;"
                " reply = store.read(generations, renewing=self.absent);"
                " reply = Reply(reply.incarnation, [*reply.cells, *found])"
            ),
        ),
    ),
    "R4, a usable cell first": without(
        forgetting.server_comes_back_with_a_copy,
        (
            READING,
            "            if cell is None:\n                self.missing",
            (
                "            copy = known.get(key)\n"
                "            if cell and copy and cell.startswith(copy.header):\n"
                "                answers[key] = copy.value\n"
                "            elif cell is None:\n                self.missing"
            ),
        ),
    ),
    "R5, an absent generation vouches for nothing": without(
        reading.generation_cannot_be_set,
        (MOMENT, "return None if nonce is None else (", "return ("),
    ),
    "R5, a fresh one vouches for nothing read before": without(
        reading.generation_is_set_after_a_cell_was_read,
        (
            READING,
            "                self.judge(first, reply)\n                self._keep(moment)",
            "                self.judge(first, reply)",
        ),
    ),
    "R6, permit first": without(
        reading.load_overlaps_a_write,
        (
            READING,
            "        taken = self._store.take(",
            (
                "        early = load(self._place.question, list(names))\n"
                "        taken = self._store.take("
            ),
        ),
        (
            READING,
            "loaded = load(self._place.question, list(mine))",
            "loaded = {key: early[key] for key in mine}",
        ),
    ),
    "R6, a load that raises gives its permits back": without(
        reading.load_fails,
        (FILLING, "store.unlink(place.names(list(permits)))", "pass"),
    ),
    "R6, what is neither value nor permit is removed": without(
        reading.garbage_heals,
        (READING, "dropping=[names[key] for key in odd]", "dropping=[]"),
        (READING, "            self._store.unlink(odd)", "            pass"),
    ),
    "R7, not stored": without(
        reading.waiter_loads_while_a_write_comes,
        (
            READING,
            "self.answers |= load(self._place.question, list(left))",
            (
                "late = load(self._place.question, list(left)); self.answers |= late;"
                " got = self._store.take(list(left.values()), life_ms=9000).permits;"
                " got = {key: got[name] for key, name in left.items() if name in got};"
                " fill(self._place, self._store, got, late)"
            ),
        ),
    ),
    "FILL, a permit that has gone": without(
        reading.load_overlaps_a_write,
        (
            SCRIPT,
            "if not held then return 'gone' end",
            "if not held then held = permit end",
        ),
    ),
    "FILL, another's value": without(
        reading.another_fills_while_one_loads,
        (SCRIPT, "  if held ~= permit then return 'other' end", ""),
    ),
    "FILL, asks the server who it is": without(
        forgetting.server_comes_back_with_a_permit,
        (
            SCRIPT,
            "if string.sub(permit, 3, 18) ~= incarnation then return 'server_changed' end",
            "",
        ),
    ),
    "incarnation in tags": without(
        forgetting.server_comes_back_with_a_copy,
        (MOMENT, "else (incarnation, nonce,", "else (nonce,"),
    ),
    "incarnation in values": without(
        forgetting.server_comes_back_with_a_copy,
        (READING, "usable = VALUE + incarnation", "usable = VALUE"),
    ),
    "incarnation in values, without copies": without(
        forgetting.server_comes_back_without_copies,
        (
            READING,
            "usable, schema = VALUE + reply.incarnation, self._schema",
            "usable, schema = VALUE, self._schema",
        ),
    ),
    "replication id in the incarnation": without(
        forgetting.server_comes_back_with_a_copy,
        (IDENTITY, "hashlib.sha1(run_id + replication_id,", "hashlib.sha1(run_id,"),
        (SCRIPT, "redis.sha1hex(run_id .. replication_id)", "redis.sha1hex(run_id)"),
    ),
    "X1, the line is closed after an exception": without(
        forgetting.reply_answers_its_own_command,
        (
            LINES,
            "        except BaseException as error:\n            line.close()",
            "        except BaseException as error:\n            self._keep(line)",
        ),
    ),
    "X2, a replica is refused": without(
        forgetting.replica_is_refused, (IDENTITY, 'if role != "master":', "if False:")
    ),
    "an empty answer lives shortly": without(
        reading.empties_live_shortly,
        (
            "caches.coherence.place",
            "seconds = min(seconds, EMPTY_LIFE_SECONDS)",
            "pass",
        ),
    ),
    "a copy is compared after a while": without(
        reading.copies_are_compared_after_a_while,
        (
            NEAR,
            "if standing.tag != tag or asked_at - standing.since >= self._stand_seconds:",
            "if standing.tag != tag:",
        ),
    ),
    "X1, sent once": without(
        forgetting.permit_is_sent_once,
        (
            "caches.stores.redis.store",
            "        incarnation, permits, replies = self._lines.run(work)\n",
            (
                "        try:\n"
                "            incarnation, permits, replies = self._lines.run(work)\n"
                "        except CacheUnavailable:\n"
                "            incarnation, permits, replies = self._lines.run(work)\n"
            ),
        ),
    ),
    "X2, a line that was cut is not made again": without(
        forgetting.line_leads_to_one_server,
        (
            "caches.stores.redis.line",
            "        if self._has_connected:",
            "        if False:",
        ),
    ),
    "kept answers stand as long as copies": without(
        reading.kept_answers_of_anothers_write,
        (MOMENT, "        if not self._stands(kept):\n", "        if False:\n"),
    ),
    "kept answers are made of standing copies": without(
        reading.kept_answers_are_made_of_standing_copies,
        (
            MOMENT,
            "if [self.near.get(one) for one in self.standings] != [True] * len(",
            "if False and [] != [True] * len(",
        ),
    ),
}
