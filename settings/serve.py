"""Serves the demo on 127.0.0.1, on port 8000 or the next one that is free."""

import socket
import sys

from django.core.management import execute_from_command_line

HOST = "127.0.0.1"
FIRST_PORT = 8000
PORTS = 100


def free_port(*, first: int = FIRST_PORT) -> int:
    """Return the first free port of a hundred, or end the program and say so."""
    for port in range(first, first + PORTS):
        with socket.socket() as probe:
            # As the server will: a port that was in use a moment ago is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    sys.exit(f"No port from {first} to {first + PORTS - 1} of {HOST} is free.")


if __name__ == "__main__":
    # Without the reloader there is one process, and so one runner.
    execute_from_command_line(
        ["manage.py", "runserver", "--noreload", f"{HOST}:{free_port()}"]
    )
