"""What `assess`, `report` and `demo` share: making an assessment of a case, and the page about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentinel.cli._format import tame
from sentinel.cli._settings import Settings

if TYPE_CHECKING:
    from sentinel.assess.model import Assessment
    from sentinel.report.deliver import Delivered
    from sentinel.store.case import Case

SHOWN_FINDINGS = 10
GRADE_STYLES = {5: "bold white on red", 4: "bold red", 3: "yellow", 2: "cyan", 1: "dim"}
HEADS = {
    "violated": ("violated", "contradicted"),
    "confirmed": ("confirmed",),
    "stated only": ("pass_unverified",),
    "not seen": ("not_observed",),
    "cannot be told": ("not_assessable",),
}
"""Heading of a column of the page -> the outcomes that it counts."""
STATUSES = {s: s.replace("_", " ") for s in ("open", "accepted", "fixed", "reopened", "false_positive")}
GRADES = {5: "very high", 4: "high", 3: "medium", 2: "low", 1: "very low"}


def packs_option(command: Any) -> Any:
    """`--pack ID`, which may be repeated."""
    option = click.option(
        "--pack", "packs", multiple=True, metavar="ID",
        help="A pack to assess against: an id of `sentinel pack list`, or a folder; may be repeated.",
    )  # fmt: skip
    return option(command)


def profile_option(command: Any) -> Any:
    """`--profile ID` and `--alternative ID`."""
    first = click.option("--profile", metavar="ID", help="The risk profile; otherwise gb20984-ot-1.")
    second = click.option("--alternative", metavar="ID", help="A second risk profile whose grades stand beside.")
    return first(second(command))


def assessed(
    case: Case, packs: Sequence[str], profile: str | None, alternative: str | None, previous: str | None,
    settings: Settings,
) -> Assessment:  # fmt: skip
    """Assess a case; `previous` is the id of an earlier assessment of it to compare with."""
    from sentinel.assess import engine
    from sentinel.assess.snapshot import load

    earlier = load(case.assessment(previous)) if previous else None
    with steps(settings) as told:
        return engine.assess(
            case, packs or engine.DEFAULT_PACKS, profile or engine.DEFAULT_PROFILE,
            alternative=alternative, detectable=detectable(), previous=earlier, told=told,
        )  # fmt: skip


def detectable() -> set[str]:
    """Techniques that the shipped rules name."""
    from sentinel.rules.load import RuleSet

    return {technique for rule in RuleSet.load().rules for technique in rule.kind.techniques}


def keep(folder: Path, assessment: Assessment) -> None:
    """Freeze an assessment in its case."""
    from sentinel.assess.snapshot import dump
    from sentinel.store.case import Case

    row = {
        "assessment": assessment.id,
        "as_of": assessment.as_of,
        "profile": assessment.profile,
        "packs": [pack.id for pack in assessment.packs],
    }
    with Case.open(folder, "decide") as case:
        case.save_assessment(row, dump(assessment))


@contextmanager
def steps(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Shows the name of each step while it lasts, on a terminal."""
    if settings.quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    console = settings.err()
    with console.status("") as status:
        yield lambda step: status.update(step)


def print_assessment(assessment: Assessment, settings: Settings) -> None:
    """Show what an assessment found to a person: verdicts by pack, findings in order of risk."""
    from rich.table import Table
    from rich.text import Text as Words

    say, lang = settings.say, settings.lang
    out = settings.out()
    head = say("Assessment {id}, risk profile {profile}", id=assessment.id, profile=assessment.profile)
    out.print(Words(head, "bold"))
    for statement in assessment.coverage.statements[:3]:
        out.print(Words("  " + tame(statement.in_(lang)), "dim"))
    _print_verdicts(assessment, settings)
    if not assessment.findings:
        out.print(say("No finding. That is no proof of security: see what the captures could not show."))
        return
    risks = {risk.finding: risk for risk in reversed(assessment.risks)}
    table = Table(box=None, padding=(0, 1), header_style="bold", title_justify="left")
    for head in ("Finding", "Risk", "Title", "Status"):
        table.add_column(say(head), overflow="fold")
    for finding in assessment.findings[:SHOWN_FINDINGS]:
        risk = risks.get(finding.id)
        grade = Words("")
        if risk is not None:
            grade = Words(f"{risk.score} {say(GRADES[risk.grade])}", GRADE_STYLES[risk.grade])
        title, status = Words(tame(finding.title.in_(lang))), Words(say(STATUSES[finding.status]))
        table.add_row(Words(finding.number), grade, title, status)
    out.print(table)
    rest = len(assessment.findings) - SHOWN_FINDINGS
    if rest > 0:
        out.print(Words(say("... and {n} more in the report.", n=rest), "dim"))
    if assessment.contradictions:
        out.print(settings.count(len(assessment.contradictions), "{n} answer is contradicted by the traffic.",
                                 "{n} answers are contradicted by the traffic."))  # fmt: skip


def _print_verdicts(assessment: Assessment, settings: Settings) -> None:
    from rich.table import Table
    from rich.text import Text as Words

    say = settings.say
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column(say("Pack"))
    for head in HEADS:
        table.add_column(say(head), justify="right")
    for pack in assessment.packs:
        mine = [result.outcome for result in assessment.controls if result.framework == pack.id]
        cells = (str(sum(outcome.value in wanted for outcome in mine)) for wanted in HEADS.values())
        table.add_row(Words(f"{pack.id}  {tame(pack.title.in_(settings.lang))}"), *cells)
    settings.out().print(table)


def print_delivered(delivered: Delivered, folder: Path, settings: Settings) -> None:
    """Say what was written where, and why something was not."""
    say = settings.say
    if not settings.quiet:
        click.echo(say("{n} files in {folder}:", n=len(delivered.files), folder=folder))
        for path in delivered.files:
            click.echo(f"  {path.relative_to(folder)}")
        if delivered.evidence:
            click.echo("  " + say("evidence/: {slices} slices for {items} lines of the evidence index",
                                  slices=delivered.evidence["slices"], items=delivered.evidence["items"]))  # fmt: skip
        for name in delivered.skipped:
            click.echo(say("{name}: nothing to say, so it was not written", name=name))
    for number, why in delivered.evidence.get("missing", {}).items():
        click.echo(tame(f"sentinel: {number}: {why}"), err=True)
    reasons: dict[str, list[str]] = {}
    for name, error in delivered.failed.items():
        reasons.setdefault(settings.said(error), []).append(name)
    for reason, names in reasons.items():
        click.echo(tame(f"sentinel: {', '.join(names)}: {reason}"), err=True)
