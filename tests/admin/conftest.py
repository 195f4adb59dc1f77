"""Who looks at the pages, and rows for them to see."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client


@pytest.fixture
def editor(client: Client, admin_user: Any) -> Client:
    """Return a client that may do everything."""
    client.force_login(admin_user)
    return client


@pytest.fixture
def reader(db: None) -> Client:
    """Return a client that may look at everything and change nothing."""
    user = User.objects.create_user("reader", is_staff=True)
    permissions = Permission.objects.filter(
        content_type__app_label="workflow_engine", codename__startswith="view_"
    )
    user.user_permissions.set(permissions)
    client = Client()
    client.force_login(user)
    return client
