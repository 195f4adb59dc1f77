"""Event count: how many events of a subject fell into one slice of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.fields import ENVIRONMENT_CHARACTERS, SUBJECT_CHARACTERS
from workflow_engine.models.upsert import Upsert, parameter_limit


@dataclass(frozen=True, kw_only=True, order=True)
class Bucket:
    """One slice of time of one counter.

    Attributes:
        counter: Who counts: "condition:12", "detector:7".
        environment: Of the events; "" for none.
        subject: Of the events; "" for none.
        step: Length of the slice in seconds.
        bucket: Number of the slice: seconds since 1970 // step.
    """

    counter: str
    environment: str
    subject: str
    step: int
    bucket: int


@dataclass(frozen=True, kw_only=True)
class CountQuestion:
    """How many in the slices `first_bucket` to `last_bucket`, both included?"""

    counter: str
    environment: str
    subject: str
    step: int
    first_bucket: int
    last_bucket: int


class EventCountQuerySet(models.QuerySet["EventCount"]):
    """Counts, added to and summed for many questions at once."""

    def add(self, counts: Collection[tuple[Bucket, int]]) -> None:
        """Add to each bucket; the same bucket may be given more than once. One statement."""
        added: dict[Bucket, int] = defaultdict(int)
        for bucket, count in counts:
            added[bucket] += count
        ADD.run([_row(bucket, count) for bucket, count in added.items()], using=self.db)

    add.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def totals(self, questions: Collection[CountQuestion]) -> dict[CountQuestion, int]:
        """Return the answer to every question, 0 where nothing was counted.

        One query, unless there are more questions than one has parameters for.
        """
        totals = dict.fromkeys(questions, 0)
        asked = list(totals)
        size = parameter_limit(connections[self.db]) // len(_QUESTION_COLUMNS)
        for start in range(0, len(asked), size):
            chunk = asked[start : start + size]
            totals |= {chunk[n]: int(total) for n, total in self._sums(chunk)}
        return totals

    def _sums(self, questions: Sequence[CountQuestion]) -> list[tuple[int, int]]:
        connection = connections[self.db]
        one = f"({', '.join(['%s'] * len(_QUESTION_COLUMNS))})"
        sql = SUMS.format(
            table=connection.ops.quote_name(self.model._meta.db_table),
            asked=", ".join(_QUESTION_COLUMNS),
            questions=", ".join([one] * len(questions)),
        )
        values = [
            value
            for n, q in enumerate(questions)
            for value in (
                n,
                q.counter,
                q.environment,
                q.subject,
                q.step,
                q.first_bucket,
                q.last_bucket,
            )
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            sums: list[tuple[int, int]] = cursor.fetchall()
        return sums

    def get_by_natural_key(
        self, counter: str, environment: str, subject: str, step: int, bucket: int
    ) -> EventCount:
        return self.get(
            counter=counter,
            environment=environment,
            subject=subject,
            step=step,
            bucket=bucket,
        )


class EventCount(models.Model):
    """Counts live apart from what counts, so that a deleted rule leaves no lock behind."""

    counter = models.CharField(_("counter"), max_length=64)
    environment = models.CharField(
        _("environment"), max_length=ENVIRONMENT_CHARACTERS, blank=True
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    step = models.IntegerField(_("step"), help_text=_("Seconds."))
    bucket = models.BigIntegerField(_("bucket"))
    count = models.BigIntegerField(_("count"))

    objects = EventCountQuerySet.as_manager()

    class Meta:
        verbose_name = _("event count")
        verbose_name_plural = _("event counts")
        constraints = [
            models.UniqueConstraint(
                fields=["counter", "environment", "subject", "step", "bucket"],
                name="wfe_count_bucket",
            ),
            models.CheckConstraint(
                condition=Q(step__gte=1, count__gte=0), name="wfe_count_positive"
            ),
        ]
        # The second in which the slice began, by which old counts are pruned.
        indexes = [models.Index(F("bucket") * F("step"), name="wfe_count_expiry")]

    def __str__(self) -> str:
        return f"{self.counter} {self.subject or '-'}: {self.count}"

    def natural_key(self) -> tuple[str, str, str, int, int]:
        return (self.counter, self.environment, self.subject, self.step, self.bucket)


_KEY: Final = ("counter", "environment", "subject", "step", "bucket")

#: Insert the count, or add to it.
ADD: Final = Upsert(
    model=EventCount,
    columns=(*_KEY, "count"),
    key=_KEY,
    update="{set[count]} = {old[count]} + {new[count]}",
    returning=("count",),
)

_QUESTION_COLUMNS: Final = (
    "n",
    "counter",
    "environment",
    "subject",
    "step",
    "first_bucket",
    "last_bucket",
)

#: Sum the slices of every question; a question without a slice has no row.
SUMS: Final = """
    WITH question ({asked}) AS (VALUES {questions})
    SELECT question.n, SUM(counted.count)
    FROM question
    JOIN {table} AS counted
      ON counted.counter = question.counter
     AND counted.environment = question.environment
     AND counted.subject = question.subject
     AND counted.step = question.step
     AND counted.bucket BETWEEN question.first_bucket AND question.last_bucket
    GROUP BY question.n
"""


def _row(bucket: Bucket, count: int) -> dict[str, Any]:
    return {**{name: getattr(bucket, name) for name in _KEY}, "count": count}
