"""Notes of what was forgotten: bounded, and nothing in them that a database refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pytest_django import Settings

from workflow_engine.metrics.forgets import (
    MOST_NAMED,
    MOST_NOTES,
    Forgets,
    Forgotten,
    row_of,
)
from workflow_engine.models.cache_forget import parted

NOTE = Forgotten(
    at=datetime(2026, 5, 2, tzinfo=UTC),
    access="workflows",
    cause="save:workflow",
    count=1,
)


def notes(*counts: int) -> list[Forgotten]:
    return [replace(NOTE, count=count) for count in counts]


def test_note__the_oldest_gives_way() -> None:
    own = Forgets()

    for note in notes(*range(MOST_NOTES + 2)):
        own.note(note)

    assert own.take() == notes(*range(2, MOST_NOTES + 2))
    assert own.take() == []


def test_note__nothing_is_to_be_counted(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS": False}
    own = Forgets()

    own.note(NOTE)

    assert own.take() == []


def test_put_back__what_came_since_stays_and_the_oldest_have_no_place() -> None:
    own = Forgets()
    own.note(replace(NOTE, count=1000))

    own.put_back(notes(*range(MOST_NOTES)))

    assert own.take() == notes(*range(1, MOST_NOTES), 1000)


def test_put_back__no_room_at_all() -> None:
    own = Forgets()
    for note in notes(*range(MOST_NOTES)):
        own.note(note)

    own.put_back([NOTE])

    assert own.take() == notes(*range(MOST_NOTES))


def test_row_of__says_what_the_note_says() -> None:
    note = replace(NOTE, keys=("a.b", "*"), rows=("7", "8"), author="ann")

    row = row_of(note)

    assert (row.at, row.access, row.cause, row.count) == (
        *(NOTE.at, "workflows", "save:workflow", 1),
    )
    assert (parted(row.keys), parted(row.rows)) == (["a.b", "*"], ["7", "8"])
    assert (row.is_cut, row.author) == (False, "ann")


def test_row_of__cuts_what_is_too_long_and_replaces_what_cannot_be_stored() -> None:
    keys = ("\0", "\ud800", *(str(number) for number in range(MOST_NAMED)))

    row = row_of(replace(NOTE, keys=keys, cause="x" * 65, author="y" * 151))

    assert parted(row.keys) == ["\N{REPLACEMENT CHARACTER}", "?", *keys[2:MOST_NAMED]]
    assert row.is_cut
    assert (len(row.cause), len(row.author)) == (64, 150)
    row.clean_fields(exclude=["id"])
