"""Driver: what stands round the kinds in the app, small enough to be read as the text has it.

States are kept per environment and subject. A late event is refused for kinds that want
order. An edited configuration sets streaks and clears to 0. A finding brings priority,
episode and the time of change. A wake runs before the first event after it, and after an
event of its own moment; one that is due at once runs at the time it then is.
"""

import heapq
from datetime import UTC, datetime, timedelta

import workflow_engine.detectors  # noqa: F401 - registers the built-in kinds
from workflow_engine import registry
from workflow_engine.conditions import judge, paths_watched, results_of, sight
from workflow_engine.types.detection import Change, Finding, Sample, State
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.reasons import Reason

START = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def an_event(value=None, *, seconds=0.0, arrived=None, **attributes):
    """Return an event whose `data.value` is `value`, accepted when it happened."""
    moment = at(seconds)
    given = {"source": "/metrics", "type": "metric.sample", "data": {"value": value}}
    accepted_at = moment if arrived is None else at(arrived)
    given |= {"id": f"{seconds}", "time": moment, "accepted_at": accepted_at}
    return Event(**{**given, **attributes})


def threshold_config(op="gt", *, levels=None, **more):
    return {"path": "data.value", "op": op, "levels": levels or {"high": 10}, **more}


class Driver:
    """One detector, its states, and the wakes on their way."""

    def __init__(self, kind, config=None, *, trigger=None):
        self.kind = kind
        self.trigger = trigger
        self.states = {}
        self.said = []  # (moment, subject, finding or reason), of wakes too
        self.clock = START
        self._wakes = []
        self._revision = 0
        self.edit(config or {})

    def edit(self, config):
        """Give the detector this configuration from now on."""
        entry = registry.detectors.get(self.kind)
        assert entry is not None
        assert entry.problems(config) == []
        self.entry, self.config = entry, config
        self._revision += 1

    def state(self, subject="", environment=""):
        return self.states.get((environment, subject), State())

    def take(self, event):
        """Run what is due before the event, then the event; return what was said of it."""
        self.run_until(event.accepted_at)
        self.clock = event.accepted_at
        key = (event.environment, event.subject)
        state, answer = self.judge(event, self.states.get(key, State()))
        if state is not None:
            self._keep(key, state)
        self.said.append((event.accepted_at, event.subject, answer))
        return answer

    def run(self, events):
        """Take all of them; return what was said, in words."""
        return [in_words(self.take(event)) for event in events]

    def values(self, *values, start=0):
        """Take one event a second; return what was said, in words."""
        events = (an_event(v, seconds=start + n) for n, v in enumerate(values))
        return self.run(events)

    def judge(self, event, state):
        """Return the state after the event, None for no such thing, and what was said."""
        watched = paths_watched(self.trigger)
        is_stateful = bool(watched) or self.entry.is_stateful(self.config)
        revision = str(self._revision)
        if state.revision != revision:
            state = state.replace(streaks={}, clears=0, revision=revision)
        is_late = state.watermark is not None and event.time < state.watermark
        if watched and is_late:
            return None, Reason.LATE_EVENT
        facts = Facts(event, last=state.memory.get("sights"))
        verdict = judge(self.trigger, facts)
        if watched:
            sights = {path: sight(facts.get(path)) for path in watched}
            state = state.remember(sights=sights).replace(watermark=event.time)
        if verdict is not None and not verdict.passes:
            return state, Reason.TRIGGER
        if is_stateful and is_late and self.entry.is_ordered:
            return None, Reason.LATE_EVENT
        sample = Sample(
            event=event, facts=facts, now=event.accepted_at, results=results_of(verdict)
        )
        after, answer = self.entry.handler(sample, state, self.config)
        assert after.priority is state.priority, "a kind does not set the priority"
        if answer == Reason.NO_VALUE or not is_stateful:
            return None, answer
        after = after.replace(
            watermark=max(event.time, state.watermark or event.time),
            last_seen_at=max(
                event.accepted_at, state.last_seen_at or event.accepted_at
            ),
        )
        return _concluded(after, answer, event.accepted_at), answer

    def run_until(self, moment):
        """Run the wakes due before a moment."""
        while self._wakes and self._wakes[0][0] < moment:
            self.wake(self._wakes[0])

    def wake(self, due):
        """Run one wake that is on its way; return what was said."""
        self._wakes.remove(due)
        heapq.heapify(self._wakes)
        moment, key = max(due[0], self.clock), due[1]
        tick = self.entry.tick
        assert tick is not None
        state, answer = tick(self.states[key], self.config, moment)
        self._keep(key, _concluded(state, answer, moment))
        self.said.append((moment, key[1], answer))
        return answer

    @property
    def wakes(self):
        """Moment and (environment, subject) of every wake on its way, the next one first."""
        return sorted(self._wakes)

    def wakes_lost(self):
        """Take every wake off its way, as a detector that is off at its moment does."""
        self._wakes.clear()

    def _keep(self, key, state):
        on_its_way = {other for _, other in self._wakes}
        if state.wake_at is not None and key not in on_its_way:
            heapq.heappush(self._wakes, (state.wake_at, key))
        self.states[key] = state.replace(version=state.version + 1, wake_at=None)

    @property
    def transitions(self):
        """Every (moment, change, priority name) but repeated ones, of wakes too."""
        return [
            (moment, answer.change.value, answer.priority.label)
            for moment, _, answer in self.said
            if isinstance(answer, Finding) and answer.change is not Change.REPEATED
        ]


def _concluded(state, answer, now):
    if not isinstance(answer, Finding):
        Reason(answer)
        return state
    if answer.change is Change.OPENED:
        state = state.replace(episode=state.episode + 1)
    if answer.change is Change.REPEATED:
        return state
    before = state.priority
    return state.replace(
        priority=answer.priority, previous_priority=before, changed_at=now
    )


def in_words(answer):
    """Return "opened low" for a finding, the code of a reason."""
    if not isinstance(answer, Finding):
        return str(answer)
    if answer.change is Change.RESOLVED:
        return "resolved"
    return f"{answer.change} {answer.priority.label}"
