"""Ingress: the addresses that a project includes; today there is one, of the metrics.

What is not known here: what stands in an answer, and who may have it.
"""
