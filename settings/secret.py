"""A secret key that is made once and kept in a file, so that none is in the code."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def secret_key_in(path: Path) -> str:
    """Return the key kept in the file, which only its owner may read.

    The first caller makes it. The file appears whole or not at all, so two processes
    that come first at once never read half a key; the later one's key is kept.
    """
    if not path.exists():
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(get_random_secret_key())
        new.replace(path)
    return path.read_text()
