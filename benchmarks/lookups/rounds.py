"""Rounds: everybody answers the same, then everybody is timed in turns."""

from __future__ import annotations

import math
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

#: What is quicker is not timed alone.
LEAST_SECONDS: Final = 10e-6

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
    def turn(name: str, size: int, *, repeats: int, calls: int) -> list[float]:
        answer: list[float] = runners[name].ask(
            "turn", contender=name, size=size, repeats=repeats, calls=calls
        )
        return answer

    turns = [(name, size) for size in questions.SIZES for name in runners]
    lengths = {}
    for name, size in turns:
        seconds = turn(name, size, repeats=2, calls=1)
        lengths[name, size] = {
            "calls": math.ceil(LEAST_SECONDS / statistics.mean(seconds)),
            "repeats": math.ceil(
                pace.turn_seconds / max(sum(seconds), len(seconds) * LEAST_SECONDS)
            ),
        }
    taken: dict[tuple[str, int], list[list[float]]] = {one: [] for one in turns}
    for number in range(pace.rounds):
        # Nobody always comes after the same one.
        first = number * len(turns) // pace.rounds
        for one in turns[first:] + turns[:first]:
            name, size = one
            taken[one].append(turn(name, size, **lengths[one]))
    return {
        name: {size: _settled(taken[name, size]) for size in questions.SIZES}
        for name in runners
    }


def _settled(rounds: Sequence[Sequence[float]]) -> float:
    """Return the mean of all questions, of each the median of its rounds."""
    medians = [float(statistics.median(found)) for found in zip(*rounds, strict=True)]
    return sum(medians) / len(medians)
