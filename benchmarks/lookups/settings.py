"""The project as one process of the look-up benchmark sees it.

WORKFLOW_BENCH_ENGINE    WORKFLOW_ENGINE, as JSON
WORKFLOW_BENCH_PEER      cacheops or cachalot, which are installed for a process only

Every peer has a Redis database of its own; each is set up as its documentation says.
"""

import json
import os

from settings.base import redis_cache
from settings.test import *  # noqa: F403
from settings.test import INSTALLED_APPS

REDIS_URL = os.environ["WORKFLOW_TEST_REDIS_URL"]
OURS, DJANGO_REDIS, CACHEOPS_DB, CACHALOT_DB, DOGPILE = range(9, 14)

#: Of a busy machine, not of a server that is away.
PATIENT_SECONDS = 10
#: Longer than a run.
LIFE_SECONDS = 3600


def _redis(number: int, prefix: str = "") -> dict[str, object]:
    cache = redis_cache(f"{REDIS_URL}/{number}")
    options = {
        "SOCKET_CONNECT_TIMEOUT": PATIENT_SECONDS,
        "SOCKET_TIMEOUT": PATIENT_SECONDS,
    }
    return {
        **cache,
        "OPTIONS": options,
        "TIMEOUT": LIFE_SECONDS,
        "KEY_PREFIX": prefix,
    }


def _memory(name: str) -> dict[str, object]:
    return {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": name,
        "TIMEOUT": LIFE_SECONDS,
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }


CACHES = {
    "default": _redis(OURS),
    "redis_models": _redis(DJANGO_REDIS, "models"),
    "redis_tuples": _redis(DJANGO_REDIS, "tuples"),
    "cachalot": _redis(CACHALOT_DB),
    "locmem_models": _memory("models"),
    "locmem_tuples": _memory("tuples"),
}
DOGPILE_URL = f"{REDIS_URL}/{DOGPILE}"
WORKFLOW_ENGINE = json.loads(os.environ.get("WORKFLOW_BENCH_ENGINE") or "{}")

PEER = os.environ.get("WORKFLOW_BENCH_PEER") or ""
if PEER:
    INSTALLED_APPS = [*INSTALLED_APPS, PEER]
CACHEOPS_REDIS = f"{REDIS_URL}/{CACHEOPS_DB}"
CACHEOPS = {"workflow_engine.*": {"ops": "all", "timeout": LIFE_SECONDS}}
CACHALOT_CACHE = "cachalot"
CACHALOT_TIMEOUT = LIFE_SECONDS
