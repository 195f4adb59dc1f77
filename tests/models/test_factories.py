"""Every model has a factory, and every role of it makes a row the database takes."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from factory.declarations import Trait

from tests.factories import FACTORIES
from workflow_engine.models.rules import Rule

pytestmark = pytest.mark.django_db

ROLES = [
    pytest.param(built, {role: True} if role else {}, id=f"{model.__name__}-{role}")
    for model, built in FACTORIES.items()
    for role in (
        "",
        *(
            name
            for name, declared in built._meta.parameters.items()
            if isinstance(declared, Trait) and name not in {"claimed", "ended"}
        ),
    )
]


@pytest.mark.parametrize(("built", "traits"), ROLES)
def test_factory__makes_a_valid_row(built: Any, traits: dict[str, bool]) -> None:
    row = built(**traits)

    assert type(row).objects.get(pk=row.pk) == row
    row.full_clean()


def test_factories__one_for_each_table_of_rules_running_and_history() -> None:
    rules = {model for model in apps.get_models() if issubclass(model, Rule)}

    assert rules <= set(FACTORIES)
