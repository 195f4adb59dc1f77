"""Webhook: an action that sends one signed HTTP request.

The only module that knows the network. The connection is made here, to an address that was
checked, under the name that was written: Host and certificate are those of the name. No
proxy, no redirect, no cookie, no second try.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeAlias

from requests import PreparedRequest, Request, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from workflow_engine import clock
from workflow_engine.actions.addresses import (
    Resolver,
    SystemResolver,
    checked_addresses,
)
from workflow_engine.actions.answers import Answer
from workflow_engine.actions.base import Delivery, Firing, Prepared, register_action
from workflow_engine.actions.deadline import Deadline
from workflow_engine.actions.outgoing import SCHEMA, outgoing, problems
from workflow_engine.conf import options
from workflow_engine.exceptions import EndpointFailed, Permanent

READ_BYTES: Final = 65_536  # of an answer; the rest is of no use and may be without end


@dataclass(frozen=True, kw_only=True)
class PreparedWebhook(Prepared):
    """A request that is addressed and signed, and not yet sent."""

    request: PreparedRequest
    timeout_seconds: float


_Dial: TypeAlias = Callable[[str, int], socket.socket]


class Webhook:
    """The kind `webhook`."""

    def __init__(self, resolver: Resolver | None = None) -> None:
        """Ask `resolver` for addresses, by default the machine's."""
        self._resolver = resolver or SystemResolver()

    def prepare(self, firing: Firing, config: Any) -> PreparedWebhook:
        """Return the request: rendered, addressed by name and signed."""
        going = outgoing(firing, config)
        request = Request(
            going.method,
            going.url,
            headers={name: text.encode() for name, text in going.headers.items()},
            data=going.body.encode(),
        )
        try:
            prepared = request.prepare()
        except (RequestException, ValueError) as error:
            raise Permanent(f"The request is refused: {error}") from error
        seconds = config.get("timeout", options.WEBHOOK["read_seconds"])
        return PreparedWebhook(
            delivery=going.delivery,
            request=prepared,
            timeout_seconds=min(seconds, firing.timeout_seconds),
        )

    def send(self, prepared: PreparedWebhook) -> Delivery:
        """Send the request and return what came back.

        Raises:
            AttemptFailed: Anything but a 2xx answer, as Permanent or Retryable.
        """
        with Deadline(prepared.timeout_seconds) as deadline:
            answer = self._exchange(prepared, deadline)
        keep_bytes = options.WEBHOOK["keep_bytes"]
        error = answer.error(clock.now(), keep_bytes)
        if error is not None:
            raise error
        return replace(
            prepared.delivery, status=answer.status, response=answer.kept(keep_bytes)
        )

    def _exchange(self, prepared: PreparedWebhook, deadline: Deadline) -> Answer:
        late = f"no whole answer within {prepared.timeout_seconds:g} s"
        adapter = _Adapter(partial(_dial, resolver=self._resolver, deadline=deadline))
        try:
            answer = _ask(adapter, prepared.request, prepared.timeout_seconds)
        except (RequestException, HTTPError, OSError) as error:
            if deadline.has_passed:
                raise EndpointFailed(late) from error
            raise _translated(error) from error
        finally:
            adapter.close()
        if deadline.has_passed:
            raise EndpointFailed(late, status=answer.status)
        return answer


class _HTTPConnection(HTTPConnection):
    """A connection that is made by `dial`."""

    def __init__(self, *args: Any, dial: _Dial, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial(self.host, self.port)


class _HTTPSConnection(HTTPSConnection):
    """The same, with TLS and the certificate of the name on top of it."""

    def __init__(self, *args: Any, dial: _Dial, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial(self.host, self.port)


_CONNECTIONS: Final[Mapping[str, Callable[..., HTTPConnection]]] = {
    "http": _HTTPConnection,
    "https": _HTTPSConnection,
}


class _Adapter(HTTPAdapter):
    """Sends over connections made by `dial`, each request once."""

    def __init__(self, dial: _Dial) -> None:
        super().__init__(max_retries=0)
        self._dial = dial

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        # Any: the stubs know neither attribute of what is a pool of connections.
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = partial(_CONNECTIONS[pool.scheme], dial=self._dial)
        return pool


def _dial(
    host: str, port: int, *, resolver: Resolver, deadline: Deadline
) -> socket.socket:
    """Return a connection to the first checked address that takes one in time."""
    left = deadline.remaining_seconds
    addresses = checked_addresses(host, port, resolver, left())
    failure = OSError(f"{host} has no address")
    for address in addresses:
        seconds = min(options.WEBHOOK["connect_seconds"], left())
        if seconds <= 0:  # to a socket, no time is either no limit or no waiting
            raise EndpointFailed(f"{host} did not take a connection in time")
        try:
            connection = socket.create_connection((address, port), seconds)
        except OSError as error:
            failure = error
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            deadline.guard(connection)
            return connection
    raise failure


def _ask(adapter: _Adapter, request: PreparedRequest, seconds: float) -> Answer:
    # An authority of the company's own is named as requests users are used to.
    verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    response = adapter.send(
        request, stream=True, timeout=seconds, verify=verify, proxies={}
    )
    try:
        return Answer(
            status=response.status_code,
            headers={name.lower(): text for name, text in response.headers.items()},
            body=_read(response),
        )
    finally:
        response.close()


def _read(response: Response) -> bytes:
    body: bytes = response.raw.read(READ_BYTES, decode_content=False)
    return body


def _translated(error: Exception) -> EndpointFailed | Permanent:
    refused = next(
        (
            one
            for one in _causes(error)
            if isinstance(one, ssl.SSLCertVerificationError)
        ),
        None,
    )
    if refused is not None:
        return Permanent(f"The certificate is refused: {refused.verify_message}")
    *_, root = _causes(error)
    return EndpointFailed(f"The exchange failed: {root}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what stands behind it, the root last."""
    behind: BaseException | None = error
    while behind is not None:
        yield behind
        behind = behind.__cause__ or behind.__context__


register_action("webhook", schema=SCHEMA, label="Webhook", check=problems)(Webhook)
