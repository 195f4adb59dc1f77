"""Conformance: the real client, on real servers, along orders of steps of the checker.

Each actor of a trace is a thread that stops before every call, and goes on when the trace
says so. What is not known here: which orders there are, and what is right in them.
"""
