"""Races: orders of steps that real threads and servers take once in a million runs.

Here they are forced, or all of them are visited. Not here: what a single call does.
"""
