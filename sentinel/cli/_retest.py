"""`sentinel assess --retest`: a capture taken after the fixes says what became of each finding."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from sentinel.cli._analysis import analysed
from sentinel.cli._format import tame
from sentinel.cli._settings import Settings
from sentinel.errors import UsageError


def retested(folder: Path, captures: Sequence[Path], author: str, settings: Settings) -> None:
    """Run the verification check of every finding of the newest assessment over new captures, and record the outcome.

    The captures are analysed into a case of their own, which is thrown away: the old case keeps its evidence, and its
    history says which capture closed or reopened a finding. UsageError where the case has no assessment yet.
    """
    from sentinel.assess import engine
    from sentinel.assess.retest import entries, retest
    from sentinel.assess.snapshot import load
    from sentinel.store.case import Case

    with Case.open(folder, mode="read") as case:
        made = case.assessments()
        if not made:
            raise UsageError("{path}: nothing to retest: the case has no assessment yet", path=folder)
        previous = load(case.assessment(made[-1]["assessment"]))
    with tempfile.TemporaryDirectory(prefix="sentinel-retest-") as temporary:
        other = Path(temporary, "case")
        analysed(captures, other, None, settings, show_progress=not settings.quiet)
        with Case.open(other, mode="read") as fresh:
            looked = engine.look(fresh, engine.site_for_retest(previous, fresh))
            changes = retest(previous, looked.run, looked.view.coverage)
    with Case.open(folder, "decide") as case:
        case.record(entries(changes, previous), author, "edit")
    if settings.quiet:
        return
    for change in changes:
        words = settings.say(change.after)
        if not change.changed:
            words = settings.say("unchanged: {status}", status=words)
        click.echo(tame(f"{change.number} {change.title.in_(settings.lang)}: {words}"))
        click.echo(tame(f"     {change.reason.in_(settings.lang)}"))
