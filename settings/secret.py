"""A secret key that is made once and kept in a file, so that none is in the code."""

from pathlib import Path

from django.core.management.utils import get_random_secret_key


def secret_key_in(path: Path) -> str:
    """Return the key kept in the file; the first caller makes it.

    Only its owner may read the file. Two processes that come first at once may use
    different keys until they start again, which ends a login and nothing else.
    """
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(get_random_secret_key())
    return path.read_text()
