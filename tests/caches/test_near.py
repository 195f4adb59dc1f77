"""Copies stand only under the tag they were read under, for a bounded time, in a bound."""

from __future__ import annotations

import pytest

from workflow_engine.caches.near import STAND_SECONDS, Copy, Near, NearCopies

TAG = (b"server", b"generation", b"schema")
OTHER = (b"server", b"another", b"schema")


def kept(near: Near, copies: NearCopies[int, str], *keys: int, at: float = 0.0) -> None:
    standing = copies.turn(TAG, at)
    answers = [(key, Copy(b"h%d" % key, f"v{key}")) for key in keys]
    near.keep(copies, standing, answers, ())


def test_turn__same_tag() -> None:
    near = Near(10)
    copies = near.open()
    kept(near, copies, 1)

    standing = copies.turn(TAG, 1.0)

    assert standing.values == {1: "v1"}


@pytest.mark.parametrize("tag", [OTHER, None], ids=["another", "none"])
def test_turn__another_tag(tag: tuple[bytes, ...] | None) -> None:
    near = Near(10)
    copies = near.open()
    kept(near, copies, 1)

    standing = copies.turn(tag, 1.0)

    assert standing.values == {}
    assert copies.copies == {1: Copy(b"h1", "v1")}


def test_turn__no_tag_leaves_what_stands_to_others() -> None:
    near = Near(10)
    copies = near.open()
    kept(near, copies, 1)

    copies.turn(None, 1.0)

    assert copies.turn(TAG, 2.0).values == {1: "v1"}


@pytest.mark.parametrize(
    ("at", "stands"), [(STAND_SECONDS - 1, True), (STAND_SECONDS, False)]
)
def test_turn__compared_again_after_a_while(at: float, *, stands: bool) -> None:
    near = Near(10)
    copies = near.open()
    kept(near, copies, 1)

    assert (1 in copies.turn(TAG, at).values) is stands


def test_keep__without_a_tag_nothing_stands() -> None:
    near = Near(10)
    copies = near.open()

    near.keep(copies, copies.turn(None, 0.0), [(1, Copy(b"h", "v"))], ())

    assert copies.copies == {1: Copy(b"h", "v")}
    assert copies.turn(TAG, 0.0).values == {}


def test_keep__under_a_tag_that_was_exchanged_meanwhile() -> None:
    near = Near(10)
    copies = near.open()
    slow = copies.turn(TAG, 0.0)
    copies.turn(OTHER, 1.0)

    near.keep(copies, slow, [(1, Copy(b"h", "v"))], ())

    assert copies.turn(OTHER, 2.0).values == {}


def test_keep__empty_answers_are_known_as_such() -> None:
    near = Near(10)
    copies = near.open()
    standing = copies.turn(TAG, 0.0)

    near.keep(copies, standing, [(1, Copy(b"h", ())), (2, Copy(b"h", (5,)))], ((),))

    assert standing.empty == {1}


def test_keep__bound_is_shared() -> None:
    near = Near(32)
    small, large = near.open(), near.open()
    kept(near, small, 1, 2)
    for key in range(40):
        kept(near, large, key)

    assert len(small.copies) + len(large.copies) <= 32
    assert set(small.copies) == {1, 2}
    assert 39 in large.copies
    assert 0 not in large.copies
    assert set(large.standing.values) == set(large.copies)


def test_keep__bound_of_nothing() -> None:
    near = Near(0)
    copies = near.open()
    kept(near, copies, 1)

    assert copies.copies == {}
    assert copies.standing.values == {}


def test_drop__neither_stands_nor_is_compared() -> None:
    near = Near(10)
    copies = near.open()
    kept(near, copies, 1, 2)

    copies.drop([1, 7])

    assert copies.copies.keys() == {2}
    assert copies.turn(TAG, 0.0).values == {2: "v2"}


@pytest.mark.parametrize(
    ("asked_at", "is_trusted"), [(4.0, False), (5.0, False), (6.0, True)]
)
def test_trusted__a_reply_from_before_an_own_forget(
    asked_at: float, *, is_trusted: bool
) -> None:
    copies = Near(10).open()

    copies.unsee(5.0)
    standing = copies.turn(TAG, asked_at)

    assert copies.trusted(0.0) is (standing if is_trusted else None)


@pytest.mark.parametrize(
    ("since", "is_trusted"), [(5.9, True), (6.0, True), (6.1, False)]
)
def test_trusted__seen_since(since: float, *, is_trusted: bool) -> None:
    copies = Near(10).open()

    copies.turn(TAG, 3.0)
    standing = copies.turn(TAG, 6.0)

    assert copies.trusted(since) is (standing if is_trusted else None)


def test_trusted__a_late_reply_does_not_lend_its_moment_to_another_tag() -> None:
    copies = Near(10).open()
    copies.turn(TAG, 6.0)

    copies.turn(OTHER, 4.0)

    assert copies.trusted(5.0) is None


def test_trusted__nothing_was_seen() -> None:
    assert Near(10).open().trusted(float("-inf")) is None
