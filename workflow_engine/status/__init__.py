"""Status: whether all is well, part by part; each reads first, and judges without a query.

What is not known here: options, exit codes and how often somebody looks.
"""
