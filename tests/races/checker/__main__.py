"""Search every configuration, the large ones too, and tell what was found."""

import sys
import time

from tests.races.checker.configurations import CONFIGURATIONS, LARGE
from tests.races.checker.search import search
from tests.races.checker.system import System
from tests.races.checker.traces import found_without
from tests.races.checker.variants import VARIANTS

failures = 0
for name, configuration in (CONFIGURATIONS | LARGE).items():
    started = time.perf_counter()
    found = search(System(configuration))
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{found.states:9} states {seconds:6.2f} s  {name}\n")
    sys.stdout.flush()
    if found.wrong:
        failures += 1
        sys.stdout.write(f"{found.story()}\n")
for name in VARIANTS:
    sys.stdout.write(f"\nwithout {name}\n{found_without(name).story()}\n")
sys.exit(1 if failures else 0)
