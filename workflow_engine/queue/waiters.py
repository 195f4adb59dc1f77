"""Waiters: who sleeps until told. The latch on which the loop of the runner sleeps."""

from __future__ import annotations

from queue import Empty, SimpleQueue


class Latch:
    """Set or not set, never a count.

    `set` may interrupt `wait` or `clear` in the same thread, as a signal handler does: a
    `threading.Event` could then wait for its own lock.
    """

    def __init__(self) -> None:
        self._words: SimpleQueue[None] = SimpleQueue()  # more than one means one

    def set(self) -> None:
        """Wake whoever waits, or else the next one; cheap, and never blocks."""
        if self._words.empty():
            self._words.put(None)

    def clear(self) -> None:
        """Forget that it was set."""
        try:
            while True:
                self._words.get_nowait()
        except Empty:
            return

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, `seconds` at most; say whether it was, and clear it."""
        try:
            self._words.get(timeout=max(0.0, seconds))
        except Empty:
            return False
        self.clear()
        return True
