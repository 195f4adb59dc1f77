"""Fields of an answer in the words of the forms."""

from __future__ import annotations

import pytest

from workflow_engine.admin.cache.labels import compared, label_of
from workflow_engine.inspection.sides import Field
from workflow_engine.types.event import JSON


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("interval_seconds", "interval"),
        ("ifs.0.actions.1.delay_seconds", "if 1, action 2, delay"),
        ("ifs.1.actions.0.action.name", "if 2, action 1, name"),
        ("when.conditions.2.config.path", "when, condition 3, configuration path"),
        ("config.config.id", "configuration config.id"),
        ("answer", "answer"),
        ("field_of_another_app", "field of another app"),
    ],
)
def test_label_of__reads_like_the_form(path: str, label: str) -> None:
    assert label_of(path) == label


@pytest.mark.parametrize(
    ("path", "cached", "loaded", "shown"),
    [
        ("name", "10", 10, ('"10"', "10")),
        ("enabled", "yes", True, ('"yes"', "true")),
        ("interval_seconds", 90_000, 90_001, None),
        ("name", "", None, ('""', "-")),
    ],
)
def test_compared__what_differs_never_reads_alike(
    path: str, cached: JSON, loaded: JSON, shown: tuple[str, str] | None
) -> None:
    field = Field(path=path, cached=cached, loaded=loaded, is_different=True)

    row = compared(field)

    assert row.cached != row.loaded
    assert not row.is_inner
    if shown:
        assert (row.cached, row.loaded) == shown
