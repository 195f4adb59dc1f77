"""A schema says who can read a payload: it changes with all that its meaning depends on."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from tests.caches import shapes
from workflow_engine.caches.codec import Codec
from workflow_engine.lookups import accesses


def nothing() -> str:
    return ""


def schema_of(value_type: object) -> bytes:
    return Codec(value_type, nothing).schema


def test_decode__gives_back_what_was_encoded() -> None:
    codec = Codec[shapes.Point](shapes.Point, nothing)

    assert codec.decode(codec.encode(shapes.Point(x=1, y=2))) == shapes.Point(x=1, y=2)


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xc1", b"\x92\x01\x02"])
def test_decode__foreign_bytes(payload: bytes) -> None:
    codec = Codec[shapes.Point](shapes.Point, nothing)

    with pytest.raises((msgspec.MsgspecError, ValueError)):
        codec.decode(payload)


@pytest.mark.parametrize(
    "other",
    [
        shapes.PointAndZ,
        shapes.PointOfTexts,
        shapes.RenamedPoint,
        shapes.PointOrNone,
        tuple[shapes.Point, ...],
    ],
    ids=repr,
)
def test_schema__another_type(other: object) -> None:
    assert schema_of(other) != schema_of(shapes.Point)


def test_schema__a_type_far_below() -> None:
    assert schema_of(shapes.Line) != schema_of(shapes.LineOfTexts)


def test_schema__what_else_it_depends_on() -> None:
    known = "one"
    codec = Codec[int](int, lambda: known)
    first = codec.schema

    known = "two"
    second = codec.schema
    known = "one"

    assert first != second
    assert codec.schema == first


def test_schema__the_same_in_every_process() -> None:
    program = (
        "import django; django.setup()\n"
        "from workflow_engine.lookups import accesses\n"
        "print([one.codec.schema.hex() for one in accesses()])"
    )

    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                "DJANGO_SETTINGS_MODULE": "settings.test",
                "WORKFLOW_TEST_DB": "sqlite",
                "PYTHONHASHSEED": seed,
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1
    assert len(set(accesses())) == 4
