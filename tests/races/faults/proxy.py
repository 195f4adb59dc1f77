"""A proxy before a Redis server, which fails as networks and servers do."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Self

POLL_SECONDS = 0.02
END_SECONDS = 10
RECEIVED_BYTES = 65536


class Proxy:
    """Passes bytes on; the attributes say what else happens to them.

    Attributes:
        target: Port of the server that new connections lead to.
        is_silent: Whether what clients say is taken and nothing becomes of it.
        answer: What is answered to each command, instead of asking the server.
        reply_bytes: How much of a reply passes before the connection is cut; None = all.
        swallowed: How often a client said something and was not answered.
    """

    def __init__(self, target: int) -> None:
        """Listen on a free port."""
        self.target = target
        self.is_silent = False
        self.answer = b""
        self.reply_bytes: int | None = None
        self.swallowed = 0
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._is_ending = threading.Event()
        self._lock = threading.Lock()
        self._clients: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ending.set()
        self.cut()
        for thread in self._threads:
            thread.join(END_SECONDS)
        self._listener.close()

    def refuse(self) -> None:
        """Take no connection, and end those there are."""
        self._listener.close()
        self.cut()

    def listen(self) -> None:
        """Take connections again, on the same port."""
        self._listener = self._listen(self.port)

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            clients, self._clients = self._clients, set()
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _listen(self, port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), backlog=64)

    def _accept(self) -> None:
        while not self._is_ending.is_set():
            try:
                if not select.select([self._listener], [], [], POLL_SECONDS)[0]:
                    continue
                client, _ = self._listener.accept()
            except (OSError, ValueError):  # closed: connections are refused
                self._is_ending.wait(POLL_SECONDS)
                continue
            with self._lock:
                self._clients.add(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self.target))
            with server:
                while not self._is_ending.is_set():
                    ready = select.select([client, server], [], [], POLL_SECONDS)[0]
                    if client in ready and not self._ask(client, server):
                        return
                    if server in ready and not self._reply(client, server):
                        return

    def _ask(self, client: socket.socket, server: socket.socket) -> bool:
        said = client.recv(RECEIVED_BYTES)
        if not said:
            return False
        if self.is_silent:
            self.swallowed += 1
        elif self.answer:
            client.sendall(self.answer * (1 + said.count(b"\r\n*")))
        else:
            server.sendall(said)
        return True

    def _reply(self, client: socket.socket, server: socket.socket) -> bool:
        said = server.recv(RECEIVED_BYTES)
        if not said:
            return False
        if self.reply_bytes is None:
            client.sendall(said)
            return True
        client.sendall(said[: self.reply_bytes])
        return False
