"""Pages: where in the admin something is, for a line that says what to do."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from workflow_engine.status.part import Row


def page(name: str, *arguments: object) -> str:
    """Return the address of a page; "" in a project without the admin."""
    try:
        return reverse(f"admin:{name}", args=arguments)
    except (NoReverseMatch, ImproperlyConfigured, AttributeError):
        return ""  # AttributeError: there is no ROOT_URLCONF at all


def page_of(row: Row) -> str:
    """Return the address of the page of a row; "" in a project without the admin."""
    return page(f"workflow_engine_{row.model}_change", row.pk)
