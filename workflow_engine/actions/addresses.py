"""Address: which machines a webhook may be sent to.

A name is resolved once, every address it has must be public, and the connection goes to an
address that was checked: a second answer of the name server is never asked for.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, Protocol, TypeAlias

from workflow_engine.conf import options
from workflow_engine.exceptions import BlockedAddress, EndpointFailed, Permanent

Address: TypeAlias = IPv4Address | IPv6Address

PORTS: Final = frozenset({443, 8443})
HTTP_PORT: Final = 80

# IANA special-purpose registries, as far as the oldest Python we run on does not know them.
_NOT_PUBLIC_V4: Final = (
    IPv4Network("100.64.0.0/10"),  # shared, RFC 6598
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
)
_NOT_PUBLIC_V6: Final = (
    IPv6Network("2001::/23"),  # protocol assignments, RFC 2928; Teredo is among them
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # RFC 4291; nothing else is in use
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")  # RFC 6052


class Resolver(Protocol):
    """What knows the addresses of a name."""

    def resolve(self, host: str, port: int, timeout_seconds: float) -> Sequence[str]:
        """Return every address of a name or literal; OSError when there is none in time."""
        ...


class SystemResolver:
    """The resolver of this machine, with a limit on the time it takes."""

    def resolve(self, host: str, port: int, timeout_seconds: float) -> Sequence[str]:
        """Return every address of a name or literal; OSError when there is none in time."""
        # getaddrinfo cannot be interrupted: it is left behind, as a daemon, to its own limit.
        answers: SimpleQueue[list[str] | OSError] = SimpleQueue()
        Thread(target=_ask, args=(host, port, answers), daemon=True).start()
        try:
            answer = answers.get(timeout=max(timeout_seconds, 0))
        except Empty:
            raise TimeoutError(f"{host} was not resolved in time") from None
        if isinstance(answer, OSError):
            raise answer
        return answer


def _ask(host: str, port: int, answers: SimpleQueue[list[str] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        answers.put(error)
    except UnicodeError as error:  # a label that no name server could be asked for
        answers.put(OSError(str(error)))
    else:
        answers.put(list(dict.fromkeys(str(place[0]) for *_, place in found)))


def is_public(address: Address) -> bool:
    """Return whether an address, and every one written inside it, is public."""
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    inside = tuple(_inside(address))
    if address.ipv4_mapped or address in _TRANSLATED:
        return all(_is_public_v4(one) for one in inside)
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _NOT_PUBLIC_V6)
        and all(_is_public_v4(one) for one in inside)
    )


def _is_public_v4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved)
        and not any(address in network for network in _NOT_PUBLIC_V4)
    )


def _inside(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that a mapped, translated or tunnelled one leads to."""
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address in _TRANSLATED:
        yield IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour:
        yield address.sixtofour


def literal(host: str) -> Address | None:
    """Return the address that a host is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_known_private(host: str) -> bool:
    """Return whether a host is not public for sure, without asking a name server."""
    address = literal(host)
    if address is not None:
        return not is_public(address)
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")  # RFC 6761


def allowed_ports() -> frozenset[int]:
    """Return the ports that may be used at public addresses."""
    return PORTS | {HTTP_PORT} if options.WEBHOOK["allow_http"] else PORTS


def blocked(host: str, address: object) -> BlockedAddress:
    """Return the error for a host that has this address."""
    message = (
        f"blocked_address: {host} is {address}, which is not public; "
        "use a public address, or set WEBHOOK allow_private"
    )
    return BlockedAddress(message)


def checked_addresses(
    host: str, port: int, resolver: Resolver, timeout_seconds: float
) -> tuple[str, ...]:
    """Return the addresses to connect to, each of them checked, as the resolver orders them.

    Raises:
        BlockedAddress: One of them is not public, and so none is used.
        EndpointFailed: The name has no address, or none came in time.
        Permanent: The port is not open to public addresses.
    """
    try:
        found = tuple(resolver.resolve(host, port, timeout_seconds))
    except OSError as error:
        raise EndpointFailed(f"{host} could not be resolved: {error}") from error
    if not found:
        raise EndpointFailed(f"{host} could not be resolved: no address")
    private = [text for text in found if not _is_public_text(text)]
    if private and not options.WEBHOOK["allow_private"]:
        raise blocked(host, private[0])
    if len(private) < len(found) and port not in allowed_ports():
        raise Permanent(f"Port {port} is not allowed at a public address; use 443.")
    return found


def _is_public_text(text: str) -> bool:
    address = literal(text)
    return address is not None and is_public(address)
