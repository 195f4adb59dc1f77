"""Signals that a project may listen to; each is sent after the commit it speaks of."""

from __future__ import annotations

from django.dispatch import Signal

#: An item reached a terminal state. Arguments: `item_id`, `state`, `kind`.
item_finished = Signal()

#: An action's circuit opened after failures in a row. Argument: `action` (slug), `until`.
circuit_opened = Signal()

#: An action's circuit closed again after a success. Argument: `action` (slug).
circuit_closed = Signal()
