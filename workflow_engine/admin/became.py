"""Became: what the firings of a decision came to, as it stands now."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any, Final

from django.db.models import Q
from django.utils.html import format_html
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from workflow_engine.admin.moments import EMPTY, moment
from workflow_engine.admin.reasons import reason_text
from workflow_engine.admin.trace import Row
from workflow_engine.models import Decision, Firing, FiringState

FIRINGS_SHOWN: Final = 20


def firings_of(decision: Decision, rows: Iterable[Row]) -> list[Firing]:
    """Return firings of a decision and those its actions were merged into; one query.

    At most FIRINGS_SHOWN and one more.
    """
    named = [found for row in rows if (found := _uuid(row.firing)) is not None]
    wanted = Q(decision=decision.uuid) | Q(uuid__in=named)
    return list(Firing.objects.filter(wanted).order_by("pk")[: FIRINGS_SHOWN + 1])


def tell_rows(rows: Iterable[Row], firings: Iterable[Firing], address: str) -> None:
    """Write beside each action what its firing is now; `address` is that of the list."""
    known = {firing.uuid: firing for firing in firings}
    for row in rows:
        found = _uuid(row.firing)
        if found in known:
            row.now = firing_link(known[found], address)


def firing_line(firing: Firing, address: str) -> dict[str, Any]:
    """Return what the page of a decision shows of a firing."""
    return {
        "workflow": firing.workflow_slug or EMPTY,
        "action": firing.action_slug,
        "purpose": firing.get_purpose_display(),
        "state": firing_link(firing, address),
        "reason": reason_text(firing.reason),
        "attempts": firing.attempts,
        "due": moment(firing.due_at),
        "finished": moment(firing.finished_at),
    }


def firing_link(firing: Firing, address: str) -> str:
    """Return the state of a firing as a link to its page."""
    text = firing.get_state_display()
    return format_html('<a href="{}{}/change/">{}</a>', address, firing.pk, text)


def states_of(decisions: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the states of the firings of decisions, each once; one query."""
    pairs = (
        Firing.objects.filter(decision__uuid__in=decisions)
        .order_by()
        .values_list("decision__uuid", "state")
        .distinct()
    )
    found: dict[uuid.UUID, set[str]] = {}
    for decision, state in pairs:
        found.setdefault(decision, set()).add(state)
    return {
        decision: get_text_list(
            [str(one.label) for one in FiringState if one.value in states], _("and")
        )
        for decision, states in found.items()
    }


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None  # the action has none, or another version named it otherwise
