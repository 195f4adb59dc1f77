"""A state machine over every way of writing rules: two processes, one database.

`actors` runs what a process does in a thread of its own, `writes` knows how rules are
written, `machine` puts both in orders nobody wrote down.
"""
