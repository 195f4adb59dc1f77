"""Runs every benchmark, one after the other, each in a process of its own.

    python -m benchmarks [--json]

With --json only the last line of each is printed, after its name.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Parts of others.
PARTS = {"__init__", "__main__", "project", "samples"}


def main(arguments: list[str]) -> int:
    """Run them all, and return 1 if one has failed."""
    failed = []
    for path in sorted(HERE.glob("*.py")):
        if path.stem in PARTS:
            continue
        sys.stdout.write(f"{path.stem}\n")
        sys.stdout.flush()
        done = subprocess.run([sys.executable, str(path), *arguments], check=False)  # noqa: S603 - ours
        if done.returncode:
            failed.append(path.stem)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
