"""Receivers: what is heard of writes, and which entries they spoil.

What is not known here: what an entry holds, and how it is forgotten. A receiver names
entries of the old and the new row and hands them to the hook of the transaction.
"""

from workflow_engine.receivers.connect import connect, connect_migrate, disconnect

__all__ = ["connect", "connect_migrate", "disconnect"]
