"""Stores: where cells are, and the two ways to reach them.

What is not known here: questions, what a payload means, and when to read or forget.
"""
