"""Export: all rules as plain JSON data, and as the text of the file."""

from __future__ import annotations

import json

from workflow_engine.conf import options
from workflow_engine.rulefile.document import FORMAT, to_json
from workflow_engine.rulefile.read import read_rules
from workflow_engine.types.event import JSON


def export_rules() -> dict[str, JSON]:
    """Return all rules; the same for equal rules, whatever their keys and database."""
    return {"format": FORMAT, **to_json(read_rules(options.DATABASE))}


def dumps(rules: dict[str, JSON]) -> str:
    """Return the text of the file: keys sorted, one value a line, a line break at the end."""
    text = json.dumps(
        rules, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False
    )
    return f"{text}\n"
