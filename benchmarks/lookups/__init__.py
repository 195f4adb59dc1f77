"""The parts of the look-up benchmark: its rules, its contenders, and who times them.

Every contender is asked in a process of its own kind, since two of the peers change Django's
ORM for everybody in their process. What is not known here: how the package caches.
"""
