"""An answer field by field: what differs is marked, and no secret is told."""

from __future__ import annotations

from workflow_engine.inspection.sides import Field, fields, plain, value_text
from workflow_engine.types.event import JSON
from workflow_engine.types.snapshots import ABSENT, DetectorSnapshot


def detector(config: JSON) -> DetectorSnapshot:
    return DetectorSnapshot(
        id=7,
        slug="pushes",
        name="Pushes",
        event_type="a.b",
        source="",
        kind="event",
        config={"nested": config},
        enabled=True,
    )


def field(found: list[Field], path: str) -> Field:
    return next(one for one in found if one.path == path)


def test_fields__a_secret_differs_and_is_not_told() -> None:
    cached, loaded = detector({"api_token": "old"}), detector({"api_token": "new"})

    found = fields((cached,), loaded)

    secret = field(found, "config.nested.api_token")
    assert secret.is_different
    assert value_text(secret.cached) == value_text(secret.loaded) == "[redacted]"
    assert [one.path for one in found if one.is_different] == [secret.path]


def test_fields__what_only_one_side_has() -> None:
    found = fields((detector({"path": "data.failed"}),), detector({}))

    gone = field(found, "config.nested.path")
    assert (gone.cached, gone.loaded, gone.is_different) == ("data.failed", None, True)


def test_fields__nothing_cached_differs_from_nothing() -> None:
    found = fields((), detector({}))

    assert not any(one.is_different for one in found)
    assert field(found, "name").cached is None


def test_fields__an_answer_without_fields() -> None:
    (ids,) = fields(((1, 2),), (1, 3))
    (absent,) = fields((), ABSENT)

    assert (ids.path, ids.cached, ids.loaded) == ("answer", [1, 2], [1, 3])
    assert absent.loaded == "absent"


def test_plain__no_secret() -> None:
    shown = plain(detector({"password": "hidden"}))

    assert "hidden" not in str(shown)
