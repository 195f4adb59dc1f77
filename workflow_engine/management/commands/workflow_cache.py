"""workflow_cache: how look-ups fare, whether they are right, and forgetting by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from workflow_engine import clock
from workflow_engine.caches import declared
from workflow_engine.caches.coherence import Coherence, current
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.inspection import forgetting, peeking, spoiling
from workflow_engine.inspection.keys import AnyQuestion, Sample, sample
from workflow_engine.inspection.verifying import Findings
from workflow_engine.management import stats
from workflow_engine.management.command import (
    NEEDS_A_LOOK,
    NOT_REACHED,
    EngineCommand,
    wrong,
)
from workflow_engine.metrics.windows import window_over
from workflow_engine.status import cache_figures, processes
from workflow_engine.status.in_json import (
    line_json,
    measured_json,
    sources_json,
    window_json,
)
from workflow_engine.types.spans import parse_span

#: Compared of each access unless all are wanted.
SAMPLE_ENTRIES: Final = 100

#: What each word takes beside --json and Django's own.
TAKES: Final = {
    "stats": ("access", "window"),
    "verify": ("access", "all"),
    "forget": ("access", "key", "yes"),
    "map": (),
    "peek": ("access", "key", "entry"),
}
NO_STORE: Final = (
    "without Redis (CACHE_ALIAS) each process keeps its own entries, and a number in the "
    "database vouches for them at every look-up: "
)


class Command(EngineCommand):
    """The figures are those of all processes, out of the database, never its own."""

    help = (
        "stats: figures of all processes. verify: compare entries with the database. "
        "forget: forget entries. map: which entries a changed row spoils. "
        "peek ACCESS KEY: one entry from both sides."
    )
    example = "manage.py workflow_cache stats --window 1h"

    def add_options(self, parser: CommandParser) -> None:
        """Add the word, and what the words take."""
        parser.add_argument(
            "what",
            nargs="?",
            choices=TAKES,
            default="stats",
            metavar="|".join(TAKES),
            help="See above.",
        )
        parser.add_argument(
            "entry", nargs="*", help="peek: ACCESS KEY, such as workflows 7."
        )
        parser.add_argument(
            "--access", metavar="NAME", help="Of this access; all if not given."
        )
        parser.add_argument(
            "--key", help="forget, peek: this entry; a route is TYPE or TYPE@SOURCE."
        )
        parser.add_argument(
            "--window",
            metavar="SPAN",
            help=(
                "stats: of the last 30m, 1h, 7d; else 1h. METRICS_RETAIN_HOURS says how "
                "long figures are kept."
            ),
        )
        parser.add_argument(
            "--all",
            action="store_true",
            help=f"verify: every entry; else {SAMPLE_ENTRIES} of each access.",
        )
        parser.add_argument(
            "--yes", action="store_true", help="forget: do not ask; needed in scripts."
        )

    def run(self, given: dict[str, Any]) -> int:
        """Do what the word says."""
        what = given["what"]
        _refuse_others(what, given)
        self.given = given
        self.is_shared = options.CACHE_ALIAS is not None
        run = {
            "stats": self._stats,
            "verify": self._verify,
            "forget": self._forget,
            "map": self._map,
            "peek": self._peek,
        }[what]
        try:
            return run()
        except CacheUnavailable as error:
            rest = f" {forgetting.NOT_FORGOTTEN}" if what == "forget" else ""
            said = str(error).removesuffix(".")
            message = f"The cache was not reached: {said}.{rest}"
            raise CommandError(message, returncode=NOT_REACHED) from error

    def _stats(self) -> int:
        given, access = self.given["window"] or "1h", self.given["access"]
        try:
            window = window_over(given, parse_span(given), clock.now())
        except ValueError as error:
            raise wrong(f"--window: {error}") from error
        found = cache_figures.read(options.DATABASE, window, slots_of=())
        lines, total = found.lines, found.total
        if access:
            lines = (found.line(self._questions()[0].name),)
            (total,) = lines
        json = {
            "window": window_json(window),
            "figures": list(map(line_json, lines)),
            "total": line_json(total),
            "lag": measured_json(found.lag, "ms"),
            "outbox": found.debt and found.debt.json(),
            "sources": sources_json(found.sources),
        }
        told = list(stats.table(lines, total))
        if found.debt is not None:
            told.append(found.debt.line())
        told += (one.text for one in processes.remarks(found.sources))
        self._tell(json, told)
        return NEEDS_A_LOOK if total.stale else 0

    def _verify(self) -> int:
        coherence = current()
        findings = Findings()
        samples = [(one, self._sample(coherence, one)) for one in self._questions()]
        for _, found in samples:
            findings.there += found.there
            findings.nameless += found.nameless
        try:
            with self._bar(sum(len(found.keys) for _, found in samples)) as bar:
                for question, found in samples:
                    for key in found.keys:
                        findings.compare(coherence, question, key)
                        bar.update()
        finally:  # interrupted, too: stale entries are forgotten by now, so only told here
            self._tell(findings.json(), findings.lines())
        if not self.is_shared:
            self.stderr.write(f"{NO_STORE}there is nothing to verify from here")
        return NEEDS_A_LOOK if findings.stale else 0

    def _sample(self, coherence: Coherence, question: AnyQuestion) -> Sample:
        return sample(
            coherence, question, None if self.given["all"] else SAMPLE_ENTRIES
        )

    def _forget(self) -> int:
        key = self.given["key"]
        if key is not None and self.given["access"] is None:
            raise wrong("forget --key KEY needs --access NAME: keys are of one access")
        questions = self._questions()
        parsed = None if key is None else _parse(questions[0], key)
        if not self._is_wanted(questions):
            self.stderr.write("nothing was forgotten")
            return 0
        if key is None:
            done = forgetting.forget_all(current(), questions)
        else:
            done = forgetting.forget_key(
                current(), questions[0], parsed, is_shared=self.is_shared
            )
        self._tell(
            {"forgot": [one.json() for one in done]}, (one.line() for one in done)
        )
        if not self.is_shared:
            self.stderr.write(
                f"{NO_STORE}a new number forgets everything in all of them"
            )
        return 0

    def _is_wanted(self, questions: list[AnyQuestion]) -> bool:
        """Whether to go on; asked on a terminal."""
        if self.given["yes"]:
            return True
        if not sys.stdin.isatty():
            raise wrong("forget needs --yes where nobody can be asked")
        names = ", ".join(one.name for one in questions)
        what = (
            f"{names} {self.given['key']}" if self.given["key"] else f"all of {names}"
        )
        self.stderr.write(f"Forget {what}? [y/N] ", ending="")
        self.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _map(self) -> int:
        spoils = list(spoiling.spoils(declared))
        self._tell({"map": [one.json() for one in spoils]}, spoiling.lines(spoils))
        return 0

    def _peek(self) -> int:
        question, key = self._entry()
        one = peeking.look(current(), question, key)
        self._tell(
            peeking.json(one, is_shared=self.is_shared),
            peeking.lines(one, is_shared=self.is_shared, now=clock.now()),
        )
        return NEEDS_A_LOOK if one.is_different else 0

    def _entry(self) -> tuple[AnyQuestion, Any]:
        """Return what is to be peeked at: ACCESS KEY, or either of them as an option."""
        named = (self.given["access"], self.given["key"])
        words = [word for word in named if word is not None]
        if len(words) + len(self.given["entry"]) != len(named):
            raise wrong(
                "peek takes an access and a key: workflow_cache peek workflows 7"
            )
        rest = iter(self.given["entry"])
        access, key = (next(rest) if word is None else word for word in named)
        question = _question(access)
        return question, _parse(question, key)

    def _questions(self) -> list[AnyQuestion]:
        name = self.given["access"]
        return list(declared) if name is None else [_question(name)]

    def _tell(self, json: dict[str, Any], lines: Iterable[str]) -> None:
        if self.given["json"]:
            self.say_json(json)
            return
        for line in lines:
            self.say(line)

    def _bar(self, total: int) -> tqdm[Any]:
        quiet = self.given["verbosity"] == 0 or not sys.stderr.isatty()
        return tqdm(
            total=total,
            desc="verify",
            unit="entry",
            file=sys.stderr,
            disable=quiet,
            leave=False,
        )


def _refuse_others(what: str, given: dict[str, Any]) -> None:
    """Refuse what another word would take: it would be ignored in silence."""
    known = {name for names in TAKES.values() for name in names}
    for name in sorted(known - set(TAKES[what])):
        if given[name]:
            shown = " ".join(given[name]) if name == "entry" else f"--{name}"
            raise wrong(f"{what} does not take {shown}")


def _question(name: str) -> AnyQuestion:
    question = declared.named(name)
    if question is None:
        names = ", ".join(one.name for one in declared)
        raise wrong(f"no access is called '{name}'; there are {names}")
    return question


def _parse(question: AnyQuestion, text: str) -> Any:
    try:
        return question.mapping.parse(text)
    except ValueError as error:
        raise wrong(f"{question.name}: {error}") from error
