"""Cache: the page of the look-ups; what they came to, why, and what spoilt them.

What is not known here: how figures are counted and added up; they come from `status`.
"""

from workflow_engine.admin.cache.page import CacheAdmin

__all__ = ["CacheAdmin"]
