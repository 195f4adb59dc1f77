"""Where the engine remembers: the database, the database read only, or memory.

What is not here: deciding anything. Each ledger answers what it is asked and writes what it
is given; the pipeline above is the same for all of them.
"""

from workflow_engine.processing.ledger.base import Ledger
from workflow_engine.processing.ledger.database import DatabaseLedger
from workflow_engine.processing.ledger.dry import DryLedger
from workflow_engine.processing.ledger.memory import MemoryItem, MemoryLedger
from workflow_engine.processing.resolve import EpisodeKey

__all__ = [
    "DatabaseLedger",
    "DryLedger",
    "EpisodeKey",
    "Ledger",
    "MemoryItem",
    "MemoryLedger",
]
