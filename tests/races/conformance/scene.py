"""Scene: the server and the row as the trace wants them, and what is there to be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import redis
from django.db import connection

from tests.races.checker.model import Cell, Kind, World
from tests.races.conformance.cast import OUTBOX
from workflow_engine.caches.cell import PAYLOAD_AT, PERMIT_BYTES
from workflow_engine.caches.codec import Codec
from workflow_engine.models import Environment


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What lies in Redis."""

    cell: bytes | None
    generation: bytes | None


class Names:
    """Which real random number stands for which name in the model, and the reverse."""

    def __init__(self) -> None:
        """Know none."""
        self._real: dict[tuple[str, int], bytes] = {}
        self._model: dict[tuple[str, bytes], int] = {}

    def agree(self, kind: str, model: int, real: bytes) -> bool:
        """Whether both have met in this pair only."""
        is_known = self._real.setdefault((kind, model), real) == real
        return is_known and self._model.setdefault((kind, real), model) == model


@dataclass
class Scene:
    """Redis of its own, and the row."""

    client: redis.Redis
    cell: bytes
    generation: bytes
    key: int
    codec: Codec[int]
    saved: list[tuple[bytes, Any, int]] = field(default_factory=list)

    def clear(self) -> None:
        """Put everything back: v0, nothing owed, an empty Redis with room."""
        table = Environment._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET name = 'v0' WHERE id = %s; DELETE FROM {OUTBOX}",  # noqa: S608
                [self.key],
            )
        self.client.unlink(self.cell, self.generation)
        self.saved = []

    def owed(self) -> int:
        """Return how many outbox rows there are."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {OUTBOX}")  # noqa: S608
            return int(cursor.fetchone()[0])

    # Events

    def happens(self, event: str) -> None:
        """Let happen what a trace says of Redis."""
        events = {
            "evicts the cell": lambda: self.client.unlink(self.cell),
            "lets the permit expire": lambda: self.client.unlink(self.cell),
            "evicts the generation": lambda: self.client.unlink(self.generation),
            "saves a snapshot": self.save,
            "restarts from the snapshot": self.restart,
            "fails over to the replica": self.restart,
            "fails back": self.reign_anew,
            "is full": lambda: self.client.config_set("maxmemory", 1),
            "has room again": lambda: self.client.config_set("maxmemory", 0),
        }
        events[event]()

    def save(self) -> None:
        """Keep what a snapshot, or a replica that lags, would hold."""
        self.saved = []
        for name in (self.cell, self.generation):
            data = self.client.dump(name)
            if data is not None:
                self.saved.append((name, data, max(0, int(self.client.pttl(name)))))

    def restart(self) -> None:
        """Bring back what was saved, under another incarnation and on new connections."""
        self.client.unlink(self.cell, self.generation)
        for name, data, life_ms in self.saved:
            self.client.restore(name, life_ms, data)
        self.reign_anew()

    def reign_anew(self) -> None:
        """Take another replication id, as a promotion does, and cut every client off."""
        self.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        self.client.execute_command("REPLICAOF", "NO", "ONE")
        self.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.client.ping()

    # Seeing

    def see(self) -> Seen:
        """Return what lies in Redis."""
        cell: Any
        generation: Any
        cell, generation = self.client.mget(self.cell, self.generation)
        return Seen(cell=cell, generation=generation)

    def differs(self, world: World, names: Names) -> str:
        """Return how what is there differs from the model, or ""."""
        seen = self.see()
        model = world.redis
        if (seen.generation is None) != (model.generation is None):
            return f"generation {seen.generation!r}, in the model {model.generation}"
        if (
            seen.generation is not None
            and model.generation is not None
            and not names.agree("generation", model.generation, seen.generation)
        ):
            return f"not the generation {model.generation} of the model"
        return self._cell_differs(seen.cell, model.cell, names)

    def _cell_differs(
        self, seen: bytes | None, model: Cell | None, names: Names
    ) -> str:
        if seen is None or model is None:
            same = seen is None and model is None
            return "" if same else f"cell {seen!r}, in the model {model}"
        kind = Kind.PERMIT if seen[:1] == b"P" else Kind.VALUE
        version = -1
        if kind is Kind.VALUE:
            version = self.codec.decode(seen[PAYLOAD_AT:])
        if (kind, version) != (model.kind, model.version):
            return f"{kind} of v{version}, in the model {model}"
        if not names.agree("reign", model.reign, seen[2:18]):
            return f"incarnation {seen[2:18]!r} is not that of {model}"
        if not names.agree("cell", model.nonce, seen[18:PERMIT_BYTES]):
            return f"another filling than {model}"
        return ""
