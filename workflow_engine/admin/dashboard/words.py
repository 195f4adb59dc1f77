"""Words: what the dashboard says in numbers, each with the page that has the rows behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from workflow_engine.admin.dashboard.standing import Standing
from workflow_engine.admin.moments import EMPTY
from workflow_engine.admin.numbers import number, share
from workflow_engine.models import ItemState
from workflow_engine.queue import Count
from workflow_engine.status.part import Level, Row
from workflow_engine.types.spans import span_text

#: Gives the address of a list by the name of its model; "" = the user may not see it.
ListOf = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number and what it is of.

    Attributes:
        key: Its name for programs.
        label: Its name for people.
        text: The number, "-" if nothing is known.
        url: The page with the rows behind it; "" = there is none.
        is_bad: Whether it needs a look.
    """

    key: str
    label: str
    text: str
    url: str = ""
    is_bad: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that needs a look.

    Attributes:
        level: How much, in a word.
        is_error: Whether it is an error.
        part: What it is about, by the name `workflow_status` has for it.
        text: What is so.
        cure: What to type; "" = nothing is known.
        url: Where to look; "" = nowhere in particular.
    """

    level: str
    is_error: bool
    part: str
    text: str
    cure: str = ""
    url: str = ""


def headline(standing: Standing, list_of: ListOf) -> Iterator[Figure]:
    """Yield the numbers at the top of the page."""
    events, window = standing.events, standing.events.window
    decisions = _with(list_of("decision"), f"recent={window.name}")
    outcomes = events.outcomes

    def counted(count: int) -> str:
        return number(count) if standing.is_known or count else EMPTY

    yield Figure(
        key="events", label=_("Events"), text=counted(events.judged), url=decisions
    )
    labels = {"fired": _("Fired"), "held": _("Held"), "failed": _("Failed")}
    for outcome, label in labels.items():
        count = outcomes[outcome]
        yield Figure(
            key=outcome,
            label=label,
            text=counted(count),
            url=_with(decisions, f"outcome__exact={outcome}"),
            is_bad=outcome == "failed" and count > 0,
        )
    yield _oldest(standing, list_of)
    dead = standing.items.dead
    yield Figure(
        key="dead",
        label=_("Dead letters"),
        text=_count(dead),
        url=_items(list_of, ItemState.DEAD),
        is_bad=dead.number > 0,
    )


def look_ups(standing: Standing, cache_url: str) -> Iterator[Figure]:
    """Yield how look-ups fared; what is stale is not known until answers are verified."""
    line, debt = standing.events.look_ups, standing.lately.debt
    is_read = line.reads > 0
    yield Figure(
        key="hit_share", label=_("hits"), text=share(line.hit_share), url=cache_url
    )
    yield Figure(
        key="misses",
        label=_("misses"),
        text=number(line.count("miss") if is_read else None),
        url=cache_url,
    )
    yield Figure(
        key="stale",
        label=_("stale"),
        text=number(line.stale),
        url=cache_url,
        is_bad=bool(line.stale),
    )
    if debt is not None:
        yield Figure(
            key="outbox",
            label=_("owed by the outbox"),
            text=number(debt.rows),
            url=cache_url,
        )


def work(standing: Standing, list_of: ListOf) -> Iterator[Figure]:
    """Yield where the items stand."""
    items = standing.items
    scheduled = _items(list_of, ItemState.SCHEDULED)
    next_in = items.next_in_seconds
    yield Figure(
        key="coming", label=_("coming"), text=_count(items.coming), url=scheduled
    )
    yield Figure(
        key="next_in",
        label=_("until the next"),
        text=EMPTY if next_in is None else span_text(next_in),
        url=scheduled,
    )
    yield Figure(key="due", label=_("due"), text=_count(items.due), url=scheduled)
    yield Figure(
        key="overdue",
        label=_("overdue"),
        text=_count(items.overdue),
        url=scheduled,
        is_bad=items.overdue.number > 0,
    )
    for key, state, count in (
        ("sent", ItemState.SENT, items.sent),
        ("running", ItemState.RUNNING, items.running),
    ):
        yield Figure(
            key=key,
            label=str(state.label),
            text=_count(count),
            url=_items(list_of, state),
        )


def attention(standing: Standing, list_of: ListOf, cache_url: str) -> Iterator[Note]:
    """Yield what needs a look, the worst first, in the words of `workflow_status`.

    These are not translated, so that people and alerts speak of the same thing.
    """
    urls = {
        "look-ups": cache_url,
        "cache": cache_url,
        "items": _items(list_of, ItemState.SCHEDULED),
        "dead letters": _items(list_of, ItemState.DEAD),
    }
    remarks = [
        (part.name, remark)
        for part in standing.parts
        for remark in part.remarks
        if remark.level is not Level.OK
    ]
    for name, remark in sorted(remarks, key=lambda one: -one[1].level):
        is_page = remark.cure.startswith("/")
        yield Note(
            level=_LEVELS[remark.level](),
            is_error=remark.level is Level.ERROR,
            part=name,
            text=remark.text,
            cure="" if is_page else remark.cure,
            url=_page_of(remark.row, list_of) if remark.row else urls.get(name, ""),
        )


_LEVELS: Final[dict[Level, Callable[[], str]]] = {
    Level.OK: lambda: _("well"),
    Level.WARN: lambda: _("warning"),
    Level.ERROR: lambda: _("error"),
}


def _oldest(standing: Standing, list_of: ListOf) -> Figure:
    late = standing.items.late_seconds
    on_time = _("on time") if standing.items.due.number else _("none is due")
    return Figure(
        key="oldest_late",
        label=_("Oldest due item"),
        text=on_time
        if late is None
        else _("%(time)s late") % {"time": span_text(late)},
        url=_items(list_of, ItemState.SCHEDULED),
        is_bad=late is not None,
    )


def _page_of(row: Row, list_of: ListOf) -> str:
    listed = list_of(row.model)
    return f"{listed}{row.pk}/change/" if listed else ""


def _count(count: Count) -> str:
    return f"{number(count.number)}{'+' if count.is_at_least else ''}"


def _items(list_of: ListOf, state: ItemState) -> str:
    return _with(list_of("workitem"), f"state__exact={state.value}&recent=all")


def _with(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}" if url else ""
