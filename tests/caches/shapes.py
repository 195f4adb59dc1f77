"""Value types that differ from each other in one thing."""

from __future__ import annotations

import msgspec


class Point(msgspec.Struct, frozen=True):
    x: int
    y: int


class PointAndZ(msgspec.Struct, frozen=True):
    x: int
    y: int
    z: int


class PointOfTexts(msgspec.Struct, frozen=True):
    x: str
    y: str


class RenamedPoint(msgspec.Struct, frozen=True, rename="upper"):
    x: int
    y: int


class Line(msgspec.Struct, frozen=True):
    ends: tuple[Point, ...]


class LineOfTexts(msgspec.Struct, frozen=True):
    ends: tuple[PointOfTexts, ...]


PointOrNone = Point | None
