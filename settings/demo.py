"""The embedded default: SQLite, the process store, threads; no server needed.

Everything the demo writes is in `data/`, which git ignores.
"""

import django

from settings.base import *  # noqa: F403
from settings.base import BASE_DIR, sqlite_database
from settings.secret import secret_key_in

DATA_DIR = BASE_DIR / "data"
DATA_DIR.mkdir(exist_ok=True)

DEBUG = True
SECRET_KEY = secret_key_in(DATA_DIR / "secret_key")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

DATABASES = {"default": sqlite_database(str(DATA_DIR / "demo.sqlite3"))}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Emails are files, one each, so that the demo sends nothing.
_MAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {
        "default": {
            "BACKEND": _MAIL_BACKEND,
            "OPTIONS": {"file_path": DATA_DIR / "mail"},
        }
    }
else:
    EMAIL_BACKEND = _MAIL_BACKEND
    EMAIL_FILE_PATH = DATA_DIR / "mail"

WORKFLOW_ENGINE = {
    "EXECUTOR": "threads",
    # Keep every decision, so that the page can answer for events that did nothing too.
    "TRACE_SHARE": {"no_match": 1},
}
