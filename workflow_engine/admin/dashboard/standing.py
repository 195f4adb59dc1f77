"""Standing: everything the dashboard shows, read at one moment and not yet in words."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_engine.metrics.windows import Window
from workflow_engine.models.cache_triggers import missing
from workflow_engine.status import (
    event_figures,
    every_event,
    failing,
    items,
    look_ups,
    rules,
    server,
)
from workflow_engine.status.event_figures import EventFigures
from workflow_engine.status.in_json import line_json
from workflow_engine.status.items import Items
from workflow_engine.status.known import is_known
from workflow_engine.status.look_ups import LookUps
from workflow_engine.status.part import Part
from workflow_engine.types.event import JSON


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How all stands.

    Attributes:
        events: What became of events in the window.
        lately: How look-ups fared in the last hour, and what the outbox owes.
        items: The work.
        parts: What `workflow_status` says of each part, but for how many rules there are.
    """

    events: EventFigures
    lately: LookUps
    items: Items
    parts: tuple[Part, ...]

    @property
    def is_known(self) -> bool:
        """Whether any process wrote figures in the window, so that nothing means none."""
        return is_known(self.events.sources, self.events.window)

    def json(self) -> JSON:
        """Return it as a JSON value."""
        paused = self.items.paused
        return {
            "events": self.events.json(),
            "look_ups": line_json(self.events.look_ups),
            "parts": [part.json() for part in self.parts],
            "paused": paused and paused.json(),
        }


def read(using: str, window: Window) -> Standing:
    """Return how all stands; nine queries for the last hour, else up to eleven.

    One more and a round trip with Redis.
    """
    asked = server.ask()
    unnoticed = missing(using)
    events = event_figures.read(using, window)
    lately = _lately(using, events)
    work = items.read(using, window.until)
    return Standing(
        events=events,
        lately=lately,
        items=work,
        parts=(
            Part(
                name=rules.NAME,
                remarks=(rules.noticing(unnoticed),),
                facts={"tables_without_triggers": list(unnoticed)},
            ),
            look_ups.judge(lately, is_server_there=asked.server is not None),
            server.judge(asked),
            items.judge(work),
            items.judge_dead(work),
            every_event.judge(every_event.read(using)),
            failing.judge(failing.read(using), window.until),
        ),
    )


def _lately(using: str, events: EventFigures) -> LookUps:
    """Return how look-ups fared in the last hour, without reading again what was read.

    Of another window than that hour the sources serve too where none of them is silent:
    they differ in which silent ones are told of.
    """
    window, sources = events.window, events.sources
    hour = look_ups.window_to(window.until)
    is_hour = (hour.since, hour.slot) == (window.since, window.slot)
    return look_ups.read(
        using,
        window.until,
        figures=events.look_ups if is_hour else None,
        sources=sources if is_hour or not sources.silent else None,
    )
