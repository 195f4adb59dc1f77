"""Promise: which commits every process must know of, and whether an answer does (C1, C3)."""

from __future__ import annotations

from collections.abc import Collection


class Promise:
    """What has been promised so far.

    Attributes:
        commits: Versions in the order in which they were committed.
    """

    def __init__(self, processes: Collection[int]) -> None:
        """Begin with v0, which nothing is older than."""
        self.commits = [0]
        self._floors = dict.fromkeys(processes, 0)
        self._begun: dict[str, int] = {}

    def commit(self, version: int) -> None:
        """Note a commit."""
        self.commits.append(version)

    def hold(self, process: int, version: int) -> None:
        """Let no read of a process that begins from now on be older than a commit."""
        rank = self.commits.index(version)
        self._floors[process] = max(rank, self._floors.get(process, 0))

    def hold_all(self, version: int) -> None:
        """Do so for every process that reads: the forget of a commit is complete."""
        for process in self._floors:
            self.hold(process, version)

    def begin(self, name: str, process: int) -> None:
        """Note that somebody begins a read, or a forget, now."""
        self._begun[name] = self._floors.get(process, 0)

    def check(self, name: str, told: object, *, in_snapshot: bool) -> None:
        """Refuse an answer that is older than what the reader must know.

        Raises:
            AssertionError: It is, or it was never committed.
        """
        assert told in self.commits, f"C3: {name} answers v{told}"
        floor = 0 if in_snapshot else self._begun[name]
        rank = self.commits.index(int(str(told)))
        message = f"C1: {name} answers v{told} after v{self.commits[floor]}"
        assert rank >= floor, message
