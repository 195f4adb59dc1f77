"""A process that looks up, says on standard output what it counted, and writes it at its end.

Arguments: how many look-ups, an environment, ids of detectors.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from workflow_engine.lookups import workflows_for_detectors  # noqa: E402 - needs the models
from workflow_engine.metrics.counts import counts  # noqa: E402

number, environment, *ids = sys.argv[1:]
for _ in range(int(number)):
    workflows_for_detectors([int(one) for one in ids], environment)
print(  # noqa: T201 - to who started it
    json.dumps(
        [(one.scope, one.counter, one.reason, one.count) for one in counts.look()]
    )
)
