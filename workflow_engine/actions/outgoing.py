"""Outgoing: what a webhook sends, addressed by name and signed, before any network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine import __version__
from workflow_engine.actions.base import Delivery, Firing
from workflow_engine.actions.endpoint import (
    URL_CHARACTERS,
    endpoint_of,
    endpoint_problems,
)
from workflow_engine.actions.filters import json_of
from workflow_engine.actions.signature import PREFIX, secret_names, signing_headers
from workflow_engine.actions.templates import template_problems
from workflow_engine.actions.trees import Tree, tree_problems
from workflow_engine.types.event import JSON, to_message

LONGEST_SECONDS: Final = 30

_HEADER_CHARACTERS: Final = 2000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
_OWN_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "workflow-engine-purpose",
    }
)
_OWN_PREFIXES: Final = (PREFIX, "proxy-")

_SECRET: Final = {
    "type": "object",
    "title": "Secret",
    "description": "Name of the environment variable that holds it, never the secret.",
    "properties": {
        "env": {
            "type": "string",
            "title": "Environment variable",
            "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
        }
    },
    "required": ["env"],
    "additionalProperties": False,
}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Webhook",
    "description": "One HTTP request, signed when there is a secret.",
    "properties": {
        "url": {
            "type": "string",
            "title": "URL",
            "description": "https, at a public address, port 443 or 8443; no template.",
            "minLength": 1,
            "maxLength": URL_CHARACTERS,
        },
        "method": {
            "type": "string",
            "title": "Method",
            "enum": ["POST", "PUT"],
            "default": "POST",
        },
        "headers": {
            "type": "object",
            "title": "Headers",
            "description": "More headers; their values are templates.",
            "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"},
            "additionalProperties": {
                "type": "string",
                "maxLength": _HEADER_CHARACTERS,
            },
            "maxProperties": 50,
        },
        "body": {
            "title": "Body",
            "description": (
                "JSON with templates inside its strings; without it, the event, "
                "the detection, the workflow and the firing are sent."
            ),
        },
        "secret": {
            "title": "Secret",
            "description": "Signs the request; while it is changed, a list: new, old.",
            "anyOf": [
                _SECRET,
                {"type": "array", "items": _SECRET, "minItems": 1, "maxItems": 2},
            ],
        },
        "timeout": {
            "type": "number",
            "title": "Time limit",
            "description": "Seconds for the whole exchange; else WEBHOOK read_seconds.",
            "minimum": 1,
            "maximum": LONGEST_SECONDS,
        },
    },
    "required": ["url"],
    "additionalProperties": False,
}


def problems(config: Any) -> list[str]:
    """Return what the schema cannot say of a configuration, without resolving a name."""
    found = endpoint_problems(config["url"])
    for name, text in config.get("headers", {}).items():
        if name.lower() in _OWN_HEADERS or name.lower().startswith(_OWN_PREFIXES):
            found.append(f"headers.{name}: is set by the app; remove it")
        found += [f"headers.{name}: {one}" for one in template_problems(text)]
    return found + tree_problems("body", config.get("body"))


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One request.

    Attributes:
        method: POST or PUT.
        url: As configured.
        headers: All of them but those that follow from the connection.
        body: JSON text, as signed.
        delivery: What a reader sees of it.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: str
    delivery: Delivery


def outgoing(firing: Firing, config: Any) -> Outgoing:
    """Return the request of a firing.

    Raises:
        Permanent: The URL is refused, or a secret is not there.
    """
    url, method = config["url"], config.get("method", "POST")
    endpoint = endpoint_of(url)
    body = json_of(_content(firing, config))
    names = secret_names(config.get("secret"))
    signed = signing_headers(names, firing.uuid, firing.now, body)
    asked: dict[str, JSON] = {
        "method": method,
        "headers": _headers(firing.kept, config) | signed,
        "body": _content(firing.kept, config),
    }
    if endpoint.query:
        asked["query"] = endpoint.query
    delivery = Delivery(endpoint=endpoint.label, request=asked)
    headers = _headers(firing, config) | signed
    return Outgoing(
        method=method, url=url, headers=headers, body=body, delivery=delivery
    )


def _content(firing: Firing, config: Any) -> JSON:
    if "body" in config:
        return Tree(firing).render(config["body"])
    return {
        "event": to_message(firing.event),
        "detection": firing.detection_facts,
        "workflow": firing.workflow_facts,
        "firing": firing.own_facts,
    }


def _headers(firing: Firing, config: Any) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"django-detector-workflows/{__version__}",
    }
    own = {name.lower(): name for name in headers}
    for name, text in config.get("headers", {}).items():
        headers.pop(own.get(name.lower(), ""), None)
        headers[name] = _CONTROL.sub(" ", firing.render(text)).strip()
    # What a receiver gets is read once: no coding that a small body could hide a large one in.
    headers["Accept-Encoding"] = "identity"
    headers["Workflow-Engine-Purpose"] = firing.purpose
    return headers
