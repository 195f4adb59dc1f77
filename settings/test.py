"""The project under test: PostgreSQL and Redis servers of its own, or SQLite.

Where the servers are is said by the environment, which the test run itself sets
(`tests/plugin.py`); without it nothing is reached, least of all a server that
happens to be on this machine.

WORKFLOW_TEST_DB               postgres (the default) or sqlite
WORKFLOW_TEST_POSTGRES_HOST    directory of the server's socket, or its host
WORKFLOW_TEST_POSTGRES_PORT    5432
WORKFLOW_TEST_POSTGRES_NAME    workflow; a child process is given the test database
WORKFLOW_TEST_SQLITE_FILE      a file that child processes can open too
WORKFLOW_TEST_REDIS_URL        such as redis://127.0.0.1:6379, without a database
"""

import os

from settings import environment
from settings.base import *  # noqa: F403
from settings.base import redis_cache, sqlite_database

_DB = environment.choice(
    "WORKFLOW_TEST_DB", among=("postgres", "sqlite"), default="postgres"
)
_REDIS_URL = environment.redis_url(
    "WORKFLOW_TEST_REDIS_URL", default="redis://no-test-server-was-started.invalid"
)

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if _DB == "postgres":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ.get("WORKFLOW_TEST_POSTGRES_HOST")
            or "/no-test-server-was-started",
            "PORT": environment.port("WORKFLOW_TEST_POSTGRES_PORT", default=5432),
            "NAME": os.environ.get("WORKFLOW_TEST_POSTGRES_NAME") or "workflow",
            "USER": "postgres",
            "TEST": {"NAME": "test_workflow"},
        }
    }
    _CACHE = {"CACHE_ALIAS": "default"}
else:
    _FILE = os.environ.get("WORKFLOW_TEST_SQLITE_FILE") or ":memory:"
    DATABASES = {"default": {**sqlite_database(_FILE), "TEST": {"NAME": _FILE}}}
    _CACHE = {}

# Nothing is verified beside a test: by then its rows may be gone.
WORKFLOW_ENGINE = {**_CACHE, "CACHE_VERIFY_SHARE": 0}
CACHES = {"default": redis_cache(f"{_REDIS_URL}/0")}
CELERY_BROKER_URL = f"{_REDIS_URL}/1"
