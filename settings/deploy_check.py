"""The project as one would deploy it; read by `check --deploy` and nothing else.

    python manage.py check --deploy --fail-level WARNING --settings settings.deploy_check

The checks for deployment complain about every development setting, rightly. So
there is one module that shows the right ones, rather than switches in the others:
what is missing here for a clean answer is missing in a real project too. It starts
no server and needs none; the secret key is a new one each time.
"""

from django.core.management.utils import get_random_secret_key

from settings.base import *  # noqa: F403
from settings.base import redis_cache

DEBUG = False
SECRET_KEY = get_random_secret_key()
ALLOWED_HOSTS = ["workflows.example.com"]

SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "postgres.example.com",
        "NAME": "workflow",
    }
}
CACHES = {"default": redis_cache("redis://redis.example.com:6379/0")}
WORKFLOW_ENGINE = {"CACHE_ALIAS": "default"}
CELERY_BROKER_URL = "redis://redis.example.com:6379/1"
