"""Metrics: what happens is counted in memory, written to one table, and read again.

What is not here: what any counter means to a person, and how it is shown; who counts what.
"""
