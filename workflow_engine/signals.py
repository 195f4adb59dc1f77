"""Signals that a project may listen to; each is sent after the commit it speaks of."""

from __future__ import annotations

from django.dispatch import Signal

#: An item reached a terminal state. Arguments: `item_id`, `state`, `kind`.
item_finished = Signal()

#: An action is paused after failures in a row, or switched off. Arguments: `action` (slug),
#: `until` (end of the first pause; None = it is switched off until a person turns it on).
circuit_opened = Signal()

#: An action is no longer paused, after a success, or was turned on again by a person.
#: Argument: `action` (slug).
circuit_closed = Signal()
