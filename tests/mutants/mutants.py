"""Mutants: all of them, by the guard that each is without."""

from __future__ import annotations

from typing import Final

from tests.mutants import without_forgetting, without_owing, without_reading
from tests.mutants.mutant import Mutants

MUTANTS: Final[Mutants] = {
    **without_reading.MUTANTS,
    **without_forgetting.MUTANTS,
    **without_owing.MUTANTS,
}
