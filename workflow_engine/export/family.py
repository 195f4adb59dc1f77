"""Family: one metric by its name, with a value for each set of labels; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

PREFIX: Final = "workflow_engine_"

#: One value for each label of the family, in the same order.
Labels: TypeAlias = tuple[str, ...]


class Kind(Enum):
    """How numbers of a family change."""

    COUNTER = "counter"  # they only grow, over all processes and restarts
    GAUGE = "gauge"  # as it stands now


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A family of which each member is a number; what is unknown has no member.

    Attributes:
        name: Whole name, such as "workflow_engine_events_total".
        text: What it says, for people.
        labels: Names of the labels.
        kind: Counter or gauge.
        values: By labels.
    """

    name: str
    text: str
    labels: Labels
    kind: Kind
    values: Mapping[Labels, float]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How measured times are spread.

    Attributes:
        up_to: For each bound of the family, how many did not exceed it; the last is all.
        total_seconds: Sum of all times.
    """

    up_to: tuple[int, ...]
    total_seconds: float


@dataclass(frozen=True, kw_only=True)
class Times:
    """A family of which each member says how times are spread; a histogram.

    Attributes:
        name: Whole name, such as "workflow_engine_action_seconds".
        text: What it says, for people.
        labels: Names of the labels.
        bounds_seconds: The same in every member, the last infinite.
        spreads: By labels.
    """

    name: str
    text: str
    labels: Labels
    bounds_seconds: tuple[float, ...]
    spreads: Mapping[Labels, Spread]


Family: TypeAlias = Numbers | Times
