"""Words: what each reason of a counter means, and each cause of forgetting."""

from __future__ import annotations

from typing import Any, Final

from django.apps import apps
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

#: By counter and reason, in the order they are read.
REASONS: Final[dict[str, dict[str, Any]]] = {
    "hit": {
        "near": gettext_lazy("A copy in the memory of the process stood."),
        "cell": gettext_lazy("The entry in Redis answered."),
    },
    "miss": {
        "absent": gettext_lazy(
            "There was no entry: never read, forgotten, expired or evicted."
        ),
        "schema": gettext_lazy(
            "Filled by another version of the code. Ends soon after a release."
        ),
        "incarnation": gettext_lazy(
            "Filled before the Redis server was restarted or exchanged."
        ),
        "undecodable": gettext_lazy(
            "Not bytes of this app, or damaged: does somebody else write here?"
        ),
    },
    "bypass": {
        "transaction": gettext_lazy(
            "Asked inside a database transaction, which must see its own writes."
        ),
        "breaker": gettext_lazy(
            "Redis did not answer: the cache was given up for a while."
        ),
        "busy": gettext_lazy("Another reader was filling the entry, and took long."),
        "mode": gettext_lazy("The access is disabled by CACHE_MODE."),
        "full": gettext_lazy("Redis had no memory left to fill the entry."),
        "no_identity": gettext_lazy(
            "Redis or the database does not say which server it is."
        ),
        "replica": gettext_lazy(
            "Redis or the database is a replica, which may be behind."
        ),
    },
    "refused": {
        "gone": gettext_lazy("Forgotten while it was loaded: the cache at work."),
        "other": gettext_lazy("Another reader was quicker, or holds a newer permit."),
        "server_changed": gettext_lazy("The Redis server was exchanged meanwhile."),
        "oom": gettext_lazy("Redis has no memory: give it more, or let it evict."),
        "too_large": gettext_lazy("The answer is larger than an entry may be."),
        "unencodable": gettext_lazy("No entry can hold such an answer."),
        "error": gettext_lazy("Redis failed the command."),
    },
}

_CAUSES: Final[dict[str, Any]] = {
    "save": gettext_lazy("%(model)s saved"),
    "delete": gettext_lazy("%(model)s deleted"),
    "m2m": gettext_lazy("%(model)s added or removed"),
    "bulk": gettext_lazy("%(model)s written in bulk"),
    "outbox": gettext_lazy("%(model)s, owed by the outbox"),
    "sweep": gettext_lazy("%(model)s, found by the sweep"),
}
_WITHOUT_MODEL: Final[dict[str, Any]] = {
    "save": gettext_lazy("a row saved"),
    "delete": gettext_lazy("a row deleted"),
    "m2m": gettext_lazy("a link added or removed"),
    "bulk": gettext_lazy("rows written in bulk"),
    "outbox": gettext_lazy("owed by the outbox"),
    "sweep": gettext_lazy("found by the sweep"),
    "hand": gettext_lazy("by hand"),
    "migrate": gettext_lazy("the end of a migration"),
    "verifier": gettext_lazy("found stale when compared"),
}


def reason_words(counter: str, reason: str) -> str:
    """Return what a reason means; "" for one of another version."""
    return str(REASONS.get(counter, {}).get(reason, ""))


def cause_words(cause: str) -> str:
    """Return a cause in words: "save:workflow" as "Workflow saved"."""
    kind, _colon, model = cause.partition(":")
    if model and kind in _CAUSES:
        return str(_CAUSES[kind]) % {"model": model_words(model)}
    if not model and kind in _WITHOUT_MODEL:
        return capfirst(str(_WITHOUT_MODEL[kind]))
    return cause


def model_of(cause: str) -> Any:
    """Return the model that a cause names, if it is one of ours; else None."""
    name = cause.partition(":")[2]
    try:
        return apps.get_model("workflow_engine", name) if name else None
    except LookupError:
        return None


def model_words(name: str) -> str:
    """Return the name for people of a model of ours, or its name."""
    model = model_of(f":{name}")
    return capfirst(str(model._meta.verbose_name)) if model else name


def whole_words(number: int) -> str:
    """Return how often an access was forgotten whole."""
    return _("all") if number == 1 else _("all, %d times") % number
