"""Report: the ratios by their names, and the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.lookups.contenders import TITLES
from benchmarks.lookups.questions import SIZES
from benchmarks.lookups.rounds import Times

MICRO: Final = 1_000_000

#: `a_vs_b_kN` is the time of a divided by the time of b, for N detectors.
RATIOS: Final = (
    ("l2", "mget"),
    ("cacheops", "l2"),
    ("cachalot", "l2"),
    ("modelsets", "l2"),
    ("modelsets_loop", "l2"),
    ("tuples", "l2"),
    ("tuples_loop", "l2"),
    ("dogpile", "l2"),
    ("prepared", "l2"),
    ("orm_postgres", "l2"),
    ("orm_sqlite", "rows_sqlite"),
    ("orm_postgres", "rows_postgres"),
    ("exact", "get"),
    ("near", "dict"),
    ("near", "ready"),
    ("cacheops", "near"),
    ("cachalot", "near"),
    ("locmem_models", "near"),
    ("locmem_tuples", "near"),
)


def ratios(times: Times) -> dict[str, float | None]:
    """Return every ratio at every size; None where one of both is missing."""
    return {
        f"{one}_vs_{other}_k{size}": _ratio(times, one, other, size)
        for one, other in RATIOS
        for size in SIZES
    }


def _ratio(times: Times, one: str, other: str, size: int) -> float | None:
    if one not in times or other not in times:
        return None
    return round(times[one][size] / times[other][size], 2)


def micros(times: Times) -> dict[str, dict[str, float]]:
    """Return the medians in microseconds."""
    return {
        name: {f"k{size}": round(seconds * MICRO, 2) for size, seconds in found.items()}
        for name, found in times.items()
    }


def lines(times: Times, result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the table, the quickest first."""
    heads = "".join(f"{f'K = {size}':>14}" for size in SIZES)
    yield f"{'microseconds a look-up':36}{heads}"
    for name in sorted(times, key=lambda one: times[one][SIZES[1]]):
        cells = "".join(f"{times[name][size] * MICRO:>14,.1f}" for size in SIZES)
        yield f"{TITLES[name]:36}{cells}"
    for name in result["missing_peers"]:
        yield f"{TITLES[name]:36}{'missing':>14}"
    yield ""
    for key, value in result.items():
        if not isinstance(value, dict | list) and value is not None:
            yield f"{key:44}{value:>14}"
