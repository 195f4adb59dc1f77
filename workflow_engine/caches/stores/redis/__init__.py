"""Redis: the cells of a Redis server, spoken to over connections of our own.

What is not known here: what a cell means, when it may be used, and when to give up on the
server. Nothing here logs or counts: errors travel as exceptions, facts as values.
"""

from workflow_engine.caches.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
