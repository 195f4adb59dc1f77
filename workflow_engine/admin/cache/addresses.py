"""Address: where the pages below the cache page are, and how they are reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from workflow_engine.admin.base import may
from workflow_engine.conf import options


def address(
    page: Any, name: str, view: Callable[..., HttpResponse], route: str
) -> URLPattern:
    """Return the address of a view below the page, outside of the transaction of a request.

    Inside of one, which ATOMIC_REQUESTS opens, no look-up asks the cache, and nothing may be
    forgotten.
    """
    wrapped = transaction.non_atomic_requests(using=options.DATABASE)(
        page.admin_site.admin_view(view)
    )
    names = f"{page.opts.app_label}_{page.opts.model_name}"
    found: URLPattern = path(route, wrapped, name=f"{names}_{name}")
    return found


def page_url(page: Any, name: str, **query: str) -> str:
    """Return the address of a view on the page's own site."""
    names = f"{page.opts.app_label}_{page.opts.model_name}"
    url = reverse(f"admin:{names}_{name}", current_app=page.admin_site.name)
    return f"{url}?{urlencode(query)}" if query else url


def entry_url(page: Any, access: str, key: str) -> str:
    """Return the address of the inspector on one entry."""
    return page_url(page, "inspect", access=access, key=key)


def row_url(
    request: HttpRequest, site: Any, model: type[models.Model], pk: object
) -> str:
    """Return the page of a row; "" if rows of it have none, or not for this user."""
    if not site.is_registered(model) or not may(request, "view", model):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[pk], current_app=site.name)
