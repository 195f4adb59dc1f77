"""Entry form: which entry is meant, by access and key as people type them."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from workflow_engine.caches import declared
from workflow_engine.caches.mapping import text_of
from workflow_engine.inspection.keys import AnyQuestion

#: A route is an event type and a source; each may have 255 characters and more.
MOST_CHARACTERS: Final = 2000

KEY_HELP: Final = _("An id such as 7; of a route TYPE or TYPE@SOURCE.")


def accesses() -> list[tuple[str, str]]:
    """Return every access, as a choice."""
    return [(one.name, one.name) for one in declared]


class EntryForm(forms.Form):
    """An access and a key, both needed; `question` and `parsed` say which once it is valid."""

    access = forms.ChoiceField(label=_("Access"), choices=accesses)
    key = forms.CharField(
        label=_("Key"), help_text=KEY_HELP, max_length=MOST_CHARACTERS
    )

    question: AnyQuestion | None = None
    parsed: Any = None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.question = declared.named(cleaned.get("access") or "")
        key = cleaned.get("key")
        if self.question is not None and key:
            try:
                self.parsed = self.question.mapping.parse(key)
            except ValueError as error:
                self.add_error("key", str(error))
        return cleaned

    @property
    def key_text(self) -> str:
        """The key as it is written everywhere, however it was typed; "" = none was given."""
        return "" if self.parsed is None else text_of(self.parsed)


class SomeEntriesForm(EntryForm):
    """An entry, all of an access, or all there are."""

    access = forms.ChoiceField(label=_("Access"), choices=accesses, required=False)
    key = forms.CharField(
        label=_("Key"), required=False, max_length=MOST_CHARACTERS, help_text=KEY_HELP
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("key") and not cleaned.get("access") and not self.errors:
            self.add_error("access", _("A key is of one access: say which."))
        return cleaned

    def questions(self) -> list[AnyQuestion]:
        """Return the accesses that are meant."""
        return list(declared) if self.question is None else [self.question]
