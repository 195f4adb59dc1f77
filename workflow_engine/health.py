"""Health: two checks for the view of django-health-check, which must be installed.

    HealthCheckView.as_view(
        checks=["workflow_engine.health.LookUps", "workflow_engine.health.Runners"]
    )

They say what `workflow_status` says of the same parts, and read no more than it does. A view
may be open to anybody: they name no person, no address and no server. Restarting a process
cures nothing that they find, so they are for people and alerts, not for what restarts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import Error, connections
from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.status import items, look_ups, rules, server
from workflow_engine.status.part import Level, Part, Remark, worst


class _Check(HealthCheck):  # type: ignore[misc] # the library has no types
    """Runs on a thread of its own, and so on a database connection of its own."""

    def run(self) -> None:
        """Return when all is well.

        Raises:
            ServiceWarning: It needs a look.
            ServiceUnavailable: It does not work as promised, or could not be found out.
        """
        using = options.DATABASE
        try:
            found = list(self.complaints(using))
        except Error as error:
            text = "the database does not answer, or was never migrated"
            raise ServiceUnavailable(text) from error
        finally:
            # Nobody would close it when the thread goes; a caller's transaction keeps it.
            if not connections[using].in_atomic_block:
                connections[using].close()
        if found:
            text = ", ".join(remark.text for remark in found)
            is_down = worst(remark.level for remark in found) is Level.ERROR
            raise (ServiceUnavailable if is_down else ServiceWarning)(text)

    def complaints(self, using: str) -> Iterator[Remark]:
        """Yield what is not well.

        Raises:
            django.db.Error: The database does not answer, or was never migrated.
        """
        raise NotImplementedError


@dataclass
class LookUps(_Check):
    """Whether look-ups are answered, fast and right.

    Judged by: the database answers and has its tables and triggers; the cache server, if
    there is one, answers and can be used; no entry was found stale in the last hour; the
    outbox owes nothing for longer than several sweeps take. What only makes look-ups slower
    for a while, such as errors that are over, is in `workflow_status`.
    """

    def complaints(self, using: str) -> Iterator[Remark]:
        """Yield what is not well; at most nine queries and one round trip to the server."""
        absent = rules.absent_tables(using)
        if absent:
            yield from _errors(rules.judge_absent(absent))
            return
        yield from _errors(rules.judge(rules.read(using)))
        asked = server.ask()
        yield from _errors(server.judge(asked))
        found = look_ups.read(using, clock.now())
        part = look_ups.judge(found, is_server_there=asked.server is not None)
        yield from (
            remark
            for remark in part.remarks
            if remark.level is Level.ERROR or remark.cure == look_ups.SWEEP
        )


@dataclass
class Runners(_Check):
    """Whether somebody carries out what is due.

    Judged by what is left undone, whoever should do it: no item is overdue, or was given up
    by who had claimed it, for longer than it takes a runner to notice; and items are not
    paused. Without any item that is due nothing is known of runners, and nothing is said.
    """

    def complaints(self, using: str) -> Iterator[Remark]:
        """Yield what is not well; two queries."""
        found = items.read(using, clock.now())
        if found.paused is not None:
            yield Remark(text="items are paused", level=Level.WARN)
            return
        part = items.judge(found)
        yield from (one for one in part.remarks if one.level is not Level.OK)


def _errors(part: Part) -> Iterator[Remark]:
    return (remark for remark in part.remarks if remark.level is Level.ERROR)
