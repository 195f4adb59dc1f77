"""Numbers as pages show them: unknown is "-", and nothing is rounded to nothing or to all."""

from __future__ import annotations

import pytest
from django.utils import translation

from workflow_engine.admin import numbers
from workflow_engine.admin.shown import share_shown


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0.0 %"),
        (0.0004, "< 0.1 %"),
        (0.987, "98.7 %"),
        (0.99996, "> 99.9 %"),
        (1, "100.0 %"),
    ],
)
def test_share__only_nothing_is_0_and_only_all_is_100(
    value: float | None, expected: str
) -> None:
    assert plain(numbers.share(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "-"), (0, "0"), (999, "999"), (12_480, "12 480"), (7e6, "7 000 000")],
)
def test_number__in_groups(value: float | None, expected: str) -> None:
    assert plain(numbers.number(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0, "0 ms"),
        (0.128, "0.13 ms"),
        (12.34, "12.3 ms"),
        (940, "940 ms"),
        (1_500, "1.50 s"),
        (3_600_000, "3 600 s"),
    ],
)
def test_span__in_the_unit_that_suits(value: float | None, expected: str) -> None:
    assert plain(numbers.span(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (2.5, "2.5"), (1_200, "1.2 k"), (15e6, "15 M"), (4e14, "400 T")],
)
def test_short__for_an_axis(value: float, expected: str) -> None:
    assert plain(numbers.short(value)) == expected


def test_shown__exact_beside_what_people_read() -> None:
    with translation.override("de"):
        markup = share_shown("hit_share", 0.98765)

    assert markup == (
        '<data data-figure="hit_share" value="0.98765">98,8\u00a0%</data>'
    )
