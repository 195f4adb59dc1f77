"""Event receipt: the mark that an event has had its effects."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.upsert import Upsert


class EventReceiptQuerySet(models.QuerySet["EventReceipt"]):
    """Receipts, claimed by the transaction that writes the effects."""

    def claim(
        self, keys: Collection[str], *, now: datetime, renew_before: datetime
    ) -> set[str]:
        """Return the keys whose events are new, and write their receipts.

        A receipt of `renew_before` or older is renewed and its event is new. Waits for
        another transaction that is writing one of the receipts. One statement.
        """
        rows = [{"key": key, "received_at": now} for key in set(keys)]
        written = CLAIM.run(
            rows, using=self.db, parameters={"received_at": [renew_before]}
        )
        return {key for (key,) in written}

    claim.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def get_by_natural_key(self, key: str) -> EventReceipt:
        return self.get(key=key)


class EventReceipt(models.Model):
    """`key` is the SHA-256 of source and id, so that neither is kept."""

    key = models.CharField(_("key"), max_length=64)
    received_at = models.DateTimeField(_("received"))

    objects = EventReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = _("event receipt")
        verbose_name_plural = _("event receipts")
        constraints = [models.UniqueConstraint(fields=["key"], name="wfe_receipt_key")]
        indexes = [models.Index(fields=["received_at"], name="wfe_receipt_received")]

    def __str__(self) -> str:
        return f"{self.key[:12]} at {self.received_at:%Y-%m-%d %H:%M:%S}"

    def natural_key(self) -> tuple[str]:
        return (self.key,)


#: Insert the receipt, or renew one that is old; a young one is left alone, unreturned.
CLAIM: Final = Upsert(
    model=EventReceipt,
    columns=("key", "received_at"),
    key=("key",),
    update="{set[received_at]} = {new[received_at]} WHERE {old[received_at]} <= %s",
    returning=("key",),
)
