"""What is wrong with rules, packs and knowledge that wait to be put in place.

They are loaded as the program would load them, so the check runs in a process of its own, with SENTINEL_RULESETS set
to them and a bound on memory and time: a hostile file can at worst end that process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from sentinel import resources
from sentinel.errors import SentinelError, UpdateError

SECONDS = 300
MEMORY = 8 << 30
"""Bytes of address space; the libraries reserve much more than they use."""
MAX_SAID = 1 << 20


def problems(rulesets: Path) -> list[str]:
    """Sentences with file and place, relative to `rulesets`; empty: they may be used."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {
        "SENTINEL_RULESETS": str(rulesets),
        "PYTHONPATH": str(resources.PACKAGE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "1",
    }
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile() as said:
        environment["SENTINEL_CACHE"] = cache
        command = [sys.executable, "-P", "-m", "sentinel.update.check"]
        try:
            run = subprocess.run(
                command, cwd=cache, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.PIPE,
                timeout=SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise UpdateError("the check of the rules took longer than {n} seconds", n=SECONDS) from error
        said.seek(0)
        found = said.read(MAX_SAID).decode(errors="replace").replace(f"{rulesets}{os.sep}", "").splitlines()
    if run.returncode not in (0, 1) or (run.returncode == 1) != bool(found):
        why = run.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"{run.returncode}"]
        raise UpdateError("the check of the rules did not come to its end ({why})", why=why[0][:300])
    return found


def _found() -> Iterator[str]:
    """What is wrong with what SENTINEL_RULESETS names."""
    from sentinel.assess import packs, profiles, questions, remediation, techniques
    from sentinel.assess.checks.registry import checks
    from sentinel.plugins import load_parsers
    from sentinel.rules import attack
    from sentinel.rules.lint import lint
    from sentinel.rules.load import RuleSet

    loaders: tuple[Callable[[], object], ...] = (
        attack.shipped, attack.chinese_names, techniques.knowledge, techniques.chinese,
        questions.questions, questions.topics, profiles.profiles, remediation.shipped,
    )  # fmt: skip
    broken = [f"{type(e).__name__}: {e}" for e in map(_failure, loaders) if e is not None]
    if broken:
        # rules and packs name techniques, questions and measures: without those they cannot be judged
        yield from broken
        return
    rules = RuleSet.load()
    yield from map(str, lint(rules, load_parsers()))
    if not any(rule.emit for rule in rules.rules):
        yield "sigma: no rule"
    parameters = {name: tuple(check.params) for name, check in checks().items()}
    asked = set(questions.questions())
    for name in packs.available():
        yield from packs.check(name, parameters, asked)
    if not packs.available():
        yield "frameworks: no pack"


def _failure(load: Callable[[], object]) -> Exception | None:
    try:
        load()
    except (SentinelError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return error
    return None


def main() -> int:
    """Print what is wrong, a line each; 1 where there is something."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    wrong = False
    for sentence in _found():
        wrong = True
        print(sentence.replace("\n", " "))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
