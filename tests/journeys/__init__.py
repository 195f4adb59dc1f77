"""Journeys: an event in by the public door, an action out, with real processes between.

The worker is `celery worker`, the broker a Redis, the database a PostgreSQL; what an action
reaches is an HTTP server of the test.
"""
