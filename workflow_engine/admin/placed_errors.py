"""Placed errors: what a row refuses, told beside the field of the form it speaks of."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseForm


class PlacedErrors(BaseForm):
    """A form whose fields are not those of its row; a subclass says where an error belongs."""

    def add_error(self, field: str | None, error: Any) -> None:
        if field is None and hasattr(error, "error_dict"):
            for name, errors in error.error_dict.items():
                for one in errors:
                    for message in one.messages:
                        self.place_error(name, ValidationError(message, code=one.code))
            return
        super().add_error(field, error)

    def place_error(self, name: str, error: ValidationError) -> None:
        """Add an error of the row's field `name` to the field of the form it belongs to."""
        super().add_error(name, error)
