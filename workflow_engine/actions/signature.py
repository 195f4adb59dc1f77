"""Signature: how a receiver knows that a webhook is ours, and which attempt belongs to which.

Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Two secrets give
two signatures, so that a receiver may change from the old one to the new one at any time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from workflow_engine.exceptions import Permanent

PREFIX = "webhook-"


def signing_headers(
    names: Sequence[str], uuid: str, now: datetime, body: str
) -> dict[str, str]:
    """Return the headers of one attempt; without names, those that need no secret.

    Args:
        names: Environment variables that hold the secrets, the newest first.
        uuid: The idempotency key, the same on every attempt.
        now: The moment of the attempt, in UTC.
        body: What is signed, exactly as it is sent.

    Raises:
        Permanent: A variable is not set or holds no secret; names the variable.
    """
    headers = {
        f"{PREFIX}id": uuid,
        f"{PREFIX}timestamp": str(int(now.timestamp())),
    }
    if names:
        signatures = [_signer(name).sign(uuid, now, body) for name in names]
        headers[f"{PREFIX}signature"] = " ".join(signatures)
    return headers


def secret_names(secret: Any) -> tuple[str, ...]:
    """Return the names in a configured secret: None, one `{"env": name}`, or a list."""
    if secret is None:
        return ()
    return tuple(
        one["env"] for one in (secret if isinstance(secret, list) else [secret])
    )


def _signer(name: str) -> Webhook:
    secret = os.environ.get(name, "")
    if not secret:
        raise Permanent(f"Environment variable {name} is not set; it holds the secret.")
    try:
        return Webhook(secret)
    except (EmptyWebhookSecretError, ValueError) as error:
        cure = "write the secret as base64, with or without whsec_ before it"
        raise Permanent(
            f"Environment variable {name} holds no secret; {cure}."
        ) from error
