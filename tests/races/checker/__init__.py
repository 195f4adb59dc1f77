"""Checker: all interleavings of the cache protocol, over a model of it in plain Python.

It says that the rules keep promises C1 to C3, and, with any one rule dropped, how a stale
answer comes about. What is not known here: the code that follows the rules, Django, Redis.
"""

from tests.races.checker.search import Step
from tests.races.checker.traces import failing_traces, sample_traces

__all__ = ["Step", "failing_traces", "sample_traces"]
