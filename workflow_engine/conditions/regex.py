"""Regex: regular expressions that cannot run away, by RE2.

RE2 takes time linear in the text, whatever the pattern; it has no backreference and no
look-around. A bound on the compiled pattern and on the text bounds the time as a whole.
"""

from __future__ import annotations

from functools import lru_cache
from time import thread_time
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # it brings no types

from workflow_engine.exceptions import ConditionFailed

MAX_PATTERN_CHARACTERS: Final = 500
MAX_TEXT_CHARACTERS: Final = 10_000
LIMIT_SECONDS: Final = 0.05
# RE2's slowest way costs about 4 ns per step and byte, and nothing can stop it half-way: a
# pattern made to be slow overruns the limit by a fraction of a second before it fails. Room
# for a class of all letters, which alone takes 1,200 steps a time.
MAX_STEPS: Final = 4000
_MEMORY_BYTES: Final = (
    2 << 20
)  # per pattern, for the automaton that is built as it runs
_KEPT_PATTERNS: Final = 256


def pattern_problem(pattern: str) -> str:
    """Return a sentence on why this pattern is refused, or ""."""
    try:
        steps = _compiled(pattern, ignore_case=False).programsize
    except re2.error as error:
        reason = error.args[0]
        words = reason.decode() if isinstance(reason, bytes) else str(reason)
        return (
            f"{words}; write it in RE2 syntax, "
            "which has no backreference and no look-around"
        )
    except UnicodeEncodeError:
        return "contains half a surrogate pair, which is no character"
    if steps > MAX_STEPS:
        return (
            f"compiles to {steps} steps, at most {MAX_STEPS}; "
            "use smaller repetition counts"
        )
    return ""


def search(
    pattern: str,
    text: str,
    *,
    ignore_case: bool = False,
    limit_seconds: float = LIMIT_SECONDS,
) -> bool:
    """Tell whether the pattern is found anywhere in the text.

    Time is counted as this thread's own, so that a busy machine fails no condition.

    Raises:
        ConditionFailed: `value_too_long` or `regex_timeout`.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        message = f"text is {len(text)} characters, at most {MAX_TEXT_CHARACTERS}"
        raise ConditionFailed("value_too_long", message)
    regex = _compiled(pattern, ignore_case=ignore_case)
    began = thread_time()
    # As bytes: positions in characters, which nobody asks for, would be counted otherwise.
    match = regex.search(text.encode(errors="replace"))
    if thread_time() - began > limit_seconds:
        message = f"searching took longer than {limit_seconds} s; simplify the pattern"
        raise ConditionFailed("regex_timeout", message)
    return match is not None


@lru_cache(maxsize=_KEPT_PATTERNS)
def _compiled(pattern: str, *, ignore_case: bool) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False  # the reason is raised; it need not go to stderr too
    options.max_mem = _MEMORY_BYTES
    options.never_capture = True  # without groups one pass over the text answers
    return re2.compile(pattern, options)
