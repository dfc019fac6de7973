"""Write the report of a case: Word, PDF, HTML, Excel, JSON, OSCAL, evidence; in Chinese and English."""

from __future__ import annotations

from pathlib import Path

import click

from sentinel.cli._assessing import assessed, keep, packs_option, print_delivered, profile_option, steps
from sentinel.cli._case import case_option, opened
from sentinel.cli._settings import current
from sentinel.errors import AssessmentError, UsageError
from sentinel.report.texts import FORMATS, VARIANTS


@click.command(
    "report",
    help="""Write the report of a case: Word, PDF, HTML, Excel, JSON, OSCAL, evidence; in Chinese and English.

    The case is assessed as it stands now and the assessment frozen in it; --assessment takes an earlier one. The same
    assessment gives the same JSON and the same text. What an analyst wrote into the workbook's last two columns is kept
    when it is written again.

    --anonymise makes teaching material: addresses, names and MACs are replaced, in the slices too.
    """,
)
@case_option
@packs_option
@profile_option
@click.option(
    "--lang", "language", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True,
    help="Language of the report.",
)  # fmt: skip
@click.option(
    "--format", "formats", metavar="A,B,...", default=",".join(FORMATS), show_default=True, help="What to write."
)
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to."
)
@click.option(
    "--template", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The client's Word template."
)
@click.option(
    "--variant", type=click.Choice(VARIANTS), default="full", show_default=True, help="Which report it is."
)
@click.option("--compare", "previous", metavar="ID", help="An earlier assessment of this case to compare with.")
@click.option("--assessment", "frozen", metavar="ID", help="Report an assessment that was made before.")
@click.option(
    "--look-in", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder to which captures were moved; may be repeated.",
)  # fmt: skip
@click.option(
    "--font-path", "fonts", multiple=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with a Chinese font for the PDF; may be repeated.",
)  # fmt: skip
@click.option("--no-evidence", is_flag=True, help="Leave out the slices of the captures.")
@click.option("--anonymise", is_flag=True, help="Replace addresses, names and MACs.")
@click.pass_context
def command(
    ctx: click.Context, folder: Path, packs: tuple[str, ...], profile: str | None, alternative: str | None,
    language: str, formats: str, output: Path, template: Path | None, variant: str, previous: str | None,
    frozen: str | None, look_in: tuple[Path, ...], fonts: tuple[Path, ...], no_evidence: bool, anonymise: bool,
) -> None:  # fmt: skip
    """Write a report."""
    from sentinel.assess.snapshot import load
    from sentinel.report.deliver import deliver

    settings = current()
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    strangers = [name for name in wanted if name not in FORMATS]
    if strangers or not wanted:
        raise UsageError(
            "no format {names!r}; there are {known}", names=", ".join(strangers), known=", ".join(FORMATS)
        )
    with opened(folder) as case:
        if frozen is not None:
            assessment = load(case.assessment(frozen))
        else:
            assessment = assessed(case, packs, profile, alternative, previous, settings)
        captures = case.captures().to_dicts()
    if frozen is None:
        keep(folder, assessment)
    rewrite = None
    if anonymise:
        from sentinel.report.anonymise import anonymised

        assessment, mask = anonymised(assessment)
        rewrite = mask.frame
    with steps(settings) as told:
        delivered = deliver(
            assessment, output, captures, formats=wanted, languages=("zh", "en") if language == "both" else (language,),
            variant=variant, template=template, look_in=look_in, rewrite=rewrite, fonts=fonts,
            slices=not no_evidence, told=told,
        )  # fmt: skip
    print_delivered(delivered, output, settings)
    if delivered.failed:
        ctx.exit(AssessmentError.exit_code)
