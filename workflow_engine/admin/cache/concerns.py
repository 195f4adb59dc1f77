"""Concern: the records of forgets that an entry was in, or may have been in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.utils.translation import gettext as _

from workflow_engine.admin.cache.records import Record, records_in
from workflow_engine.conf import options
from workflow_engine.models import CacheForget
from workflow_engine.models.cache_forget import parted

#: Shown of one entry.
NEWEST: Final = 20


@dataclass(frozen=True, kw_only=True)
class Concern:
    """One time that the entry was forgotten, for certain or perhaps.

    Attributes:
        record: What was forgotten then, and because of what.
        words: Whether the entry was among it.
        is_certain: Whether that is certain.
    """

    record: Record
    words: str
    is_certain: bool


def concerns_of(
    access: str, key: str, request: HttpRequest, site: AdminSite
) -> list[Concern]:
    """Return the last of an entry, the newest first; two queries."""
    kept = CacheForget.objects.using(options.DATABASE).of_key(access, key)
    found: Sequence[CacheForget] = list(kept[:NEWEST])
    records = records_in(found, request, site)
    return [
        _concern(one, record, key) for one, record in zip(found, records, strict=True)
    ]


def _concern(one: CacheForget, record: Record, key: str) -> Concern:
    if key in parted(one.keys):
        return Concern(record=record, words=_("this entry"), is_certain=True)
    if one.count is None:
        return Concern(record=record, words=_("every entry"), is_certain=True)
    words = _("perhaps this entry: not all keys are named")
    return Concern(record=record, words=words, is_certain=False)
