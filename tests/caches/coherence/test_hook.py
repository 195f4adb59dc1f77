"""One hook per transaction: run after its commit and before anything else that waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    connection,
    connections,
    models,
    transaction,
)
from django.test import TestCase

from tests.caches.coherence.recording import Recording
from tests.factories import DetectorFactory, WorkflowFactory
from workflow_engine.caches import CacheMapping, Direct, Resolved, Row
from workflow_engine.caches.coherence.hook import (
    Hook,
    all_of,
    forget_by_hand,
    hook_of,
)
from workflow_engine.caches.entries import MOST_KEYS, Entries
from workflow_engine.caches.question import Question
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Action, CacheOutbox, Condition, Detector
from workflow_engine.receivers import connect, disconnect

ALIAS = "default"

real = pytest.mark.django_db(transaction=True)
in_test_case = pytest.mark.django_db


class Owners:
    """Answers which entries rows spoil, as told."""

    def __init__(self, *answers: set[int] | Exception | Callable[[], Any]) -> None:
        self.answers = list(answers)
        self.asked: list[list[Row]] = []

    def __call__(self, rows: Sequence[Row], using: str) -> set[int]:
        self.asked.append(list(rows))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


def question(
    resolve: Owners | None = None, name: str = "numbers"
) -> Question[int, int]:
    direct: Direct[int] = Direct(("id",), lambda row: {row["id"]})
    resolved: Resolved[int] = Resolved(("id",), resolve or Owners())
    depends_on: dict[type[models.Model], Any] = {Detector: direct, Action: resolved}
    return Question(
        CacheMapping(name, str),
        load=lambda keys: dict.fromkeys(keys, 0),
        depends_on=depends_on,
        value_type=int,
    )


def some(one: Question[int, int], *keys: int) -> Entries:
    entries = Entries()
    entries.add(one, keys)
    return entries


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def hook(recording: Recording) -> Callable[[], Hook]:
    return lambda: hook_of(ALIAS, lambda: recording)


@pytest.fixture(autouse=True)
def _only_what_the_test_adds() -> Iterator[None]:
    disconnect()
    yield
    connect()


@pytest.fixture(autouse=True)
def _counted_from_nothing() -> Iterator[None]:
    counts.take()
    yield
    counts.take()


def counted(access: str, counter: str, reason: str = "") -> int:
    taken = counts.take()
    counts.put_back(taken)
    figures = {(f.scope, f.counter, f.reason): f.count for f in taken}
    return figures.get((access, counter, reason), 0)


@real
def test_hook__runs_after_the_commit_and_only_once(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    one = question()

    with transaction.atomic():
        hook().add(some(one, 1), "save")
        with transaction.atomic():
            hook().add(some(one, 2), "save")
        inside = set(recording.forgotten)

    assert inside == set()
    assert recording.keys("numbers") == {1, 2}
    assert recording.settled == [ALIAS]
    assert counted("", "lag") == 1


@real
def test_hook__the_list_has_the_shape_it_counts_on(hook: Callable[[], Hook]) -> None:
    def application() -> None:
        """Stand in the list."""

    with transaction.atomic():
        transaction.on_commit(application, robust=True)
        with transaction.atomic():
            mine = hook()
            transaction.on_commit(application)
            listed: list[Any] = list(connection.run_on_commit)
            inner = set(connection.savepoint_ids)

    assert listed == [
        (set(), mine, True),
        (set(), application, True),
        (inner, application, False),
    ]
    assert connection.run_on_commit == []


@real
def test_hook__is_not_used_by_the_next_transaction(hook: Callable[[], Hook]) -> None:
    with transaction.atomic():
        first = hook()
    with transaction.atomic():
        second = hook()

    assert first is not second


@real
def test_hook__application_callbacks_find_entries_forgotten(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    seen: list[set[Any]] = []

    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(recording.keys("numbers")))
        hook().add(some(question(), 1), "save")

    assert seen == [{1}]


@real
def test_hook__a_callback_that_raises_does_not_skip_it(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    def broken() -> None:
        message = "of the application"
        raise LookupError(message)

    def write() -> None:
        with transaction.atomic():
            transaction.on_commit(broken)
            hook().add(some(question(), 1), "save")

    with pytest.raises(LookupError, match="of the application"):
        write()

    assert recording.keys("numbers") == {1}


@real
def test_hook__a_savepoint_rollback_keeps_it(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    def write() -> None:
        with transaction.atomic():
            hook().add(some(question(), 1), "save")
            raise LookupError

    with transaction.atomic(), pytest.raises(LookupError):
        write()

    assert recording.keys("numbers") == {1}


@real
def test_hook__a_rollback_leaves_nothing(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    def write() -> None:
        with transaction.atomic():
            hook().add(some(question(), 1), "save")
            raise LookupError

    with pytest.raises(LookupError):
        write()
    with transaction.atomic():
        DetectorFactory()

    assert recording.settled == []
    assert recording.forgotten == set()


@real
def test_hook__a_commit_that_is_refused_leaves_nothing(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    reached: list[str] = []
    conditions: models.QuerySet[Condition] = models.QuerySet(Condition)

    def write() -> None:
        with transaction.atomic():
            hook().add(some(question(), 1), "save")
            conditions.bulk_create([Condition(group_id=404, type="eq")])
            reached.append("commit")

    with pytest.raises(IntegrityError):
        write()

    assert reached == ["commit"]
    assert recording.settled == []
    assert connection.run_on_commit == []


@real
def test_hook__manual_transactions_run_it_when_autocommit_is_back(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    transaction.set_autocommit(False)
    try:
        DetectorFactory()
        hook().add(some(question(), 1), "save")
        same = hook() is hook()
        transaction.commit()
        committed = list(recording.settled)
    finally:
        transaction.set_autocommit(True)

    assert same
    assert committed == []
    assert recording.keys("numbers") == {1}


@real
def test_hook__manual_transaction_rolled_back(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    transaction.set_autocommit(False)
    try:
        hook().add(some(question(), 1), "save")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)

    assert recording.settled == []


@real
def test_hook__outside_of_a_transaction_it_waits_for_its_caller(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    loose = hook()
    loose.add(some(question(), 1), "save")
    before = list(recording.settled)

    loose()

    assert before == []
    assert recording.keys("numbers") == {1}
    assert connection.run_on_commit == []


@real
def test_hook__too_many_keys_are_all_of_them(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    with transaction.atomic():
        hook().add(some(question(), *range(MOST_KEYS + 1)), "bulk")

    assert recording.whole == {"numbers"}
    assert recording.forgotten == set()


@real
def test_add_rows__resolved_before_and_after_the_commit(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    owners = Owners({1}, {2})
    one = question(owners)

    with transaction.atomic():
        hook().add_rows((one,), Action, [{"id": 7}], "save")
        asked_inside = len(owners.asked)

    assert asked_inside == 1
    assert owners.asked == [[{"id": 7}], [{"id": 7}]]
    assert recording.keys("numbers") == {1, 2}


@real
def test_add_rows__the_same_key_columns_are_resolved_once(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    owners = Owners({1}, {3}, {1, 3})
    one = question(owners)

    with transaction.atomic():
        hook().add_rows((one,), Action, [{"id": 7, "name": "a"}], "save")
        hook().add_rows((one,), Action, [{"id": 7, "name": "b"}, {"id": 8}], "save")

    assert [len(rows) for rows in owners.asked] == [1, 1, 2]
    assert recording.keys("numbers") == {1, 3}


@real
def test_add_rows__committed_rows_are_resolved_once(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    owners = Owners({2})
    loose = hook()

    loose.add_rows((question(owners),), Action, [{"id": 7}], "save", is_committed=True)
    loose()

    assert len(owners.asked) == 1
    assert recording.keys("numbers") == {2}


@real
def test_add_rows__too_many_rows_are_all_of_the_access(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    owners = Owners()
    rows = [{"id": number} for number in range(MOST_KEYS + 1)]

    with transaction.atomic():
        hook().add_rows((question(owners),), Action, rows, "bulk")
        hook().add_rows((question(owners),), Action, [{"id": 1}], "bulk")

    assert recording.whole == {"numbers"}


def broken_query() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    return set()


@real
@pytest.mark.parametrize(
    "failure", [KeyError("id"), broken_query], ids=["error", "database"]
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_guard__a_function_that_fails_costs_the_access_not_the_write(
    recording: Recording, hook: Callable[[], Hook], failure: Any, moment: str
) -> None:
    answers = [failure, {1}] if moment == "before" else [{1}, failure]
    broken, well = question(Owners(*answers)), question(Owners({5}, {5}), "others")

    with transaction.atomic():
        for one in (broken, well):
            with hook().guard((one,), "save"):
                hook().add_rows((one,), Action, [{"id": 7}], "save")
        detector = DetectorFactory()

    assert Detector.objects.filter(pk=detector.pk).exists()
    assert recording.whole == {"numbers"}
    assert recording.keys("others") == {5}
    assert counted("numbers", "error", "resolve") == 1
    assert counted("others", "error", "resolve") == 0


@real
def test_guard__another_access_in_the_same_savepoint(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    broken, well = question(Owners(broken_query)), question(Owners({5}), "others")

    with transaction.atomic():
        with hook().guard((broken, well), "save"):
            hook().add_rows((broken, well), Action, [{"id": 7}], "save")
        DetectorFactory()

    assert recording.whole == {"numbers", "others"}


@real
def test_guard__an_interrupt_is_not_swallowed(hook: Callable[[], Hook]) -> None:
    def interrupt() -> set[int]:
        raise KeyboardInterrupt

    one = question(Owners(interrupt))

    def write() -> None:
        with transaction.atomic(), hook().guard((one,), "save"):
            hook().add_rows((one,), Action, [{"id": 7}], "save")

    with pytest.raises(KeyboardInterrupt):
        write()


@real
def test_hook__what_settling_raises_is_counted(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    def refuse() -> None:
        raise DatabaseError

    recording.on_settle = refuse
    ran: list[str] = []

    with transaction.atomic():
        transaction.on_commit(lambda: ran.append("application"))
        hook().add(some(question(), 1), "save")

    assert ran == ["application"]
    assert counted("", "error", "hook") == 1


@real
def test_hook__an_interrupt_while_settling_is_not_swallowed(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    recording.on_settle = interrupt

    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        hook().add(some(question(), 1), "save")


@real
def test_hook__written_from_a_callback_of_the_same_commit(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    one = question()

    def write_more() -> None:
        with transaction.atomic():
            hook().add(some(one, 2), "save")

    with transaction.atomic():
        transaction.on_commit(write_more)
        hook().add(some(one, 1), "save")

    assert recording.keys("numbers") == {1, 2}
    assert recording.settled == [ALIAS, ALIAS]


@pytest.fixture
def second_alias() -> Iterator[str]:
    """Yield an alias with a connection of its own to the same database."""
    made = connections[ALIAS].copy()  # by its own name pytest would not let it connect
    connections.databases["second"] = connections.databases[ALIAS]
    connections["second"] = made
    yield "second"
    made.close()
    del connections["second"]
    del connections.databases["second"]


@pytest.mark.postgres
@real
def test_hook__two_aliases_of_one_database(
    recording: Recording, second_alias: str
) -> None:
    one = question()
    settled: list[str] = []

    def write() -> None:
        with transaction.atomic():
            hook_of(ALIAS, lambda: recording).add(some(one, 1), "save")
            with transaction.atomic(using=second_alias):
                hook_of(second_alias, lambda: recording).add(some(one, 2), "save")
            settled.extend(recording.settled)
            raise LookupError

    with pytest.raises(LookupError):
        write()

    assert settled == recording.settled == ["second"]
    assert recording.keys("numbers") == {2}


@real
def test_forget_by_hand__at_once_or_with_the_transaction(recording: Recording) -> None:
    one = question()

    forget_by_hand(some(one, 1), lambda: recording)
    at_once = recording.keys("numbers")
    with transaction.atomic():
        forget_by_hand(some(one, 2), lambda: recording)
        forget_by_hand(all_of([question(name="others")]), lambda: recording)
        inside = recording.keys("numbers")

    assert at_once == inside == {1}
    assert recording.keys("numbers") == {1, 2}
    assert recording.whole == {"others"}
    assert recording.causes == ["hand", "hand"]


@real
@pytest.mark.postgres
@pytest.mark.parametrize("in_block", [False, True], ids=["at once", "in a block"])
def test_forget_by_hand__cache_away_is_owed(
    recording: Recording, *, in_block: bool
) -> None:
    CacheOutbox.objects.all().delete()
    recording.is_away = True

    if in_block:
        with transaction.atomic():
            forget_by_hand(some(question(), 1), lambda: recording)
    else:
        with pytest.raises(CacheUnavailable):
            forget_by_hand(some(question(), 1), lambda: recording)

    (owed,) = CacheOutbox.objects.all()
    assert (owed.source, owed.rows) == (Detector._meta.db_table, None)


@in_test_case
def test_hook__in_a_test_case_only_callbacks_from_inside_are_captured(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    ran: list[str] = []
    one = question()
    hook().add(some(one, 1), "save")
    transaction.on_commit(lambda: ran.append("before"))

    with TestCase.captureOnCommitCallbacks(execute=True):
        hook().add(some(one, 2), "save")
        transaction.on_commit(lambda: ran.append("inside"))

    assert ran == ["inside"]
    assert recording.keys("numbers") == {2}


@in_test_case
def test_hook__in_a_test_case_what_was_captured_is_not_used_again(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    one = question()

    for key in (1, 2):
        with TestCase.captureOnCommitCallbacks(execute=True):
            hook().add(some(one, key), "save")

    assert recording.keys("numbers") == {1, 2}
    assert recording.settled == [ALIAS, ALIAS]


@real
def test_hook__captured_in_a_transaction_it_runs_again_with_the_commit(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    one = question()

    with transaction.atomic():
        with TestCase.captureOnCommitCallbacks(execute=True):
            hook().add(some(one, 1), "save")
        early = recording.settled[:]
        recording.clear()
        hook().add(some(one, 2), "save")

    assert early == [ALIAS]
    assert recording.keys("numbers") == {1, 2}


@in_test_case
def test_hook__resolves_again_inside_a_test_case(
    recording: Recording, hook: Callable[[], Hook]
) -> None:
    one = question(Owners({1}, broken_query))

    with TestCase.captureOnCommitCallbacks(execute=True):
        hook().add_rows((one,), Action, [{"id": 7}], "save")

    WorkflowFactory()
    assert recording.whole == {"numbers"}
