"""Fixtures for forced interleavings."""

from tests.caches.processes import cells, numbers

__all__ = ["cells", "numbers"]
