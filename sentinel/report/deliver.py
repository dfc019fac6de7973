"""Everything that is handed over, written below one folder: the report in each format and language, data, evidence.

    report_zh.docx report_zh.pdf report_zh.html ...     one of each language that was asked for
    workbook_zh.xlsx  assessment.json  oscal.json  navigator_zh.json  vex_zh.json
    evidence/  MANIFEST.sha256

One format that cannot be made (a font or a package is missing) costs that format alone; what was made stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.assess.snapshot import dump
from sentinel.errors import AssessmentError, MissingExtra, OutputError, SentinelError
from sentinel.report import bundle, navigator, oscal, vex, xlsx
from sentinel.report.texts import FORMATS, LANGUAGES
from sentinel.store.evidence import Frame


@dataclass(slots=True)
class Delivered:
    """What was written, and why what was not was not."""

    files: list[Path] = field(default_factory=list)
    failed: dict[str, SentinelError] = field(default_factory=dict)
    """File name -> the reason."""
    skipped: list[str] = field(default_factory=list)
    """Formats for which there is nothing to say (a VEX document without a proof)."""
    evidence: dict[str, Any] = field(default_factory=dict)


def deliver(
    assessment: Assessment,
    out: Path,
    captures: Sequence[Mapping[str, Any]],
    *,
    formats: Iterable[str] = FORMATS,
    languages: Sequence[str] = LANGUAGES,
    variant: str = "full",
    template: Path | None = None,
    look_in: Sequence[Path] = (),
    rewrite: Callable[[Frame], Frame] | None = None,
    fonts: Sequence[Path] = (),
    slices: bool = True,
    told: Callable[[str], None] = lambda name: None,
) -> Delivered:
    """Write the formats into `out`. OutputError where that cannot be written to.

    `captures`: rows of the case, for the evidence slices. `rewrite` changes each frame of them (anonymising). `fonts`:
    folders in which the PDF finds its Chinese font, besides those of the system.
    """
    done = Delivered()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise OutputError("{path}: cannot be made ({why}); choose another place.", path=out, why=why) from error
    chosen = list(dict.fromkeys(formats))
    for name, make in _jobs(assessment, out, chosen, languages, variant, template, fonts):
        told(name)
        try:
            content = make()
        except (AssessmentError, MissingExtra) as error:
            done.failed[name] = error
            continue
        if content is None:
            done.skipped.append(name)
            continue
        done.files.append(_written(out / name, content))
    if slices:
        told("evidence")
        done.evidence = bundle.write(assessment, captures, out, look_in, rewrite)
    done.files.append(bundle.seal(out))
    return done


def _jobs(
    assessment: Assessment,
    out: Path,
    formats: Sequence[str],
    languages: Sequence[str],
    variant: str,
    template: Path | None,
    fonts: Sequence[Path],
) -> Iterator[tuple[str, Callable[[], bytes | None]]]:
    """(file name, what makes it), the cheapest first."""
    if "json" in formats:
        yield "assessment.json", lambda: dump(assessment)
    if "oscal" in formats:
        yield "oscal.json", lambda: oscal.render(assessment, languages[0])
    for lang in languages:
        if "navigator" in formats:
            yield f"navigator_{lang}.json", lambda lang=lang: navigator.render(assessment, lang)  # type: ignore[misc]
        if "vex" in formats:
            yield f"vex_{lang}.json", lambda lang=lang: vex.render(assessment, lang)  # type: ignore[misc]
        if "xlsx" in formats:
            earlier = out / f"workbook_{lang}.xlsx"
            yield (
                earlier.name,
                lambda lang=lang, earlier=earlier: xlsx.render(  # type: ignore[misc]
                    assessment, lang, earlier.read_bytes() if earlier.is_file() else None
                ),
            )
        documents = [f for f in ("html", "docx", "pdf") if f in formats]
        if documents:
            made = _Document(assessment, lang, variant, fonts)
            for form in documents:
                yield f"report_{lang}.{form}", lambda made=made, form=form: made.render(form, template)  # type: ignore[misc]


class _Document:
    """The report in one language, built once for its formats."""

    def __init__(self, assessment: Assessment, lang: str, variant: str, fonts: Sequence[Path]):
        self._make = (assessment, lang, variant)
        self._fonts = fonts
        self._document: Any = None

    def render(self, form: str, template: Path | None) -> bytes:
        """The bytes of one format."""
        from sentinel.report import build

        if self._document is None:
            self._document = build.build(*self._make)
        if form == "docx":
            from sentinel.report import docx

            return docx.render(self._document, template)
        if form == "pdf":
            from sentinel.report import pdf

            return pdf.render(self._document, self._fonts)
        from sentinel.report import html

        return html.render(self._document)


def _written(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            "{path}: cannot be written ({why}); choose another place.", path=path, why=error.strerror or error
        ) from error
    return path
