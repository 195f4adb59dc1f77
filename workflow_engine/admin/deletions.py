"""Deletion: what goes with a rule, counted rather than listed.

Django's own list reads every row that would go; a detector can have a million states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from workflow_engine.admin.base import PageAdmin

COUNTED: Final = 10_000


class CountsDeletions(PageAdmin):
    """Says how many rows of each sort go with those deleted.

    Attributes:
        owned: Names of the relations whose rows go too.
    """

    owned: Sequence[str] = ()

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        rows = list(objs)
        counts: dict[str, Any] = {str(self.opts.verbose_name_plural): len(rows)}
        for name in self.owned:
            relation: Any = self.opts.get_field(name)
            found = relation.related_model._default_manager.filter(
                **{f"{relation.field.name}__in": rows}
            )
            number = found.order_by()[: COUNTED + 1].count()
            if number:
                label = str(relation.related_model._meta.verbose_name_plural)
                counts[label] = number if number <= COUNTED else f"{COUNTED}+"
        missing = set()
        if not self.has_delete_permission(request):
            missing.add(str(self.opts.verbose_name))
        listed = [f"{capfirst(self.opts.verbose_name)}: {row}" for row in rows]
        if len(counts) > 1:
            listed.append(_("and the rows that belong to it, as counted above"))
        return listed, counts, missing, []
