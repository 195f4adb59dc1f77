"""What is to be forgotten only grows, and ends in "all of it"."""

from __future__ import annotations

import pytest

from tests.caches.questions import numbers
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import MOST_KEYS, Entries
from workflow_engine.exceptions import AccessDeclaredTwice
from workflow_engine.models import Detector, Workflow


def test_add__keys_of_one_question() -> None:
    one, entries = numbers("one"), Entries()

    entries.add(one, [1, 2])
    entries.add(one, [2, 3])

    assert list(entries.some()) == [(one, {1, 2, 3})]
    assert entries.whole() == ()
    assert entries


def test_add__no_keys() -> None:
    entries = Entries()

    entries.add(numbers("one"), [])

    assert not entries
    assert list(entries.some()) == []


def test_add__whole_stays_whole() -> None:
    one, entries = numbers("one"), Entries()

    entries.add(one, [1])
    entries.add_all(one)
    entries.add(one, [2])

    assert list(entries.some()) == []
    assert entries.whole() == (one,)


@pytest.mark.parametrize(
    ("keys", "is_whole"), [(MOST_KEYS, False), (MOST_KEYS + 1, True)]
)
def test_add__too_many_keys(keys: int, *, is_whole: bool) -> None:
    one, entries = numbers("one"), Entries()

    entries.add(one, range(keys))

    assert (entries.whole() == (one,)) is is_whole


def test_update__takes_everything() -> None:
    one, two, entries, more = numbers("one"), numbers("two"), Entries(), Entries()
    entries.add(one, [1])
    more.add(one, [2])
    more.add_all(two)

    entries.update(more)

    assert list(entries.some()) == [(one, {1, 2})]
    assert entries.whole() == (two,)


def test_declared__by_name_and_by_model() -> None:
    declared = Declared()
    one = numbers("one", Detector, among=declared)
    two = numbers("two", Detector, Workflow, among=declared)

    assert list(declared) == [one, two]
    assert declared.named("two") is two
    assert declared.named("three") is None
    assert declared.models() == [Detector, Workflow]
    assert declared.spoiled_by(Workflow) == (two,)
    assert declared.model_of("workflow_engine_workflow") is Workflow
    assert declared.model_of("auth_user") is None


def test_declared__a_name_that_is_taken() -> None:
    declared = Declared()
    numbers("one", among=declared)

    with pytest.raises(AccessDeclaredTwice, match="'one' is declared twice"):
        numbers("one", among=declared)
