"""A week of figures by the minute, as ten processes write them, and who times the pages over it.

What is not known here: where the databases are, and how the package reads them.
"""
