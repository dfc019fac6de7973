"""The report as PDF/A through typst: a fixed template that reads the document as data, never as markup."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentinel.errors import AssessmentError, MissingExtra
from sentinel.report import _typst
from sentinel.report.document import TONES, Block, Cell, Document, Fields

STANDARD = "a-2b"
LONG_CELL = 700
"""Characters from which on a cell may break across pages."""
LONG_SHEET = 900
"""Characters from which on the sheet of a finding may break across pages."""

SERIF = (
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "Source Han Serif CN",
    "SimSun",
    "STSong",
    "Songti SC",
    "AR PL UMing CN",
    "FandolSong",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
)
SANS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "STHeiti",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "FandolHei",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "SimSun",
)
LATIN_SERIF = ("Times New Roman", "Liberation Serif", "Nimbus Roman", "TeX Gyre Termes", "Libertinus Serif")
LATIN_SANS = ("Arial", "Liberation Sans", "Nimbus Sans", "DejaVu Sans")
MONO = ("Consolas", "Liberation Mono", "DejaVu Sans Mono")


def render(document: Document, font_paths: Sequence[Path] = ()) -> bytes:
    """The PDF. AssessmentError where no Chinese font is found, MissingExtra where typst is not installed."""
    try:
        import typst
    except ImportError as error:
        raise MissingExtra("PDF reports need typst: pip install 'sentinel-ics[report]'") from error
    fonts = typst.Fonts(font_paths=[str(path) for path in font_paths])
    content = json.dumps(_content(document, choose(fonts.families())), ensure_ascii=False)
    template = (Path(__file__).parent / "report.typ").read_text(encoding="utf-8")
    job = {
        "template": template,
        "inputs": {"document": content},
        "fonts": [str(path) for path in font_paths],
        "format": "pdf",
        "pdf_standards": [STANDARD],
        "timestamp": document.meta.time // 1_000_000_000,
    }
    try:
        (made,) = _typst.run(job)
    except _typst.Failed as error:
        raise AssessmentError("the PDF could not be set: {reason}", reason=error) from error
    return made


def choose(families: Sequence[str]) -> dict[str, list[str]]:
    """Faces for text, headings and code out of those that the machine has, Latin before Chinese."""
    present = set(families)

    def some(names: Sequence[str]) -> list[str]:
        return [name for name in names if name in present]

    serif, sans = some(SERIF), some(SANS)
    if not serif or not sans:
        raise AssessmentError(
            "no Chinese font was found on this machine, so no PDF was made: install one (Debian and Ubuntu:"
            " apt install fonts-noto-cjk) or name its folder with --font-path"
        )
    latin, plain = some(LATIN_SERIF)[:1], some(LATIN_SANS)[:1]
    return {
        "serif": [*latin, serif[0]],
        "sans": [*plain, sans[0]],
        "mono": [*(some(MONO)[:1] or plain), sans[0]],
    }


def _content(document: Document, fonts: Mapping[str, list[str]]) -> dict[str, Any]:
    moment = datetime.fromtimestamp(document.meta.time // 1_000_000_000, UTC)
    return {
        "meta": dataclasses.asdict(document.meta),
        "blocks": [_plain(block) for block in document.blocks],
        "tones": dict(TONES),
        "date": [moment.year, moment.month, moment.day],
        **fonts,
    }


def _plain(value: Block | Any) -> Any:
    """A block as plain data, with the name of its class; cells and sheets know whether they may break."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        found["kind_"] = type(value).__name__
        if isinstance(value, Cell):
            found["long"] = _length(value) >= LONG_CELL
        if isinstance(value, Fields):
            found["long"] = sum(_length(item) for _, item in value.rows) >= LONG_SHEET
        return found
    return value


def _length(item: Cell) -> int:
    return sum(len(run.text) for run in item.runs)
