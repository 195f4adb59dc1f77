"""What asks for the metrics, and with what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from django.http import HttpResponse

TOKEN = "a-token-that-only-the-tests-know"  # noqa: S105 - of the tests
ADDRESS = "/hooks/metrics"

#: With the header Accept, and by another method than GET.
Ask: TypeAlias = Callable[..., HttpResponse]

#: With options of the app.
SetUp: TypeAlias = Callable[..., None]
