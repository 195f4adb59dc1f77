"""A real HTTP server on this machine that answers as a test says."""

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("certificate.pem")  # of hooks.example.com
HOST = "127.0.0.1"


class Exchange(BaseHTTPRequestHandler):
    """One request; `answer` says what comes back."""

    server: "_Server"

    def do_POST(self) -> None:
        """Note the request, then answer."""
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.receiver.requests.append(self)
        self.server.receiver.answer(self)

    do_PUT = do_POST  # noqa: N815 - the name that http.server looks for

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer at once and whole; a header's underscores become hyphens."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    receiver: "Receiver"

    def handle_error(self, *args: Any) -> None:
        """Be quiet about clients that went away, which is what some tests are about."""


class Receiver:
    """Listens on a free port until `stop`; `requests` holds what came."""

    def __init__(self, *, with_tls: bool = False) -> None:
        self.requests: list[Exchange] = []
        self.names: list[str | None] = []
        self.answer: Callable[[Exchange], object] = lambda exchange: exchange.answer(
            200
        )
        self.stopped = threading.Event()
        self._server = _Server((HOST, 0), Exchange)
        self._server.receiver = self
        if with_tls:
            self._server.socket = self._context().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, path: str = "/", host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = lambda connection, name, _: self.names.append(name)
        return context

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
