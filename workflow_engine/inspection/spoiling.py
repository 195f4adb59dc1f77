"""Spoiling: which entries a changed row spoils, as declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workflow_engine.caches import Declared, Resolved
from workflow_engine.types.event import JSON


@dataclass(frozen=True, kw_only=True)
class Spoils:
    """A row of `model` spoils entries of `access`.

    Attributes:
        model: Its name.
        access: Name of the access.
        is_resolved: Which ones is asked of the database; else it stands in the row.
        columns: What of the row says which ones.
    """

    model: str
    access: str
    is_resolved: bool
    columns: tuple[str, ...]

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "model": self.model,
            "access": self.access,
            "how": "resolved" if self.is_resolved else "direct",
            "columns": list(self.columns),
        }


def spoils(declared: Declared) -> Iterator[Spoils]:
    """Yield every pair of a model and an access that its rows spoil."""
    for model in declared.models():
        for question in declared.spoiled_by(model):
            dependency = question.depends_on[model]
            yield Spoils(
                model=model._meta.object_name or "",
                access=question.name,
                is_resolved=isinstance(dependency, Resolved),
                columns=tuple(dependency.columns),
            )


def lines(all_of_them: list[Spoils]) -> Iterator[str]:
    """Yield what people read, a line for each pair."""
    model_width = max((len(one.model) for one in all_of_them), default=0)
    access_width = max((len(one.access) for one in all_of_them), default=0)
    for one in all_of_them:
        how = "resolved, from" if one.is_resolved else "direct, by"
        yield (
            f"{one.model.ljust(model_width)} -> {one.access.ljust(access_width)}"
            f"  {how} {', '.join(one.columns)}"
        )
