"""Runs one command with servers of its own: `python -m tests.servers COMMAND ...`."""

import os
import signal
import subprocess
import sys

from tests.servers import ServerError, Servers


def main(command: list[str]) -> int:
    """Return the exit code of the command; 3 when a server could not be started."""
    if not command:
        print("usage: python -m tests.servers COMMAND [ARGUMENT ...]", file=sys.stderr)  # noqa: T201
        return 2
    try:
        with Servers() as servers:
            return _run(command, {**os.environ, **servers.environment})
    except ServerError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 3


def _run(command: list[str], environment: dict[str, str]) -> int:
    # Ctrl-C goes to the command as well; how it ends is up to the command.
    signal.signal(signal.SIGINT, lambda *_: None)
    with subprocess.Popen(command, env=environment) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
