import pytest

from tests.detectors.driver import threshold_config as config
from workflow_engine import registry


def problems(given_config):
    entry = registry.detectors.get("threshold")
    assert entry is not None
    return entry.problems(given_config)


@pytest.mark.parametrize(
    "good",
    [
        config(),
        config("gte", levels={"low": 1, "medium": 2, "high": 3}),
        config("lt", levels={"low": 3, "high": 2.5}, resolve=3),
        config(
            "lte", levels={"medium": -1}, resolve=10, breaches=3, clears=2, repeat=True
        ),
        config(levels={"low": 10**400, "high": 10**401}),
    ],
    ids=["one level", "three", "lower is worse", "everything", "beyond a float"],
)
def test_config__fine(good):
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (config(levels={"low": 5, "high": 5}), "levels: high must be above low"),
        (
            config("lt", levels={"low": 5, "medium": 6, "high": 1}),
            "levels: medium must be below low",
        ),
        (
            config(resolve=10.5),
            "resolve: must not be above the lowest level, high",
        ),
        (
            config("lte", levels={"low": 5}, resolve=4),
            "resolve: must not be below the lowest level, low",
        ),
        (
            config(levels={"low": float("nan")}),
            "levels, resolve: NaN and infinity are no bounds",
        ),
        (
            config(resolve=float("-inf")),
            "levels, resolve: NaN and infinity are no bounds",
        ),
    ],
    ids=["equal", "wrong order", "resolve above", "resolve below", "nan", "infinite"],
)
def test_config__refused(bad, problem):
    assert problems(bad) == [problem]


@pytest.mark.parametrize(
    "change",
    [
        {"path": "nowhere.value"},
        {"path": "data..value"},
        {"path": ""},
        {"op": "eq"},
        {"levels": {}},
        {"levels": {"ok": 1}},
        {"levels": {"low": "1"}},
        {"levels": {"low": True}},
        {"resolve": None},
        {"breaches": 0},
        {"clears": 0},
        {"breaches": 1.5},
        {"repeat": 1},
    ],
    ids=str,
)
def test_config__each_key(change):
    assert len(problems({**config(), **change})) == 1
