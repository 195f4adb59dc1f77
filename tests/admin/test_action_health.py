"""An action that was switched off: seen on its pages, and turned on again from the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.factories import ActionFactory, ActionHealthFactory
from tests.processing.circuits import heard
from workflow_engine import clock
from workflow_engine.models import Action, ActionHealth

pytestmark = pytest.mark.django_db

LIST = reverse("admin:workflow_engine_action_changelist")
OFFER = '<option value="turn_on">Turn on again</option>'
SINCE = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def form_of(action: Action) -> str:
    return reverse("admin:workflow_engine_action_change", args=[action.pk])


def act(client: Client, action: str, *rows: Action) -> list[str]:
    chosen = [row.pk for row in rows]
    sent = {"action": action, "_selected_action": chosen}
    response = client.post(LIST, sent, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_turn_on__only_what_is_off(
    editor: Client, django_capture_on_commit_callbacks: Any
) -> None:
    off = ActionHealthFactory(off=True, action__slug="email").action
    paused = ActionHealthFactory(paused=True).action
    well = ActionFactory()

    with heard() as told, django_capture_on_commit_callbacks(execute=True):
        said = act(editor, "turn_on", off, paused, well)

    assert not ActionHealth.objects.filter(off_at__isnull=False).exists()
    assert ActionHealth.objects.get(action=paused).failures == 10
    assert told == [("closed", "email", None)]
    assert said == [
        "1 action was turned on again.",
        "2 actions were not switched off and stay as they are.",
    ]
    entry = LogEntry.objects.get()
    assert entry.object_id == str(off.pk)
    assert entry.get_change_message().startswith("Changed Switched off: 20")
    assert entry.get_change_message().endswith(" → -.")


def test_turn_on__offered_on_the_list(editor: Client) -> None:
    ActionFactory()

    page = editor.get(LIST).content.decode()

    assert OFFER in page


def test_turn_on__leaves_a_disabled_action_disabled(editor: Client) -> None:
    off = ActionHealthFactory(off=True, action__enabled=False).action

    act(editor, "turn_on", off)

    assert not Action.objects.get().enabled


def test_enable__turns_nothing_on(editor: Client) -> None:
    off = ActionHealthFactory(off=True, action__enabled=False).action

    act(editor, "enable", off)

    assert Action.objects.get().enabled
    assert ActionHealth.objects.get().off_at is not None


def test_turn_on__not_for_readers(reader: Client) -> None:
    off = ActionHealthFactory(off=True).action

    act(reader, "turn_on", off)

    assert OFFER not in reader.get(LIST).content.decode()
    assert ActionHealth.objects.get().off_at is not None


def test_turn_on__for_whoever_may_change_actions(reader: Client) -> None:
    permission: Any = Permission.objects.get(codename="change_action")
    User.objects.get().user_permissions.add(permission)
    off = ActionHealthFactory(off=True).action

    act(reader, "turn_on", off)

    assert ActionHealth.objects.get().off_at is None


@pytest.mark.parametrize("who", ["editor", "reader"])
def test_off__seen_on_list_and_form(who: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(who)
    health = ActionHealthFactory(off_at=SINCE, last_error="EndpointGone: <410>")
    since = f'! switched off since <time datetime="{SINCE.isoformat()}"'
    cure = "turn it on with “Turn on again” above the list of actions"

    page = client.get(LIST).content.decode()
    form = client.get(form_of(health.action)).content.decode()

    assert (since in page, cure in page) == (True, True)
    assert (since in form, cure in form) == (True, True)
    assert "Last error: EndpointGone: &lt;410&gt;." in form


def test_paused__seen_on_list_and_form(editor: Client) -> None:
    end = clock.now() + timedelta(hours=1)
    health = ActionHealthFactory(paused=True, open_until=end)
    until = f'! paused until <time datetime="{end.isoformat()}"'

    page = editor.get(LIST).content.decode()
    form = editor.get(form_of(health.action)).content.decode()

    assert until in page
    assert until in form
    assert "then tried again" in form


def test_well__says_nothing_of_its_health(editor: Client) -> None:
    action = ActionFactory()

    form = editor.get(form_of(action)).content.decode()

    assert "field-health_shown" not in form
    assert "switched off since" not in editor.get(LIST).content.decode()
