"""E-mail: an action that writes to fixed people, through Django's mail."""

from __future__ import annotations

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any, Final

import django
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email

from workflow_engine.actions.base import Delivery, Firing, Prepared, register_action
from workflow_engine.actions.templates import (
    TEMPLATE_CHARACTERS,
    Escape,
    template_problems,
)
from workflow_engine.conf import options
from workflow_engine.exceptions import EndpointFailed, Permanent
from workflow_engine.types.event import JSON

MOST_RECIPIENTS: Final = 50
SUBJECT_CHARACTERS: Final = 200

_PERMANENT_FROM: Final = 500  # RFC 5321, section 4.2.1

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "E-mail",
    "description": "One message to all recipients together.",
    "properties": {
        "to": {
            "type": "array",
            "title": "To",
            "description": "Fixed addresses; no templates.",
            "items": {"type": "string", "title": "Address", "maxLength": 320},
            "minItems": 1,
            "maxItems": MOST_RECIPIENTS,
            "uniqueItems": True,
        },
        "subject": {
            "type": "string",
            "title": "Subject",
            "description": "A template; becomes one line.",
            "minLength": 1,
            "maxLength": SUBJECT_CHARACTERS,
        },
        "text": {
            "type": "string",
            "title": "Text",
            "description": "A template; what a reader without HTML sees.",
            "minLength": 1,
            "maxLength": TEMPLATE_CHARACTERS,
        },
        "html": {
            "type": "string",
            "title": "HTML",
            "description": "A template; its values are escaped. Beside the text.",
            "maxLength": TEMPLATE_CHARACTERS,
        },
    },
    "required": ["to", "subject", "text"],
    "additionalProperties": False,
}


def problems(config: Any) -> list[str]:
    """Return what the schema cannot say of a configuration."""
    found = [
        f"to: '{address}' is no e-mail address"
        for address in config["to"]
        if not _is_address(address)
    ]
    for name in ("subject", "text", "html"):
        found += [f"{name}: {one}" for one in template_problems(config.get(name, ""))]
    return found


@dataclass(frozen=True, kw_only=True)
class PreparedEmail(Prepared):
    """A message that is rendered and not yet sent."""

    message: EmailMultiAlternatives
    timeout_seconds: float


class Email:
    """The kind `email`."""

    def prepare(self, firing: Firing, config: Any) -> PreparedEmail:
        """Return the message with its values."""
        texts = _texts(firing, config)
        message = EmailMultiAlternatives(
            subject=texts["subject"],
            body=texts["text"],
            from_email=options.EMAIL_FROM,
            to=config["to"],
        )
        if "html" in texts:
            message.attach_alternative(texts["html"], "text/html")
        message.extra_headers["Message-ID"] = _message_id(firing, message.from_email)
        return PreparedEmail(
            delivery=_delivery(message, _texts(firing.kept, config)),
            message=message,
            timeout_seconds=firing.timeout_seconds,
        )

    def send(self, prepared: PreparedEmail) -> Delivery:
        """Hand the message to the mail server.

        Raises:
            Permanent: The server refused it for good (5xx).
            EndpointFailed: It may take it later (4xx), or could not be reached.
        """
        try:
            _send(prepared.message, prepared.timeout_seconds)
        except smtplib.SMTPRecipientsRefused as error:
            raise _refused_recipients(error.recipients) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise EndpointFailed(f"The mail server failed: {error}") from error
        return replace(prepared.delivery, response={"accepted": True})


def _texts(firing: Firing, config: Any) -> dict[str, str]:
    subject = firing.mark + firing.render(
        config["subject"], limit_characters=SUBJECT_CHARACTERS
    )
    texts = {
        "subject": " ".join(subject.split()),
        "text": firing.render(config["text"]),
    }
    if config.get("html"):
        texts["html"] = firing.render(config["html"], Escape.HTML)
    return texts


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _message_id(firing: Firing, sender: str) -> str:
    # From the sender and not from this machine, so that every attempt has the same.
    domain = parseaddr(sender)[1].rpartition("@")[2]
    return f"<{firing.uuid}@{domain or 'localhost'}>"


def _delivery(message: EmailMultiAlternatives, kept: dict[str, str]) -> Delivery:
    first, *others = message.to
    asked: dict[str, JSON] = {
        "message_id": message.extra_headers["Message-ID"],
        "from": message.from_email,
        "to": list(message.to),
        **kept,
    }
    endpoint = f"{first} and {len(others)} more" if others else first
    return Delivery(endpoint=endpoint, request=asked)


def _send(message: EmailMultiAlternatives, timeout_seconds: float) -> None:
    # From Django 6.1 on, the time limit belongs to MAILERS.
    if django.VERSION < (6, 1):
        connection: Any = mail.get_connection()
        if getattr(connection, "timeout", 0) is None:  # SMTP without EMAIL_TIMEOUT
            connection.timeout = timeout_seconds
        message.connection = connection
    message.send()


def _refused_recipients(
    recipients: Mapping[str, tuple[int, bytes]],
) -> Permanent | EndpointFailed:
    # The best of the answers: one that may do later is a reason to try.
    return _refused(*min(recipients.values()))


def _refused(code: int, answer: bytes | str) -> Permanent | EndpointFailed:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    kind = Permanent if code >= _PERMANENT_FROM else EndpointFailed
    return kind(
        f"The mail server answered {code} {text}", status=code, response={"body": text}
    )


register_action("email", schema=SCHEMA, label="E-mail", check=problems)(Email)
