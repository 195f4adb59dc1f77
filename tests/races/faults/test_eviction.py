"""Eviction: a server that drops whatever it likes costs misses and nothing else."""

from __future__ import annotations

import random

import pytest

from tests.races.faults.place import Place
from tests.races.processes import owed, process
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Detector, DetectorWorkflow, Workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]

OPERATIONS = 200
SEED = 20


def _write(place: Place, choose: random.Random) -> None:
    what = choose.randrange(4)
    detector = choose.choice(Detector.objects.order_by("pk"))
    if what == 0:
        place.write()
    elif what == 1:
        detector.enabled = not detector.enabled
        detector.save()
    elif what == 2:
        Workflow.objects.all().update(name=str(choose.random()))
    else:
        workflow = choose.choice(Workflow.objects.order_by("pk"))
        links = DetectorWorkflow.objects.filter(detector=detector, workflow=workflow)
        if not links.delete()[0]:
            workflow.detectors.add(detector)


def test_eviction__random_operations(place: Place) -> None:
    choose = random.Random(SEED)  # noqa: S311 - no secret
    sides = [place.here, process(), process()]
    place.warm(*sides)
    used = place.client.info("memory")["used_memory"]
    place.client.config_set("maxmemory-policy", "allkeys-random")
    place.client.config_set("maxmemory", used)
    hits: set[str] = set()

    for number in range(OPERATIONS):
        kind = choose.randrange(10)
        if kind < 3:
            _write(place, choose)
        elif kind == 3 and number % 3 == 0:
            place.client.flushall()
        else:
            side = choose.choice(sides)
            assert not place.stale(side), number
        hits |= {one.reason for one in counts.take() if one.counter == "hit"}

    assert owed() == 0
    assert place.client.info("stats")["evicted_keys"]
    assert hits == {"near", "cell"}
