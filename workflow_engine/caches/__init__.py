"""Caches: a question asked by key, and where its answer comes from.

What is not known here: detectors, workflows, or any other rule. An access is given its
`load` and the models it depends on; it knows keys and values.
"""

from workflow_engine.caches.access import CacheAccess
from workflow_engine.caches.mapping import CacheMapping

__all__ = ["CacheAccess", "CacheMapping"]
