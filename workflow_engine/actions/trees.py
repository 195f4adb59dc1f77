"""Tree: a JSON value with templates inside its strings."""

from __future__ import annotations

from typing import Final

from workflow_engine.actions.base import Firing
from workflow_engine.actions.filters import json_of
from workflow_engine.actions.templates import (
    RENDERED_CHARACTERS,
    TEMPLATE_CHARACTERS,
    template_problems,
)
from workflow_engine.types.event import JSON

TREE_DEPTH: Final = 32


class Tree:
    """Renders the strings of one JSON value, which share the room of one rendering."""

    def __init__(self, firing: Firing) -> None:
        """Take the values from `firing`, and note there what is missing."""
        self._firing = firing
        self._room = RENDERED_CHARACTERS

    def render(self, value: JSON) -> JSON:
        """Return the value with its strings rendered; keys stay as they are."""
        if isinstance(value, str):
            text = self._firing.render(value, limit_characters=self._room)
            self._room -= len(text)
            return text
        if isinstance(value, list):
            return [self.render(element) for element in value]
        if isinstance(value, dict):
            return {key: self.render(element) for key, element in value.items()}
        return value


def tree_problems(name: str, value: JSON) -> list[str]:
    """Return one sentence per problem of a value; `name` says where it stands."""
    level, texts = [value], []
    for _ in range(TREE_DEPTH + 1):
        texts += [one for one in level if isinstance(one, str)]
        level = [inner for one in level for inner in _children(one)]
    if level:
        return [f"{name}: is nested more than {TREE_DEPTH} deep"]
    if len(json_of(value)) > TEMPLATE_CHARACTERS:
        return [f"{name}: is more than {TEMPLATE_CHARACTERS} characters of JSON"]
    return [
        f"{name}: {problem}" for text in texts for problem in template_problems(text)
    ]


def _children(value: JSON) -> list[JSON]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
