"""Faults: servers that are away, slow, full, older than they were, or others."""
