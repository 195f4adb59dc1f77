"""Commands: arguments in, one call of what stands below, words or JSON out.

What is not here: deciding anything, asking the tables directly.
"""
