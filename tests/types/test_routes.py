import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.types.routes import candidate_routes, pattern_problem


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether a pattern without a problem takes an event type; what routes must agree to.

    `a.b.*` takes every type that begins with `a.b.`, and so not `a.b` itself.
    """
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern in {"*", event_type}


SENTENCE = "event type must be exact, 'a.b.*' or '*'"

# Few letters and many dots, so that a type and a pattern often meet.
types = st.text(alphabet="ab.*", min_size=1, max_size=24)
prefixes = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=10).map(
    ".".join
)
patterns = st.one_of(types, st.just("*"), prefixes, prefixes.map(lambda p: f"{p}.*"))


def test_candidate_routes__narrowest_first():
    assert candidate_routes("order.paid.late", "/shop") == (
        ("order.paid.late", "/shop"),
        ("order.paid.late", ""),
        ("order.paid.*", "/shop"),
        ("order.paid.*", ""),
        ("order.*", "/shop"),
        ("order.*", ""),
        ("*", "/shop"),
        ("*", ""),
    )


def test_candidate_routes__type_without_a_dot():
    assert candidate_routes("order", "/shop") == (
        ("order", "/shop"),
        ("order", ""),
        ("*", "/shop"),
        ("*", ""),
    )


def test_candidate_routes__ten_parts_give_twenty_with_the_eight_shortest_prefixes():
    routes = candidate_routes("a.b.c.d.e.f.g.h.i.j", "/shop")

    assert len(routes) == 20
    assert ("a.b.c.d.e.f.g.h.*", "") in routes
    assert ("a.b.c.d.e.f.g.h.i.*", "") not in routes


@pytest.mark.parametrize("event_type", ["*", "order.*", ".", "..", ".order"])
def test_candidate_routes__none_twice_and_none_empty(event_type):
    routes = candidate_routes(event_type, "/shop")

    assert len(routes) == len(set(routes))
    assert ".*" not in dict(routes)


@pytest.mark.parametrize(
    ("event_type", "source", "asked"),
    [("order.paid", "/shop", [1, 2, 3, 5]), ("order", "/shop", [5])],
)
def test_candidate_routes__the_detectors_asked(event_type, source, asked):
    watched = {
        1: ("order.paid", ""),
        2: ("order.*", ""),
        3: ("order.*", "/shop"),
        4: ("order.paid.*", ""),
        5: ("*", ""),
        6: ("order.paid", "/other"),
    }

    routes = candidate_routes(event_type, source)

    assert [number for number, route in watched.items() if route in routes] == asked


def test_candidate_routes__how_many_events_a_prefix_takes():
    seen = [
        ("com.github.push", "/octo"),
        ("com.github.push", "/other"),
        ("com.github.pull_request.opened", "/octo"),
        ("com.github.pull_request.closed", "/other"),
        ("com.github.pull_request_review.submitted", "/octo"),
    ]

    def taken_by(*route):
        return sum(route in candidate_routes(*event) for event in seen)

    assert taken_by("com.github.pull_request.*", "") == 2
    assert taken_by("com.github.push.*", "") == 0
    assert taken_by("com.github.push", "") == 2
    assert taken_by("com.github.*", "/octo") == 3


@given(patterns, types, st.sampled_from(["/shop", "/other", ""]))
def test_candidate_routes__hold_a_route_exactly_when_it_takes_the_event(
    pattern, event_type, source
):
    taken = matches(pattern, event_type) and source in {"", "/shop"}

    routes = candidate_routes(event_type, "/shop")

    assert len(routes) <= 20
    if not pattern_problem(pattern):
        assert ((pattern, source) in routes) == taken


@pytest.mark.parametrize(
    "event_type",
    [
        "order.paid",
        "order",
        "*",
        "order.*",
        "a.b.c.d.e.f.g.h.*",
        "a.b.c.d.e.f.g.h.i",
        "com.github.*",
    ],
)
def test_pattern_problem__right(event_type):
    assert pattern_problem(event_type) == ""


@pytest.mark.parametrize(
    "event_type",
    [
        "a.b.c.d.e.f.g.h.i.*",
        "*.paid",
        "order.*.x",
        "order*",
        ".*",
        "**",
        "*.*",
        "order.*.*",
        "",
    ],
)
def test_pattern_problem__refused(event_type):
    assert pattern_problem(event_type) == SENTENCE


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("a.b.*", "a.b.c", True),
        ("a.b.*", "a.b.c.d", True),
        ("a.b.*", "a.b.", True),
        ("a.b.*", "a.b", False),
        ("a.b.*", "a.bc", False),
        ("a.b", "a.b", True),
        ("a.b", "A.b", False),
        ("*", "anything", True),
    ],
)
def test_matches(pattern, event_type, expected):
    assert matches(pattern, event_type) is expected
