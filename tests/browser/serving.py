"""Serves the project of the settings it is given, static files too, until it is ended.

A process of its own, for settings that the tests do not run with. It prints its address.
"""

from __future__ import annotations

from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at once."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Says nothing of what it answers."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


def main() -> None:
    """Serve."""
    django.setup()
    application = StaticFilesHandler(get_wsgi_application())
    with make_server("127.0.0.1", 0, application, Server, Quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - to who started it
        server.serve_forever()


if __name__ == "__main__":
    main()
