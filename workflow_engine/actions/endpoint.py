"""Endpoint: the URL of a webhook, and what can be said of it without the network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from workflow_engine.actions.addresses import (
    HTTP_PORT,
    allowed_ports,
    blocked,
    is_known_private,
    literal,
)
from workflow_engine.conf import options
from workflow_engine.exceptions import Permanent

URL_CHARACTERS: Final = 2000

# What a URL may not hold at all (RFC 3986, section 2), and what parsers disagree about.
_REFUSED_CHARACTERS: Final = re.compile(r'[\s\\{}<>"^`|\x00-\x20\x7f]')
_LABEL: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_NAME_CHARACTERS: Final = 253
_DEFAULT_PORTS: Final = {"https": 443, "http": HTTP_PORT}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a webhook goes.

    Attributes:
        label: Scheme, host, port if written, and path: the query may hold a secret.
        query: The parameters behind the question mark.
    """

    label: str
    query: dict[str, str]


def endpoint_of(url: str) -> Endpoint:
    """Return the endpoint of a URL.

    Raises:
        Permanent: The URL is refused; BlockedAddress when it is for its address.
    """
    parts = _split(url)
    problem = _problem_of(url, parts)
    if parts is None or problem:
        raise Permanent(problem)
    host = parts.hostname or ""
    if is_known_private(host) and not options.WEBHOOK["allow_private"]:
        raise blocked(host, literal(host) or "this machine")
    return Endpoint(
        label=f"{parts.scheme}://{parts.netloc}{parts.path}",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
    )


def endpoint_problems(url: str) -> list[str]:
    """Return what is wrong with a URL as one sentence; empty when it is fine."""
    try:
        endpoint_of(url)
    except Permanent as error:
        return [f"url: {error}"]
    return []


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _problem_of(url: str, parts: SplitResult | None) -> str:
    """Return what is wrong whatever the address is; "" for nothing."""
    refused = _REFUSED_CHARACTERS.search(url)
    if refused:
        return f"A URL cannot hold {refused[0]!r}; write it percent-encoded."
    if parts is None or len(url) > URL_CHARACTERS:
        return f"This is no URL of at most {URL_CHARACTERS} characters."
    return _scheme_problem(parts) or _host_problem(parts) or _port_problem(parts)


def _scheme_problem(parts: SplitResult) -> str:
    schemes = {"https", "http"} if options.WEBHOOK["allow_http"] else {"https"}
    if parts.scheme not in schemes:
        return f"Scheme '{parts.scheme}' is not allowed; begin with https://."
    return ""


def _host_problem(parts: SplitResult) -> str:
    if "@" in parts.netloc:
        return "A URL cannot hold a user or password; use a header or a secret."
    host = parts.hostname or ""
    labels = host.removesuffix(".").split(".")
    is_name = all(_LABEL.fullmatch(label) for label in labels)
    if literal(host) is None and not (is_name and len(host) <= _NAME_CHARACTERS):
        return f"'{host}' is no host name."
    return ""


def _port_problem(parts: SplitResult) -> str:
    try:
        port = parts.port
    except ValueError:
        return "The port is no number from 0 to 65535."
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    # Any port of a private address may be used, once these are allowed at all.
    if port in allowed_ports() or options.WEBHOOK["allow_private"]:
        return ""
    allowed = ", ".join(map(str, sorted(allowed_ports())))
    return f"Port {port} is not allowed; use one of {allowed}."
