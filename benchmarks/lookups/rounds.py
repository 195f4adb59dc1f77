"""Rounds: everybody answers the same, then everybody is timed in turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from benchmarks.lookups import questions
from benchmarks.lookups.contenders import KINDS
from benchmarks.lookups.places import REDIS_DATABASES, Places
from benchmarks.lookups.team import Worker, missing, workers

#: Median seconds of a question, by contender and size.
Times: TypeAlias = Mapping[str, Mapping[int, float]]

#: Whose answer the others must give.
JUDGE: Final = "orm_postgres"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long it takes.

    Attributes:
        rounds: Of the contenders, each with a turn at every size.
        turn_seconds: About how long a turn is.
    """

    rounds: int
    turn_seconds: float


@dataclass(kw_only=True)
class Race:
    """What came of it.

    Attributes:
        missing: Peers that are not installed.
        queries: SQL of a warm question on average, by contender.
        times: Medians.
        mgets: How many MGETs ours sent on Redis only, by size.
        cells: How many names they had on average, by size.
    """

    missing: list[str]
    queries: dict[str, float]
    times: Times = field(default_factory=dict)
    mgets: dict[int, int] = field(default_factory=dict)
    cells: dict[int, float] = field(default_factory=dict)


def race(places: Places, *, core: int, pace: Pace) -> Race:
    """Ask and time all contenders.

    Raises:
        SystemExit: One gave another answer.
    """
    absent = [kind for kind in KINDS if missing(kind)]
    kinds = [
        name
        for name, kind in KINDS.items()
        if (kind.contenders or name == "limits") and name not in absent
    ]
    with ExitStack() as stack:
        team = stack.enter_context(workers(*kinds, places=places, core=core))
        by_kind = dict(zip(kinds, team, strict=True))
        runners = {name: by_kind[kind] for kind in kinds for name in _names(kind)}
        found = Race(missing=absent, queries=_agree(runners))
        for limit in _limits(found, places, by_kind):
            runners[limit] = by_kind["limits"]
        found.times = _time(runners, pace)
    return found


def _names(kind: str) -> Sequence[str]:
    return KINDS[kind].contenders


def _agree(runners: Mapping[str, Worker]) -> dict[str, float]:
    """Return the queries of a warm question, by contender; all have given one answer."""
    answers = {
        name: worker.ask("agree", contender=name) for name, worker in runners.items()
    }
    wanted = answers[JUDGE]["digests"]
    for name, given in answers.items():
        for size, digests in given["digests"].items():
            pairs = enumerate(zip(digests, wanted[size], strict=True))
            if wrong := [place for place, (one, other) in pairs if one != other]:
                message = f"{name} answers questions {wrong} of size {size} wrongly"
                raise SystemExit(message)
    asked = sum(questions.QUESTIONS.values())
    return {
        name: round(sum(given["queries"].values()) / asked, 2)
        for name, given in answers.items()
    }


def _limits(
    found: Race, places: Places, by_kind: Mapping[str, Worker]
) -> Sequence[str]:
    """Make the limits out of what ours sends; none when it sends nothing."""
    for size in questions.SIZES:
        for limit, kind in (("mget", "l2"), ("get", "exact")):
            recorded = [
                _recorded(places, by_kind[kind], kind, size, place)
                for place in range(questions.QUESTIONS[size])
            ]
            if not all(recorded):
                return ()
            by_kind["limits"].ask(
                "read_like", contender=limit, size=size, recorded=recorded
            )
            if limit == "mget":
                found.mgets[size] = max(map(len, recorded))
                found.cells[size] = statistics.mean(
                    sum(map(len, commands)) for commands in recorded
                )
    return ("mget", "get")


def _recorded(
    places: Places, worker: Worker, contender: str, size: int, place: int
) -> list[list[str]]:
    """Return the names of each MGET that one question takes, as the server saw them.

    Asked twice: the fewer commands are those without a background thread's between.
    """
    client: Any = places.redis(REDIS_DATABASES[0])
    seen = []
    for _ in range(2):
        with client.monitor() as monitor:
            worker.ask("once", contender=contender, size=size, place=place)
            client.echo("enough")
            commands: list[list[str]] = []
            for line in monitor.listen():
                words = line["command"].split(" ")
                if words[0].upper() == "ECHO":
                    break
                if words[0].upper() == "MGET":
                    commands.append(words[1:])
        seen.append(commands)
    return min(seen, key=len)


def _time(runners: Mapping[str, Worker], pace: Pace) -> Times:
    def turn(name: str, size: int, repeats: int) -> Any:
        return runners[name].ask("turn", contender=name, size=size, repeats=repeats)

    turns = [(name, size) for size in questions.SIZES for name in runners]
    repeats = {}
    for name, size in turns:
        all_seconds = turn(name, size, 1) * questions.QUESTIONS[size]
        repeats[name, size] = max(1, round(pace.turn_seconds / all_seconds))
    taken: dict[tuple[str, int], list[float]] = {one: [] for one in turns}
    for number in range(pace.rounds):
        # Nobody always comes after the same one.
        first = number * len(turns) // pace.rounds
        for name, size in turns[first:] + turns[:first]:
            taken[name, size].append(turn(name, size, repeats[name, size]))
    return {
        name: {size: statistics.median(taken[name, size]) for size in questions.SIZES}
        for name in runners
    }
