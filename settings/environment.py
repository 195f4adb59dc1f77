"""Environment variables in, checked values out; a refusal names the variable."""

import os
from collections.abc import Collection

from django.core.exceptions import ImproperlyConfigured

HIGHEST_PORT = 65535


def choice(name: str, *, among: Collection[str], default: str) -> str:
    """Return the value of a variable that must be one of a few words.

    An unset or empty variable has the default.

    Raises:
        ImproperlyConfigured: The variable holds another word.
    """
    found = os.environ.get(name) or default
    if found not in among:
        raise _refusal(name, found, f"one of {', '.join(sorted(among))}")
    return found


def port(name: str, *, default: int) -> int:
    """Return the value of a variable that must be a port number.

    An unset or empty variable has the default.

    Raises:
        ImproperlyConfigured: The variable holds no number from 1 to 65535.
    """
    found = os.environ.get(name) or str(default)
    if not (found.isascii() and found.isdigit() and 1 <= int(found) <= HIGHEST_PORT):
        raise _refusal(name, found, f"a number from 1 to {HIGHEST_PORT}")
    return int(found)


def redis_url(name: str, *, default: str) -> str:
    """Return the value of a variable that must be a Redis URL without a database.

    An unset or empty variable has the default.

    Raises:
        ImproperlyConfigured: The variable does not start with redis:// or rediss://.
    """
    found = os.environ.get(name) or default
    if not found.startswith(("redis://", "rediss://")):
        raise _refusal(name, found, "a URL such as redis://127.0.0.1:6379")
    return found.rstrip("/")


def _refusal(name: str, found: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"The environment variable {name} must be {expected}, not {found!r}. "
        f"Correct it, or unset it for the default."
    )
