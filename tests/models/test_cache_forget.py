"""Records of forgets: an entry is found by its key, and by no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.models import CacheForget
from workflow_engine.models.cache_forget import MOST_LOOKED_AT, joined, parted

NOW = datetime(2026, 5, 2, 12, tzinfo=UTC)

parts = st.sampled_from(["a", "B", "|", "%", "%7C", "%25", "\\"])
texts = st.lists(parts, max_size=4).map("".join) | st.text(max_size=6)


def record(*keys: str, access: str = "a", **more: object) -> CacheForget:
    given: dict[str, object] = {"at": NOW, "cause": "hand", "count": len(keys)}
    return CacheForget(access=access, keys=joined(list(keys)), **given | more)


@given(st.lists(texts), texts)
def test_joined__each_text_is_found_and_nothing_else(
    several: list[str], one: str
) -> None:
    text = joined(several)

    assert parted(text) == several
    assert (joined([one]) in text) == (one in several)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("a|b@/x", ["a|b@/x"]),
        ("b@/x", []),
        ("a", ["a"]),
        ("A", []),
        ("%", []),
        ("100%_", ["100%_"]),
        ("a%7Cb@/x", []),
    ],
)
def test_of_key__named_as_it_is_typed(key: str, found: list[str]) -> None:
    rows = [record(one, "other") for one in ("a|b@/x", "a", "100%_")]
    CacheForget.objects.bulk_create([*rows, record("a", "b@/x", "A", "%", access="b")])

    records = CacheForget.objects.of_key("a", key)

    assert [parted(one.keys)[0] for one in records] == found


@pytest.mark.django_db
def test_of_key__where_not_all_are_named() -> None:
    cut = record("1", is_cut=True)
    CacheForget.objects.bulk_create([cut, record("2")])

    assert list(CacheForget.objects.of_key("a", "3")) == [cut]


@pytest.mark.django_db
def test_of_key__looks_no_further_back_than_so_many_of_the_access() -> None:
    second = timedelta(seconds=1)
    CacheForget.objects.bulk_create(
        [
            record("early", at=NOW - 2 * second),
            record("in time", at=NOW - second),
            *(record() for _ in range(MOST_LOOKED_AT - 1)),
            record(access="b"),
        ]
    )

    found = [
        CacheForget.objects.of_key("a", key).count() for key in ("early", "in time")
    ]

    assert found == [0, 1]
