"""Attempts: what becomes of whatever a handler does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.actions.values import UUID, event, firing
from workflow_engine import registry
from workflow_engine.actions import (
    Delivery,
    Firing,
    perform,
    register_action,
    rehearse,
)
from workflow_engine.exceptions import (
    DuplicateHandler,
    HandlerMissing,
    Permanent,
    RetryAfter,
)

SCHEMA = {"type": "object", "required": ["text"]}
CONFIG = {"text": "{{ data.name }}{{ data.none }}"}
Register = Callable[..., None]


@pytest.fixture
def pager() -> Iterator[Register]:
    """Return how to register a handler of kind `pager`."""

    def register(handler: Any, **facts: Any) -> None:
        register_action("pager", schema=SCHEMA, **facts)(handler)

    yield register
    registry.actions.unregister("pager")


class Paging:
    """A handler in two steps that notes what was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def prepare(self, one: Firing, config: Any) -> dict[str, str]:
        return {"text": one.render(config["text"])}

    def send(self, prepared: dict[str, str]) -> Delivery:
        self.sent.append(prepared)
        return Delivery(status=201, request=prepared, response={"id": 7})


def test_perform__function(pager: Register) -> None:
    pages = []
    pager(lambda one, config: pages.append((one.render(config["text"]), one.uuid)))

    attempt = perform("pager", firing(), CONFIG)

    assert pages == [("Ada", UUID)]
    assert attempt.error is None
    assert attempt.delivery == Delivery(notes=("data.none is missing",))
    assert attempt.duration_seconds >= 0


@pytest.mark.parametrize(
    "error", [RetryAfter(30), Permanent("no such pager"), KeyError("x"), OSError()]
)
def test_perform__error_of_the_handler_is_the_answer(
    pager: Register, error: Exception
) -> None:
    def page(one: Firing, config: Any) -> None:
        raise error

    pager(page)

    attempt = perform("pager", firing(), CONFIG)

    assert attempt.error is error
    assert attempt.delivery == Delivery()


def test_perform__what_the_other_side_answered_is_kept(pager: Register) -> None:
    class Refused(Paging):
        def send(self, prepared: dict[str, str]) -> Delivery:
            raise Permanent("refused", status=403, response="go away")

    pager(Refused())

    attempt = perform("pager", firing(), CONFIG)

    assert isinstance(attempt.error, Permanent)
    assert attempt.delivery == Delivery(
        status=403,
        request={"text": "Ada"},
        response={"body": "go away"},
        notes=("data.none is missing",),
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_perform__what_is_no_exception_goes_through(
    pager: Register, error: type[BaseException]
) -> None:
    def page(one: Firing, config: Any) -> None:
        raise error

    pager(page)

    with pytest.raises(error):
        perform("pager", firing(), CONFIG)


def test_perform__class(pager: Register) -> None:
    paging = Paging()
    pager(paging)

    attempt = perform("pager", firing(), CONFIG)

    assert paging.sent == [{"text": "Ada"}]
    assert attempt.delivery.status == 201
    assert attempt.delivery.response == {"id": 7}
    assert attempt.delivery.notes == ("data.none is missing",)


@pytest.mark.parametrize("act", [perform, rehearse])
def test_perform__kind_that_nobody_registered(act: Callable[..., Any]) -> None:
    attempt = act("no-such-kind", firing(), {})

    assert isinstance(attempt.error, HandlerMissing)
    assert "Action kind 'no-such-kind' is not registered" in str(attempt.error)


@pytest.mark.parametrize("act", [perform, rehearse])
def test_perform__configuration_that_fails_its_schema(
    pager: Register, act: Callable[..., Any]
) -> None:
    paging = Paging()
    pager(paging)

    attempt = act("pager", firing(), {"txt": "x"})

    assert type(attempt.error) is Permanent
    assert "'text' is a required property" in str(attempt.error)
    assert paging.sent == []


def test_perform__check_is_asked_too(pager: Register) -> None:
    pager(Paging(), check=lambda config: ["text: not today"])

    attempt = perform("pager", firing(), CONFIG)

    assert "not today" in str(attempt.error)


def test_perform__template_that_fails_its_grammar(pager: Register) -> None:
    pager(Paging())

    attempt = perform("pager", firing(), {"text": "{{ data"})

    assert type(attempt.error) is Permanent
    assert "Template has '{{' without its end" in str(attempt.error)


@pytest.mark.parametrize(("timeout", "seconds"), [(None, 10), (60, 10), (3, 3)])
def test_perform__shorter_limit_of_kind_and_firing_counts(
    pager: Register, timeout: float | None, seconds: float
) -> None:
    seen = []
    pager(lambda one, config: seen.append(one.timeout_seconds), timeout=timeout)

    perform("pager", firing(timeout_seconds=10), CONFIG)

    assert seen == [seconds]


def test_perform__notes_of_one_attempt_are_not_those_of_the_next(
    pager: Register,
) -> None:
    pager(Paging())
    one = firing()

    perform("pager", one, {"text": "{{ data.first }}"})
    second = perform("pager", one, {"text": "{{ data.second }}"})

    assert second.delivery.notes == ("data.second is missing",)


def test_rehearse__prepares_and_does_not_send(pager: Register) -> None:
    paging = Paging()
    pager(paging)

    attempt = rehearse("pager", firing(), CONFIG)

    assert paging.sent == []
    assert attempt.error is None
    assert attempt.delivery.request == {"text": "Ada"}


def test_rehearse__never_calls_a_function(pager: Register) -> None:
    pages = []
    pager(lambda one, config: pages.append(one))

    attempt = rehearse("pager", firing(), CONFIG)

    assert pages == []
    assert attempt.error is None
    assert attempt.delivery.notes == ("not called: a function cannot be rehearsed",)


def test_register_action__as_a_decorator(pager: Register) -> None:
    @register_action("pager", schema=SCHEMA, timeout=5, label="Pager")
    class Decorated(Paging):
        pass

    entry = registry.actions.get("pager")
    assert entry is not None
    assert (entry.label, entry.timeout_seconds) == ("Pager", 5)
    assert entry.origin.endswith("Decorated")
    assert rehearse("pager", firing(), CONFIG).delivery.request == {"text": "Ada"}


def test_register_action__second_handler_of_one_kind(pager: Register) -> None:
    pager(Paging)

    with pytest.raises(DuplicateHandler, match=r"Paging and .*<lambda>"):
        pager(lambda one, config: None)


def test_register_action__half_a_class() -> None:
    class Half:
        def prepare(self, one: Firing, config: Any) -> None:
            """Prepare nothing."""

    with pytest.raises(TypeError, match="'pager' has no send"):
        register_action("pager", schema=SCHEMA)(Half)


def test_builtin_kinds__are_registered_with_schemas_to_draw_forms_from() -> None:
    kinds = {entry.slug: entry for entry in registry.actions}

    assert {"email", "log", "task", "webhook"} <= kinds.keys()
    for slug in ("email", "log", "task", "webhook"):
        schema = kinds[slug].schema
        fields = schema["properties"].values()
        assert schema["title"]
        assert schema["description"]
        assert all(field["title"] for field in fields)


@pytest.mark.parametrize(
    ("purpose", "mark"),
    [("trigger", ""), ("test", "[test] "), ("resolve", "[resolved] ")],
)
def test_firing__mark(purpose: str, mark: str) -> None:
    assert firing(purpose=purpose).mark == mark


@pytest.mark.parametrize("slug", ["a", "x" * 60, "team.pager-2_b"])
def test_register__name_that_fits(slug: str) -> None:
    register_action(slug, schema=SCHEMA)(Paging)

    assert registry.actions.get(slug) is not None
    registry.actions.unregister(slug)


@pytest.mark.parametrize("slug", ["", "x" * 61, "Pager", "my pager", "a:b", "a\n", "ä"])
def test_register__name_that_no_row_can_hold(slug: str) -> None:
    with pytest.raises(ValueError, match="use 1 to 60 of a-z, 0-9, '_', '-' and"):
        register_action(slug, schema=SCHEMA)(Paging)

    assert registry.actions.get(slug) is None


SECRET = "{{ data.password }} of {{ data.name }}"  # noqa: S105 - where one is
HIDDEN = "[redacted] of Ada"


def told(**fields: Any) -> Firing:
    """Return a firing of an event with a short secret."""
    return firing(event=event(data={"name": "Ada", "password": "1"}), **fields)


def _function(one: Firing, config: Any) -> Delivery:
    text = one.render(config["text"])
    asked = {"texts": [text, "1"], "n": 1}
    return Delivery(request=asked, response={"text": text}, notes=(text,))


def test_kept__of_a_function_that_returns_what_it_sent(pager: Register) -> None:
    pager(_function)

    delivery = perform("pager", told(), {"text": SECRET}).delivery

    assert delivery.request == {"texts": [HIDDEN, "1"], "n": 1}
    assert delivery.response == {"text": HIDDEN}
    assert delivery.notes == (HIDDEN,)


def test_kept__of_plain_data_that_was_prepared(pager: Register) -> None:
    handler = Paging()
    pager(handler)

    attempt = perform("pager", told(), {"text": SECRET})
    rehearsed = rehearse("pager", told(), {"text": SECRET})

    assert handler.sent == [{"text": "1 of Ada"}]
    assert attempt.delivery.request == {"text": HIDDEN}
    assert rehearsed.delivery.request == {"text": HIDDEN}


def test_kept__of_an_attempt_that_failed(pager: Register) -> None:
    class Failing(Paging):
        def send(self, prepared: dict[str, str]) -> Delivery:
            raise Permanent("no", response={"echo": prepared["text"]})

    pager(Failing())

    attempt = perform("pager", told(), {"text": SECRET})

    assert attempt.delivery.request == {"text": HIDDEN}
    assert attempt.delivery.response == {"echo": HIDDEN}
