"""Template: a process with everything imported and nothing connected, which forks at once.

It is asked by lines of JSON on its standard input, one answer to each:
`{"act": ..., "at": step, "signal": ..., "is_cold": ...}` runs an act in a new process and
says how that ended; `{"resume": pid}` lets a stopped one go on to its end.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402 - once the apps are there

from tests.races.kill.acts import ACTS  # noqa: E402
from tests.races.kill.steps import SteppingStore, Steps  # noqa: E402
from tests.races.processes import everything, read  # noqa: E402
from workflow_engine.caches.coherence import current  # noqa: E402

FAILED = 3


def main() -> None:
    """Answer until the standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "resume" in request:
            os.kill(request["resume"], signal.SIGCONT)
            answer = _end_of(request["resume"])
        else:
            answer = _run(request)
        print(json.dumps(answer), flush=True)  # noqa: T201


def _run(request: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        os._exit(_act(request, writing))
    os.close(writing)
    answer = _end_of(pid)
    if answer["end"] != "stopped":
        with os.fdopen(reading) as said:
            answer["steps"] = said.read().splitlines()
    return answer


def _act(request: dict[str, Any], said: int) -> int:
    try:
        coherence: Any = current()
        if not request["is_cold"]:
            read(coherence, everything([1], [1]))
            assert coherence.gate.is_open
        before, act = ACTS[request["act"]]
        before()
        step = Steps(request["at"], request["signal"])
        connection.ensure_connection()
        step.watch(connection)
        coherence.store = SteppingStore(coherence.store, step)
        act()
        step("end")
        os.write(said, "\n".join(step.taken).encode())
    except BaseException:  # noqa: BLE001 - this process must not go on as its parent
        traceback.print_exc()
        return FAILED
    return 0


def _end_of(pid: int) -> dict[str, Any]:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"pid": pid, "end": "stopped"}
    if os.WIFSIGNALED(status):
        return {"pid": pid, "end": "killed"}
    is_well = os.WEXITSTATUS(status) == 0
    return {"pid": pid, "end": "survived" if is_well else "failed"}


if __name__ == "__main__":
    main()
