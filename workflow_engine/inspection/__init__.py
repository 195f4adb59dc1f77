"""Inspection: entries looked at from both sides, compared, and forgotten by hand.

What is not here: how it is asked for and shown; a command and the admin pages do that.
"""
