"""Figures: what is measured beside the race, each with workers of its own."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, TypeAlias

from benchmarks.lookups import questions
from benchmarks.lookups.places import LARGE, Places
from benchmarks.lookups.team import Worker, workers

Figures: TypeAlias = dict[str, Any]

PROCESSES: Final = 4
READERS: Final = 200
#: Until readers that were told of a moment have all heard of it.
SOON_SECONDS: Final = 0.3
WARM_KEY: Final = 500


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is done.

    Attributes:
        tries: Of what is measured once each time.
        saves: Pairs of saves.
        many: Detectors in the large database.
        wide_links: Links of the workflow that is saved.
        batches: Of events in a turn.
        invalidations: Of the churn.
        churn_seconds: After which the churn ends with what it has done.
    """

    tries: int
    saves: int
    many: int
    wide_links: int
    batches: int
    invalidations: int
    churn_seconds: float


def cold(places: Places, core: int, effort: Effort) -> Figures:
    """Measure look-ups that find nothing, and the bytes of what they leave."""
    size = max(questions.SIZES)
    with workers("exact", places=places, core=core) as (worker,):
        worker.ask("count_trips")
        worker.ask("agree", contender="exact")
        found = [
            worker.ask("miss", size=size, place=place % questions.QUESTIONS[size])
            for place in range(effort.tries)
        ]
        sizes = worker.ask("sizes")
    return {
        f"miss_queries_k{size}": statistics.median(one["queries"] for one in found),
        f"miss_round_trips_k{size}": statistics.median(
            one["round_trips"] for one in found
        ),
        f"miss_ms_k{size}": round(statistics.median(one["ms"] for one in found), 2),
        "header_bytes_per_value": sizes["header"],
        "cell_bytes_per_workflow": sizes["cell"],
    }


def crowd(places: Places, _core: int, effort: Effort) -> Figures:
    """Measure how often one cold entry is loaded for many readers at once, on all cores."""
    each = READERS // PROCESSES
    loads = []
    with workers(*["exact"] * PROCESSES, places=places) as team:
        for worker in team:
            worker.tell("gather", threads=each, warm=WARM_KEY)
        for worker in team:
            worker.hear("gather")
        for key in range(1, effort.tries + 1):
            team[0].ask("forget_workflow", key=key)
            at = perf_counter() + SOON_SECONDS
            for worker in team:
                worker.tell("rush", threads=each, key=key, at=at)
            loads.append(sum(worker.hear("rush") for worker in team))
    return {
        "cold_readers_queries": statistics.median(loads),
        "cold_readers_queries_each": loads,
    }


def stream(places: Places, core: int, effort: Effort) -> Figures:
    """Measure events a second of one worker process, and queries of a batch."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    queries: dict[bool, list[float]] = {False: [], True: []}
    with workers("exact", places=places, core=core) as (worker,):
        for number in range(effort.tries + 1):  # the first makes everything warm
            for reaches, found in rates.items():
                one = worker.ask(
                    "events",
                    name=f"{number}-{reaches}",
                    batches=effort.batches,
                    reaches_workflows=reaches,
                )
                if number:
                    found.append(1 / one["seconds"])
                    queries[reaches].append(one["queries"])
    return {
        "events_per_second": round(statistics.median(rates[False])),
        "events_per_second_workflows_judged": round(statistics.median(rates[True])),
        "events_queries_per_batch": statistics.median(queries[False]),
        "events_queries_per_batch_workflows_judged": statistics.median(queries[True]),
    }


def churn(places: Places, core: int, effort: Effort) -> Figures:
    """Measure what invalidations leave behind."""
    with workers("exact", places=places, core=core) as (worker,):
        found = worker.ask(
            "churn",
            invalidations=effort.invalidations,
            seconds=effort.churn_seconds,
        )
    return {
        "churn_bytes_per_invalidation": round(found["process"] + found["redis"], 2),
        "churn_process_bytes_per_invalidation": round(found["process"], 2),
        "churn_redis_bytes_per_invalidation": round(found["redis"], 2),
        "churn_invalidations": found["done"],
        "forgets_per_second": round(found["per_second"]),
    }


def large(places: Places, core: int, effort: Effort) -> Figures:
    """Measure beside a database with many detectors: saves there, look-ups in both."""
    with workers("plain", places=places, database=LARGE) as (worker,):
        wide = worker.ask(
            "write_many", detectors=effort.many, wide_links=effort.wide_links
        )
    return {**_flat(places, core, effort), **_saves(places, core, effort, wide)}


def _flat(places: Places, core: int, effort: Effort) -> Figures:
    size = questions.SIZES[1]
    taken: dict[str, list[float]] = {"small": [], "large": []}
    with (
        workers("l2", places=places, core=core) as (small,),
        workers("l2", places=places, core=core, database=LARGE) as (many,),
    ):
        pair: dict[str, Worker] = {"small": small, "large": many}
        for worker in pair.values():
            worker.ask("agree", contender="l2")
        for _ in range(effort.tries * 3):
            for name, worker in pair.items():
                turn = worker.ask("turn", contender="l2", size=size, repeats=5, calls=1)
                taken[name].append(statistics.mean(turn))
    return {
        "flat_1k_to_1m": round(
            statistics.median(taken["large"]) / statistics.median(taken["small"]), 3
        ),
        "flat_detectors": effort.many + questions.DETECTORS,
    }


def _saves(places: Places, core: int, effort: Effort, wide: int) -> Figures:
    ours: list[float] = []
    plain: list[float] = []
    with workers("exact", "plain", places=places, core=core, database=LARGE) as team:
        cached, bare = team
        links = cached.ask("begin_saves", key=wide)
        bare.ask("begin_plain_saves", key=wide)
        for number in range(effort.saves):
            ours.append(cached.ask("save", number=number))
            plain.append(bare.ask("save", number=number))
    ours_ms, plain_ms = (1000 * statistics.median(one) for one in (ours, plain))
    return {
        f"save_added_ms_{links}_links": round(ours_ms - plain_ms, 3),
        f"save_ms_{links}_links": round(ours_ms, 3),
        f"save_plain_ms_{links}_links": round(plain_ms, 3),
    }
