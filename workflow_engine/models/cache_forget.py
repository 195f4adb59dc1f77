"""Cache forget: a record of entries that were forgotten lately, and because of what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db import models
from django.db.models.functions import Coalesce, StrIndex
from django.utils.translation import gettext_lazy as _

#: Round each text in a list of texts, so that one can be looked for.
MARK: Final = "|"

#: What stands for itself nowhere in a text of a list, and what stands there instead; undone
#: in the opposite order.
ESCAPES: Final = (("%", "%25"), (MARK, "%7C"))

#: Records of an access in which an entry is looked for: some milliseconds, however many there are.
MOST_LOOKED_AT: Final = 10_000

#: Records that a pruning leaves, of all accesses together.
MOST_KEPT: Final = 50_000

_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CacheForgetQuerySet(models.QuerySet["CacheForget"]):
    """Records, the newest first."""

    def of_access(self, access: str) -> CacheForgetQuerySet:
        """Return those of an access."""
        return self.filter(access=access).order_by("-at", "-pk")

    def of_key(self, access: str, key: str) -> CacheForgetQuerySet:
        """Return those that an entry was in, or may have been: where not all are named.

        Of the newest MOST_LOOKED_AT of the access.
        """
        ours = self.of_access(access)
        oldest = ours.values("at")[MOST_LOOKED_AT - 1 : MOST_LOOKED_AT]
        # No LIKE: on SQLite that takes "A" for "a".
        place = StrIndex("keys", models.Value(joined([key])))
        return ours.alias(place=place).filter(
            models.Q(place__gt=0) | models.Q(is_cut=True),
            at__gte=Coalesce(models.Subquery(oldest), _BEFORE_ALL),
        )

    def expired(self, moment: datetime) -> CacheForgetQuerySet:
        """Return those written before a moment, and all but the newest MOST_KEPT."""
        newest = CacheForget.objects.using(self.db).order_by("-pk").values("pk")
        surplus = models.Subquery(newest[MOST_KEPT : MOST_KEPT + 1])
        return self.filter(models.Q(at__lt=moment) | models.Q(pk__lte=surplus))


class CacheForget(models.Model):
    """Some entries of one access that one commit, sweep or person has let forget.

    A process writes at most so many with each flush (`metrics.forgets`), a pruning leaves
    those of a day and at most MOST_KEPT, and in between an entry is looked for in the newest
    MOST_LOOKED_AT of its access alone: what stands here is of the last while, not of all time.
    """

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
    return f"{MARK}{MARK.join(map(_escaped, texts))}{MARK}" if texts else ""


def parted(text: str) -> list[str]:
    """Return the texts that were joined."""
    return [_plain(one) for one in text[1:-1].split(MARK)] if text else []


def _escaped(text: str) -> str:
    for plain, escaped in ESCAPES:
        text = text.replace(plain, escaped)
    return text


def _plain(text: str) -> str:
    for plain, escaped in reversed(ESCAPES):
        text = text.replace(escaped, plain)
    return text
