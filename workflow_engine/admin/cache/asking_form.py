"""Asking form: of which detectors, and in which environment, workflows are asked for.

They are chosen from lists as long as these can be read, by who may see such rows; else ids
and a name are typed.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, Final

from django import forms
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflow_engine.caches.mapping import parse_id
from workflow_engine.conf import options
from workflow_engine.models import Detector, Environment
from workflow_engine.types.snapshots import DetectorId

#: Names in a list that a person still reads.
MOST_OPTIONS: Final = 200

#: Of a list that are seen at once.
MOST_LINES: Final = 10

#: Asked for at once; each has a table of its own.
MOST_DETECTORS: Final = 20

#: An environment has a shorter name.
MOST_CHARACTERS: Final = 2000

#: Rows of which there is a list.
LISTED: Final[tuple[type[models.Model], ...]] = (Detector, Environment)

_SEPARATORS: Final = re.compile(r"[\s,]+")


class AskingForm(forms.Form):
    """Takes ids either way: `detector=1&detector=2` or `detector=1,2`."""

    detector = forms.CharField(
        label=gettext_lazy("Detectors"), max_length=MOST_CHARACTERS
    )
    environment = forms.CharField(
        label=gettext_lazy("Environment"), required=False, max_length=MOST_CHARACTERS
    )

    def __init__(
        self,
        data: Any,
        *,
        may_list: Container[type[models.Model]] = LISTED,
        most_options: int = MOST_OPTIONS,
    ) -> None:
        """Read what can be chosen, from lists of at most so many names; two queries.

        `may_list`: the models whose names the reader may see.
        """
        super().__init__(data)
        self._most_options = most_options
        self._may_list = may_list
        self._offer_detectors()
        self._offer_environments()

    def clean_detector(self) -> list[int]:
        value = self.cleaned_data["detector"]
        texts = value if isinstance(value, list) else _SEPARATORS.split(value.strip())
        try:
            found = [parse_id(text) for one in texts for text in _parts(one)]
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        ids = list(dict.fromkeys(found))
        if len(ids) > MOST_DETECTORS:
            raise forms.ValidationError(
                _("At most %(most)d at once, not %(count)d."),
                params={"most": MOST_DETECTORS, "count": len(ids)},
            )
        return ids

    def names(self, ids: list[DetectorId]) -> dict[DetectorId, str]:
        """Return the names of those of some detectors that are there."""
        if Detector not in self._may_list:
            return {}
        if self._names is not None:
            return self._names
        rows = Detector.objects.using(options.DATABASE).filter(pk__in=ids)
        return dict(rows.values_list("pk", "name"))

    def _some(self, rows: models.QuerySet[Any, Any]) -> list[Any] | None:
        """Return rows for a list; None: it may not be seen, or nobody could read it."""
        if rows.model not in self._may_list:
            return None
        found = list(rows[: self._most_options + 1])
        return found if len(found) <= self._most_options else None

    def _offer_detectors(self) -> None:
        self._names: dict[DetectorId, str] | None = None  # not all of them are known
        rows = Detector.objects.using(options.DATABASE).order_by("name", "pk")
        found = self._some(rows.values_list("pk", "name", "slug"))
        if found is None:
            self.fields["detector"].help_text = _("Ids, such as 7, 12.")
            return
        self._names = {pk: name for pk, name, _slug in found}
        lines = min(max(len(found), 2), MOST_LINES)
        self.fields["detector"] = _Several(
            widget=forms.SelectMultiple(attrs={"size": lines}),
            label=_("Detectors"),
            choices=[(str(pk), f"{name} ({slug})") for pk, name, slug in found],
            help_text=_("One or several."),
        )

    def _offer_environments(self) -> None:
        rows = Environment.objects.using(options.DATABASE).order_by("name")
        names = self._some(rows.values_list("name", flat=True))
        if names is None:
            help_text = _("Its name; nothing for an event without one.")
            self.fields["environment"].help_text = help_text
            return
        none = ("", _("an event without environment"))
        self.fields["environment"] = forms.ChoiceField(
            label=_("Environment"),
            choices=[none, *((name, name) for name in names)],
            required=False,
        )


class _Several(forms.MultipleChoiceField):
    """A list of detectors, which takes ids in one text as well, as in an address."""

    def to_python(self, value: Any) -> list[str]:
        return [part for text in super().to_python(value) for part in _parts(text)]

    def valid_value(self, value: str) -> bool:
        return (
            True  # one that was deleted meanwhile, or was never there: nothing applies
        )


def _parts(text: str) -> list[str]:
    return [part for part in _SEPARATORS.split(text) if part]
