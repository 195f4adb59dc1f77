"""Prometheus: families as text. The only module that knows the Prometheus client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isinf

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from workflow_engine.export.family import Family, Kind, Numbers, Times
from workflow_engine.export.text import Text


class _Collected(Collector):
    """Families, collected already."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            yield _times(family) if isinstance(family, Times) else _numbers(family)


def expose(families: Sequence[Family], accept: str) -> Text:
    """Return the text of families in the format that is asked for.

    Args:
        families: What is exported.
        accept: As in the header of a request; one that cannot be understood, like none,
            asks for the plain format.
    """
    collected = _Collected(families)
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number
        encode, content_type = choose_encoder("")
    return Text(body=encode(collected), content_type=content_type)


def _numbers(family: Numbers) -> Metric:
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.text, labels=family.labels)
    for labels, value in sorted(family.values.items()):
        metric.add_metric(labels, value)
    return metric


def _times(family: Times) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=family.labels)
    names = ["+Inf" if isinf(bound) else str(bound) for bound in family.bounds_seconds]
    for labels, spread in sorted(family.spreads.items()):
        buckets = list(zip(names, spread.up_to, strict=True))
        metric.add_metric(labels, buckets, spread.total_seconds)
    return metric
