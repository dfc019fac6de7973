"""Judge a case against standards and measures: verdicts, findings, risks."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sentinel.cli._assessing import assessed, keep, packs_option, print_assessment, profile_option
from sentinel.cli._case import case_option, opened
from sentinel.cli._client import author_option
from sentinel.cli._settings import current
from sentinel.errors import UsageError


@click.command(
    "assess",
    help="""Judge a case against standards and measures: verdicts on every control, findings, risks.

    The result is frozen in the case under an id made of its content. Silence is never compliance: what the captures
    could not show is said. Import lists and answers first (`sentinel import`, `sentinel questions`), or later: a new
    run takes them in.

    --retest CAPTURE looks at a capture that was taken after the fixes: each finding's verification check runs on it,
    and the finding is closed or opened again in the case, with the reason.
    """,
)
@case_option
@packs_option
@profile_option
@click.option("--compare", "previous", metavar="ID", help="An earlier assessment of this case to compare with.")
@click.option(
    "--retest", multiple=True, type=click.Path(exists=True, path_type=Path), metavar="CAPTURE",
    help="A capture taken after the fixes; may be repeated.",
)  # fmt: skip
@author_option
@click.option("--list", "list_only", is_flag=True, help="Name the assessments that were made of this case.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole assessment as one JSON object.")
def command(
    folder: Path, packs: tuple[str, ...], profile: str | None, alternative: str | None, previous: str | None,
    retest: tuple[Path, ...], author: str, list_only: bool, as_json: bool,
) -> None:  # fmt: skip
    """Assess a case."""
    settings = current()
    if list_only:
        _list(folder)
        return
    if retest and as_json:
        raise UsageError("--retest changes the case and has no JSON; leave one of them out")
    if retest:
        from sentinel.cli._retest import retested

        retested(folder, retest, author, settings)
    with opened(folder) as case:
        assessment = assessed(case, packs, profile, alternative, previous, settings)
    keep(folder, assessment)
    if as_json:
        from sentinel.assess.snapshot import dump

        click.echo(dump(assessment).decode())
    elif not settings.quiet:
        print_assessment(assessment, settings)


def _list(folder: Path) -> None:
    with opened(folder) as case:
        for row in case.assessments():
            click.echo(json.dumps(row, ensure_ascii=False))
