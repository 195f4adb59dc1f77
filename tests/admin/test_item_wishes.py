"""What people may do to items from their list: try dead ones again, cancel live ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.factories import FiringFactory, WorkItemFactory
from workflow_engine.models import Firing, WorkItem

pytestmark = pytest.mark.django_db

LIST = reverse("admin:workflow_engine_workitem_changelist")


def act(client: Client, action: str, *rows: WorkItem) -> list[str]:
    chosen = [row.pk for row in rows]
    sent = {"action": action, "_selected_action": chosen}
    response = client.post(LIST, sent, follow=True)
    return [str(message) for message in response.context["messages"]]


def dead_item() -> WorkItem:
    item: WorkItem = WorkItemFactory(dead=True, firing=FiringFactory(failed=True))
    return item


def test_try_again__dead_items_and_their_firings(editor: Client) -> None:
    dead, waiting = dead_item(), WorkItemFactory(firing=FiringFactory())

    said = act(editor, "try_again", dead, waiting)

    dead.refresh_from_db()
    assert dead.state == "scheduled"
    firing = Firing.objects.get(item=dead)
    assert (firing.state, firing.reason, firing.finished_at) == ("due", "sent", None)
    assert said == [
        "1 item is due now, with all its attempts.",
        "1 item is not dead and stays as it is.",
    ]
    entry = LogEntry.objects.get()
    assert entry.object_id == str(dead.pk)
    assert "State: dead → scheduled" in entry.get_change_message()


def test_cancel__each_result_is_counted(editor: Client) -> None:
    waiting = WorkItemFactory(firing=FiringFactory())
    running, done = WorkItemFactory(running=True), WorkItemFactory(done=True)

    (said,) = act(editor, "cancel", waiting, running, done)

    assert said == (
        "1 item was cancelled. 1 item is running and was told to stop. "
        "1 item had ended before."
    )
    states = dict(WorkItem.objects.values_list("pk", "state"))
    assert states == {waiting.pk: "cancelled", running.pk: "running", done.pk: "done"}
    assert Firing.objects.get(item=waiting).reason == "by_hand"
    noted = {entry.object_id for entry in LogEntry.objects.all()}
    assert noted == {str(waiting.pk), str(running.pk)}


def test_wishes__offered_on_the_list(editor: Client) -> None:
    dead_item()

    page = editor.get(LIST).content.decode()

    assert "Try again" in page
    assert "Delete selected" not in page


@pytest.mark.parametrize("action", ["try_again", "cancel"])
def test_wishes__not_for_readers(reader: Client, action: str) -> None:
    dead, waiting = dead_item(), WorkItemFactory()

    act(reader, action, dead, waiting)

    assert "Try again" not in reader.get(LIST).content.decode()
    states = dict(WorkItem.objects.values_list("pk", "state"))
    assert states == {dead.pk: "dead", waiting.pk: "scheduled"}


def test_wishes__for_whoever_may_change_items(reader: Client) -> None:
    permission: Any = Permission.objects.get(codename="change_workitem")
    User.objects.get().user_permissions.add(permission)
    dead = dead_item()

    act(reader, "try_again", dead)

    dead.refresh_from_db()
    assert dead.state == "scheduled"
    page = reverse("admin:workflow_engine_workitem_change", args=[dead.pk])
    assert reader.post(page, {"state": "done"}).status_code == 403


def test_wishes__history_is_within_reach(editor: Client) -> None:
    dead = dead_item()
    act(editor, "try_again", dead)
    page = reverse("admin:workflow_engine_workitem_change", args=[dead.pk])
    history = reverse("admin:workflow_engine_workitem_history", args=[dead.pk])

    assert history in editor.get(page).content.decode()
    assert "dead → scheduled" in editor.get(history).content.decode()
