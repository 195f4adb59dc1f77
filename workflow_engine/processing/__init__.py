"""Processing: from an event to what follows from it, and why.

The steps are pure; a ledger stands between them and what is remembered. What is not known
here: Celery, HTTP, commands, screens.
"""
