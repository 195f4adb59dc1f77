"""Coherence: when entries may be read, filled and kept, and how they are forgotten.

What is not known here: which rules there are, and how Redis is spoken to.
"""

from workflow_engine.caches.coherence.base import (
    CellState,
    Coherence,
    NearState,
    Peeked,
)
from workflow_engine.caches.coherence.current import current, reset, use_of_cache

__all__ = [
    "CellState",
    "Coherence",
    "NearState",
    "Peeked",
    "current",
    "reset",
    "use_of_cache",
]
