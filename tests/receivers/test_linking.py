"""Links written by the relation: both sides, every verb, with and without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import TestCase

from tests.caches.coherence.recording import Recording
from tests.factories import DetectorFactory, DetectorWorkflowFactory, WorkflowFactory
from tests.receivers.answers import answers, changed, not_forgotten
from workflow_engine.caches import CacheMapping, Direct
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.question import Question
from workflow_engine.models import Detector, Workflow
from workflow_engine.receivers import connect, disconnect

pytestmark = pytest.mark.django_db

Verb = Callable[[Any, Any], None]


def add(one: Any, other: Any) -> None:
    one.add(other)


def add_key(one: Any, other: Any) -> None:
    one.add(other.pk)


def remove(one: Any, other: Any) -> None:
    one.remove(other)


def clear(one: Any, other: Any) -> None:
    one.clear()


def set_to(one: Any, other: Any) -> None:
    one.set([other])


def set_to_nothing(one: Any, other: Any) -> None:
    one.set([])


def set_after_clear(one: Any, other: Any) -> None:
    one.set([other], clear=True)


VERBS = (add, add_key, remove, clear, set_to, set_to_nothing, set_after_clear)
by_name = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)


@pytest.mark.parametrize("side", ["detector", "workflow"])
@by_name
def test_links__with_a_model(recording: Recording, side: str, verb: Verb) -> None:
    detector, workflow = DetectorFactory(), WorkflowFactory()
    is_removed = verb in {remove, clear, set_to_nothing}
    if is_removed:
        DetectorWorkflowFactory(detector=detector, workflow=workflow)
    else:
        DetectorWorkflowFactory(detector=detector)
        DetectorWorkflowFactory(workflow=workflow)
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        if side == "detector":
            verb(detector.workflows, workflow)
        else:
            verb(workflow.detectors, detector)

    differs = changed(before)
    assert ("workflow_ids_by_detector", detector.pk) in differs
    assert not_forgotten(recording, differs) == set()
    assert recording.whole == set()


def test_links__others_are_left_alone(recording: Recording) -> None:
    link, other = DetectorWorkflowFactory(), DetectorWorkflowFactory()

    with TestCase.captureOnCommitCallbacks(execute=True):
        link.detector.workflows.set([])

    assert ("workflow_ids_by_detector", link.detector.pk) in recording.forgotten
    assert ("workflow_ids_by_detector", other.detector.pk) not in recording.forgotten


@pytest.fixture
def groups_of_user() -> Iterator[Recording]:
    """Ask for the groups of a user, by links that have no model of their own."""
    among = Declared()
    through: Any = User.groups.through
    among.add(
        Question(
            CacheMapping("groups_of_user", str),
            load=lambda keys: dict.fromkeys(keys, ()),
            depends_on={through: Direct(("user_id",), lambda row: {row["user_id"]})},
            value_type=tuple[int, ...],
        )
    )
    made = Recording(among)
    connect(among, lambda: made)
    yield made
    disconnect(among)


@pytest.mark.parametrize("side", ["user", "group"])
@by_name
def test_links__without_a_model(
    groups_of_user: Recording, side: str, verb: Verb
) -> None:
    user = User.objects.create(username="a")
    other = User.objects.create(username="b")
    group = Group.objects.create(name="g")
    if verb in {remove, clear, set_to_nothing}:
        user.groups.add(group)
    groups_of_user.clear()

    with TestCase.captureOnCommitCallbacks(execute=True):
        if side == "user":
            verb(user.groups, group)
        else:
            verb(group.user_set, user)

    assert groups_of_user.keys("groups_of_user") == {user.pk} != {other.pk}


@pytest.mark.parametrize("side", ["user", "group"])
@pytest.mark.parametrize("many", [False, True], ids=["row", "queryset"])
def test_links__without_a_model_go_with_an_end(
    groups_of_user: Recording, side: str, many: bool
) -> None:
    user = User.objects.create(username="a")
    User.objects.create(username="b").groups.add(Group.objects.create(name="other"))
    group = Group.objects.create(name="g")
    user.groups.add(group)
    key = user.pk
    end: Any = user if side == "user" else group

    with TestCase.captureOnCommitCallbacks(execute=True):
        type(end).objects.filter(pk=end.pk).delete() if many else end.delete()

    assert groups_of_user.keys("groups_of_user") == {key}


def test_disconnect__nothing_is_heard(groups_of_user: Recording) -> None:
    disconnect(groups_of_user.declared)
    user = User.objects.create(username="a")

    with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
        user.groups.add(Group.objects.create(name="g"))
        user.delete()

    assert callbacks == []
    assert groups_of_user.settled == []


def test_condition__moved_to_another_workflow(
    recording: Recording, rules: None
) -> None:
    first, second = Workflow.objects.order_by("pk")[:2]
    condition: Any = first.groups.get(role="when").conditions.first()
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        condition.group = second.groups.get(role="when")
        condition.position = 99
        condition.save()

    assert changed(before) == {("workflows", first.pk), ("workflows", second.pk)}
    assert not_forgotten(recording, changed(before)) == set()
    assert Detector.objects.count() == 3
