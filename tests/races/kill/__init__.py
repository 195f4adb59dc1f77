"""Kills: a process is ended, or stopped for good, before each step of what it writes."""
