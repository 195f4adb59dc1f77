"""Fixtures for tests of the cache."""

from tests.caches.processes import cells, numbers

__all__ = ["cells", "numbers"]
