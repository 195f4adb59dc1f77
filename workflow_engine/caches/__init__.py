"""Caches: a question asked by key, how its entries are named, and what spoils them.

What is not known here: detectors, workflows, or any other rule. An access is given its
`load` and the models it depends on; it knows keys, values and rows by column name.
"""

from workflow_engine.caches.access import CacheAccess
from workflow_engine.caches.declared import Declared, declared
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.mapping import (
    CacheMapping,
    Dependency,
    Direct,
    Resolved,
    Row,
    row_of,
)

__all__ = [
    "CacheAccess",
    "CacheMapping",
    "Declared",
    "Dependency",
    "Direct",
    "LookUp",
    "Resolved",
    "Row",
    "declared",
    "row_of",
]
