"""Coherence: when entries may be read, filled and kept, and how they are forgotten.

What is not known here: which rules there are, and how Redis is spoken to.
"""
