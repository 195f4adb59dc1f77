"""Records: the last times entries of an access were forgotten, and because of which rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.contrib.admin.sites import AdminSite
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from workflow_engine.admin.base import may
from workflow_engine.admin.cache.words import cause_words, model_of
from workflow_engine.admin.moments import EMPTY, moment
from workflow_engine.admin.numbers import number
from workflow_engine.conf import options
from workflow_engine.models import CacheForget
from workflow_engine.models.cache_forget import parted

#: Shown of an access.
MOST_RECORDS: Final = 50

#: Rows and keys of one record that are named; it has at most twenty.
MOST_NAMED: Final = 5

#: Name of a model and primary key of a row.
_Row: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One time that entries were forgotten.

    Attributes:
        at: When.
        cause: In words.
        code: The cause as in docs and exports.
        rows: The rows that changed, each a link while it has a page.
        entries: How many entries; in words where it was all.
        keys: Some of their keys, each leading to the entry.
        by: Who did it; "-" = nobody knows.
    """

    at: str
    cause: str
    code: str
    rows: SafeString
    entries: str
    keys: SafeString
    by: str


def records_of(access: str, request: HttpRequest, site: AdminSite) -> list[Record]:
    """Return the last of an access, the newest first; two queries."""
    kept = CacheForget.objects.using(options.DATABASE).of_access(access)
    return records_in(list(kept[:MOST_RECORDS]), request, site)


def records_in(
    found: Sequence[CacheForget], request: HttpRequest, site: AdminSite
) -> list[Record]:
    """Return some of them as pages show them, in this order; at most one query."""
    pages = _pages(found, request, site)
    inspector = reverse("admin:workflow_engine_cache_inspect", current_app=site.name)
    return [_record(one, pages, inspector) for one in found]


def _record(one: CacheForget, pages: dict[_Row, str], inspector: str) -> Record:
    entries = _("all") if one.count is None else number(one.count)
    keys = parted(one.keys)
    left = 0 if one.count is None else one.count - len(keys[:MOST_NAMED])
    linked = [
        (f"{inspector}?{urlencode({'access': one.access, 'key': key})}", key)
        for key in keys
    ]
    return Record(
        at=moment(one.at),
        cause=cause_words(one.cause),
        code=one.cause,
        rows=_rows_shown(one, pages),
        entries=entries,
        keys=_listed(linked, '<a href="{}">{}</a>', left=left),
        by=one.author or EMPTY,
    )


def _rows_shown(one: CacheForget, pages: dict[_Row, str]) -> SafeString:
    name = one.cause.partition(":")[2]
    named = [(pages.get((name, pk), ""), pk) for pk in parted(one.rows)]
    shown = [
        (format_html('<a href="{}">{}</a>', page, pk) if page else pk,)
        for page, pk in named
    ]
    return _listed(shown, "{}", left=max(0, len(shown) - MOST_NAMED))


def _listed(shown: Sequence[tuple[Any, ...]], markup: str, *, left: int) -> SafeString:
    """Return the first ones, and how many there are beside them."""
    if not shown:
        return format_html("{}", EMPTY)
    more = f" {_('and %s more') % number(left)}" if left > 0 else ""
    listed = format_html_join(", ", markup, shown[:MOST_NAMED])
    return format_html("{}{}", listed, more)


def _pages(
    found: Iterable[CacheForget], request: HttpRequest, site: AdminSite
) -> dict[_Row, str]:
    """Return the page of each row that is still there and that the user may look at."""
    wanted: dict[str, set[Any]] = defaultdict(set)
    for one in found:
        model = model_of(one.cause)
        if model and site.is_registered(model) and may(request, "view", model):
            wanted[one.cause.partition(":")[2]] |= set(_keys(model, parted(one.rows)))
    asked = [_asked(name, keys) for name, keys in sorted(wanted.items()) if keys]
    if not asked:
        return {}
    first, *others = asked
    return {
        (name, pk): reverse(
            f"admin:workflow_engine_{name}_change", args=[pk], current_app=site.name
        )
        for name, pk in first.union(*others, all=True)
    }


def _keys(model: type[models.Model], texts: Iterable[str]) -> Iterable[Any]:
    """Yield primary keys; a text that is none leads to no row."""
    for text in texts:
        try:
            yield model._meta.pk.to_python(text)
        except ValidationError:
            continue


def _asked(name: str, keys: Iterable[Any]) -> models.QuerySet[Any, Any]:
    """Return a query for which of some rows are there; such can be asked together."""
    model = model_of(f":{name}")
    rows = model._default_manager.using(options.DATABASE).filter(pk__in=keys).order_by()
    found: models.QuerySet[Any, Any] = rows.values_list(
        models.Value(name, output_field=models.CharField()),
        Cast("pk", models.CharField()),
    )
    return found
