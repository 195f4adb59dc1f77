"""Cache forget: a record of entries that were forgotten lately, and because of what."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

#: Round each text in a list of texts, so that one can be looked for.
MARK: Final = "|"


class CacheForgetQuerySet(models.QuerySet["CacheForget"]):
    """Records, the newest first."""

    def of_access(self, access: str) -> CacheForgetQuerySet:
        """Return those of an access."""
        return self.filter(access=access).order_by("-at", "-pk")

    def of_key(self, access: str, key: str) -> CacheForgetQuerySet:
        """Return those that an entry was in, or may have been: where not all are named."""
        named = models.Q(keys__contains=f"{MARK}{key}{MARK}")
        return self.of_access(access).filter(named | models.Q(is_cut=True))

    def older_than(self, moment: datetime) -> CacheForgetQuerySet:
        """Return those written before a moment."""
        return self.filter(at__lt=moment)


class CacheForget(models.Model):
    """Some entries of one access that one commit, sweep or person has let forget."""

    at = models.DateTimeField(_("at"), db_index=True)
    access = models.CharField(_("access"), max_length=64)
    cause = models.CharField(
        _("cause"),
        max_length=64,
        help_text=_("Such as save:workflow; the part behind : is a model."),
    )
    count = models.BigIntegerField(
        _("entries"), null=True, help_text=_("Null: all of the access.")
    )
    keys = models.TextField(_("keys"), blank=True)
    is_cut = models.BooleanField(_("not all keys are named"), default=False)
    rows = models.TextField(
        _("rows"), blank=True, help_text=_("Primary keys, as far as they are known.")
    )
    author = models.CharField(
        _("by"), max_length=150, blank=True, help_text=_("Who saved it in the admin.")
    )

    objects = CacheForgetQuerySet.as_manager()

    class Meta:
        verbose_name = _("forgotten entries")
        verbose_name_plural = _("forgotten entries")
        indexes = [
            models.Index(fields=["access", "-at"], name="wfe_forget_access"),
        ]

    def __str__(self) -> str:
        return f"{self.access} by {self.cause} at {self.at:%Y-%m-%d %H:%M:%S}"


def joined(texts: list[str]) -> str:
    """Return texts as one, of which each can be looked for."""
    return f"{MARK}{MARK.join(texts)}{MARK}" if texts else ""


def parted(text: str) -> list[str]:
    """Return the texts that were joined."""
    return text.strip(MARK).split(MARK) if text else []
