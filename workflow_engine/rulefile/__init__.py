"""Rules file: all rules as one JSON document, out of the database and into it.

What is not known here: events, decisions, entries of a cache, and files or command lines.
"""

from workflow_engine.rulefile.apply import import_rules
from workflow_engine.rulefile.difference import Difference
from workflow_engine.rulefile.export import dumps, export_rules

__all__ = ["Difference", "dumps", "export_rules", "import_rules"]
