"""Seeing: which values and names a user may see, who may see the pages of the cache.

Entries are copies of rows. Who may not see the rows sees that entries are there, in which
state they are, and whether both sides are equal; not what stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _

from workflow_engine.admin.base import may
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.models import Detector, Workflow

_BEHIND: Final[dict[str, tuple[type[models.Model], ...]]] = {
    "detector_ids_by_route": (Detector,),
    "detectors": (Detector,),
    "workflow_ids_by_detector": (Workflow,),
    "workflows": (Workflow,),
}


def behind(question: AnyQuestion) -> tuple[type[models.Model], ...]:
    """Return the models whose rows an answer tells of."""
    return _BEHIND.get(question.name, tuple(question.depends_on))


def sees(request: HttpRequest, model: type[models.Model]) -> bool:
    """Whether the user may see rows of a model: who may change them may, as on its pages."""
    return may(request, "view", model) or may(request, "change", model)


def unseen(request: HttpRequest, those: Iterable[type[models.Model]]) -> str:
    """Return which permission is missing to see rows of some models; "" = none is."""
    missing = [_permission(one) for one in those if not sees(request, one)]
    if not missing:
        return ""
    words = _("Values and names are not shown: they take the permission %(names)s.")
    return words % {"names": ", ".join(missing)}


def _permission(model: type[models.Model]) -> str:
    about: Any = model._meta
    return f"{about.app_label}.view_{about.model_name}"
