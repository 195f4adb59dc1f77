"""Export: the figures of all processes and how all stands, as Prometheus reads them.

What is not known here: who counts what, what an alert is made of, and where in a project
the address is.
"""
