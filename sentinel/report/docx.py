"""The report as a Word document that people go on editing: real styles, captions, contents and references as fields.

A client's template keeps its cover, header and styles: `{{ names }}` of the document's meta are filled in, and the
body takes the place of the paragraph `{{p report }}`. The same document gives the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

from sentinel.errors import AssessmentError, MissingExtra
from sentinel.report import _wordml as w
from sentinel.report import raster
from sentinel.report._wordstyles import ensure_lists, ensure_settings, ensure_styles, furnish
from sentinel.report._zip import fixed
from sentinel.report.document import (
    TONES,
    Block,
    Bullets,
    Callout,
    Cell,
    Contents,
    Cover,
    Document,
    Fields,
    Figure,
    Heading,
    PageBreak,
    Paragraph,
    Runs,
    SignOff,
    Table,
)

MAX_TEMPLATE = 64 << 20
"""Bytes of a client's template."""
MARK = "sentinel-report-goes-here"
FIRST_NUMBER = 10_000
"""Ids of our bookmarks and drawings begin here."""
TALLEST = 600
"""Points: so high a drawing fits a page with the heading above it and the caption below."""
EMU = 12_700
"""A point."""
_EDGES = {"grade5": "B03A17", "grade4": "D55E00", "grade3": "E69F00", "grade2": "56B4E9", "grade1": "8B979F"}
_PARAGRAPHS = {"body": "BodyText", "lead": "BodyText", "note": "SentinelNote", "fine": "SentinelNote"}


def render(document: Document, template: Path | None = None) -> bytes:
    """The document. AssessmentError where the template cannot be used, MissingExtra where python-docx is missing."""
    try:
        import docx
    except ImportError as error:
        raise MissingExtra("Word documents need python-docx: pip install 'sentinel-ics[report]'") from error
    word = docx.Document() if template is None else _filled(document, template)
    _Writer(word, document, own=template is None).write()
    stream = io.BytesIO()
    word.save(stream)
    return fixed(stream.getvalue())


class _Writer:
    """Puts the blocks of one document into one Word document."""

    def __init__(self, word: Any, document: Document, own: bool):
        self.word = word
        self.document = document
        self.own = own
        self.styles = ensure_styles(word, document.meta.lang, own)
        self.lists = ensure_lists(word, document.meta.lang)
        self.bookmarks: dict[str, str] = {}
        # far from the numbers that a client's template may use itself
        self.numbers = self.drawn = FIRST_NUMBER
        self.room = w.TEXT_WIDTH
        """Width of the text, twentieths of a point."""
        self.begun = False
        figures = [block for block in document.blocks if isinstance(block, Figure)]
        self.pictures = dict(zip((id(f) for f in figures), raster.png([f.svg for f in figures]), strict=True))
        self.captions = {block.anchor for block in document.blocks if isinstance(block, Table | Figure) and block.label}

    def write(self) -> None:
        """All blocks, at the mark of the template or at the end."""
        from docx.oxml import parse_xml

        body = self.word.element.body
        mark = next((p._p for p in self.word.paragraphs if MARK in p.text), None)
        if mark is None:
            for stray in list(body)[:-1]:
                body.remove(stray)
        last = body[-1] if mark is None else mark
        parts = []
        self.room = w.TEXT_WIDTH if mark is None else min(w.TEXT_WIDTH, _room(self.word, mark))
        for block in self.document.blocks:
            parts.append(self.block(block))
            self.begun = self.begun or bool(parts[-1])
        for element in parse_xml(f"<w:body {w.NAMESPACES}>{''.join(parts)}</w:body>"):
            last.addprevious(element)
        if mark is not None:
            mark.getparent().remove(mark)
        ensure_settings(self.word, self.own)
        furnish(self.word, self.document.meta, self.own)

    # --- parts of text ------------------------------------------------------------------------------------------------

    def named(self, anchor: str, content: str = "") -> str:
        """Content under the bookmark of an anchor; only content where there is no anchor."""
        if not anchor:
            return content
        self.numbers += 1
        return w.bookmark(self.bookmark(anchor), self.numbers, content)

    def bookmark(self, anchor: str) -> str:
        """The bookmark of an anchor: short, plain, the same every time."""
        return self.bookmarks.setdefault(anchor, f"_Ref{len(self.bookmarks) + 1:06}")

    def runs(self, runs: Runs, bold: bool = False) -> str:
        """Runs; those that refer to something lead there."""
        parts = []
        for run in runs:
            if run.ref and run.ref in self.captions:
                parts.append(w.field(f"REF {self.bookmark(run.ref)} \\h", run.text))
            elif run.ref:
                parts.append(w.link(self.bookmark(run.ref), w.run(run.text)))
            else:
                parts.append(w.run(run.text, run.bold or bold, run.code))
        return "".join(parts)

    def style(self, name: str) -> str:
        """The id under which this document knows a style."""
        return self.styles[name]

    # --- blocks -------------------------------------------------------------------------------------------------------

    def block(self, block: Block) -> str:
        """One block."""
        match block:
            case Heading():
                return self.heading(block)
            case Paragraph():
                style = self.style(_PARAGRAPHS.get(block.style, "BodyText"))
                return w.paragraph(self.named(block.anchor, self.runs(block.runs)), style, keep=block.keep)
            case Bullets():
                number = self.lists.ordered(self.word) if block.ordered else self.lists.bullets
                style = self.style("SentinelList")
                return "".join(w.paragraph(self.runs(item), style, extra=w.numbering(number)) for item in block.items)
            case Table():
                return self.table(block)
            case Fields():
                return self.fields(block)
            case Figure():
                return self.figure(block)
            case Callout():
                style = self.style("SentinelCallout")
                title = w.paragraph(w.run(block.title, bold=True), style, keep=True)
                return title + w.paragraph(self.runs(block.runs), style)
            case SignOff():
                return self.signoff(block)
            case Cover():
                return self.cover(block) if self.own else ""
            case Contents():
                return self.contents(block)
            case PageBreak():
                # what stands before the report is the client's; between its parts are pages
                return '<w:p><w:r><w:br w:type="page"/></w:r></w:p>' if self.own or self.begun else ""
        raise TypeError(type(block).__name__)

    def heading(self, block: Heading) -> str:
        """A heading; its number comes from the list, so that it stays right when somebody adds one."""
        listed = {
            "numbered": w.numbering(self.lists.headings, block.level - 1),
            "annex": w.numbering(self.lists.annexes),
        }.get(block.kind, w.numbering(0))
        breaks = "<w:pageBreakBefore/>" if block.new_page else ""
        content = self.named(block.anchor, w.run(block.text))
        return w.paragraph(content, self.style(f"Heading{block.level}"), keep=True, extra=breaks + listed)

    def caption(self, label: str, words: str, anchor: str, kind: str, above: bool) -> str:
        """`Table 7-1` with the last number as a field, under the bookmark that references show."""
        if not words:
            return self.named(anchor) and w.paragraph(self.named(anchor), self.style("Caption"), keep=above)
        if not label:
            return w.paragraph(self.named(anchor, w.run(words)), self.style("Caption"), keep=above)
        head, number = label.rsplit("-", 1)
        series = kind + head.rsplit(" ", 1)[-1]
        numbered = w.run(f"{head}-") + w.field(f"SEQ {series} \\* ARABIC", number)
        return w.paragraph(self.named(anchor, numbered) + w.run(f"  {words}"), self.style("Caption"), keep=above)

    def table(self, block: Table) -> str:
        """Caption, table, note."""
        widths = w.widths((column.width for column in block.columns), self.room)
        text = self.style("SentinelSmall" if block.compact else "SentinelCell")
        head = self.style("SentinelHead")
        lines = [
            w.row(
                (
                    w.cell(w.paragraph(w.run(column.title), head, column.align, keep=True), width, "E4EBF1")
                    for column, width in zip(block.columns, widths, strict=True)
                ),
                head=True,
            )
        ]
        for line in block.rows:
            if line.group:
                content = w.paragraph(self.runs(line.cells[0].runs, bold=True), text, keep=True)
                lines.append(w.row([w.cell(content, sum(widths), "F3F5F7", len(widths))]))
                continue
            size = max((sum(len(run.text) for run in item.runs) for item in line.cells), default=0)
            lines.append(
                w.row(
                    (
                        w.cell(self.cell(item, text, column.align), width, TONES.get(item.tone, ""))
                        for item, column, width in zip(line.cells, block.columns, widths, strict=True)
                    ),
                    whole=size < w.LONG,
                )
            )
        caption = self.caption(block.label, block.caption, block.anchor, "Table", above=True)
        note = w.run(self.document.meta.words["note"] + block.note) if block.note else ""
        return caption + w.table(lines, widths) + w.paragraph(note, self.style("SentinelNote"))

    def cell(self, item: Cell, style: str, align: str = "") -> str:
        """What stands in a cell."""
        return w.paragraph(self.named(item.anchor, self.runs(item.runs)), style, align)

    def fields(self, block: Fields) -> str:
        """Labels and values; the title is the first row."""
        widths = w.widths((1, 4.2), self.room)
        label, text = self.style("SentinelLabel"), self.style("SentinelCell")
        lines = []
        if block.title:
            title = w.paragraph(self.named(block.anchor, w.run(block.title)), self.style("SentinelTitle"), keep=True)
            fill = TONES.get(block.tone, "") or "F3F5F7"
            lines.append(w.row([w.cell(title, sum(widths), fill, 2)], head=True))
        for index, (name, item) in enumerate(block.rows):
            size = sum(len(run.text) for run in item.runs)
            # the first lines stay with the title, so that no sheet begins at the foot of a page
            first = index < 2
            content = w.paragraph(self.named(item.anchor, self.runs(item.runs)), text, keep=first)
            lines.append(
                w.row(
                    (w.cell(w.paragraph(w.run(name), label, keep=first), widths[0]), w.cell(content, widths[1])),
                    whole=size < w.LONG,
                )
            )
        edge = _EDGES.get(block.tone, "8B979F")
        return w.table(lines, widths, inner=False, left=edge) + w.paragraph("", self.style("SentinelNote"))

    def figure(self, block: Figure) -> str:
        """Drawing and caption: the SVG for Word, the PNG for whoever cannot show it."""
        from docx.opc.packuri import PackURI
        from docx.opc.part import Part

        part = self.word.part
        self.drawn += 1
        png, _ = part.get_or_add_image(io.BytesIO(self.pictures[id(block)]))
        place = PackURI(f"/word/media/figure{self.drawn - FIRST_NUMBER}.svg")
        drawing = Part(place, "image/svg+xml", block.svg.encode(), part.package)
        svg = part.relate_to(drawing, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image")
        wide, high = raster.size(block.svg)
        scale = block.width * self.room / 20 / wide
        if high * scale > TALLEST:
            scale = TALLEST / high
        content = w.picture(
            self.drawn,
            png,
            svg,
            f"figure {self.drawn - FIRST_NUMBER}",
            block.alt,
            int(wide * scale * EMU),
            int(high * scale * EMU),
        )
        drawn = w.paragraph(content, self.style("SentinelFigure"), "center", keep=bool(block.caption))
        return drawn + (
            self.caption(block.label, block.caption, block.anchor, "Figure", above=False) if block.caption else ""
        )

    def signoff(self, block: SignOff) -> str:
        """Lines to sign."""
        widths = w.widths((1.4, 1.6, 2.4, 1.6), self.room)
        head, text = self.style("SentinelHead"), self.style("SentinelCell")
        lines = [
            w.row(
                w.cell(w.paragraph(w.run(title), head, keep=True), width, "E4EBF1")
                for title, width in zip(block.columns, widths, strict=True)
            )
        ]
        for index, (role, name) in enumerate(block.rows, 1):
            # on one page: nobody signs lines whose heading is on another
            keep = index < len(block.rows)
            values = (role, name, "", "")
            lines.append(
                w.row(
                    (
                        w.cell(w.paragraph(w.run(value), text, keep=keep), width)
                        for value, width in zip(values, widths, strict=True)
                    ),
                    height=720,
                )
            )
        return w.table(lines, widths) + w.paragraph("", self.style("SentinelNote"))

    def cover(self, block: Cover) -> str:
        """The first page."""
        meta = self.document.meta
        parts = [
            w.paragraph(w.run(meta.organisation), self.style("SentinelCover"), "center"),
            w.paragraph(w.run(meta.title), self.style("Title"), "center"),
            w.paragraph(w.run(meta.subtitle), self.style("Subtitle"), "center"),
        ]
        widths = w.widths((1.4, 2.6), 6800)
        text = self.style("SentinelCover")
        lines = [
            w.row(
                (
                    w.cell(w.paragraph(w.run(name), text), widths[0]),
                    w.cell(w.paragraph(w.run(value, bold=True), text), widths[1]),
                )
            )
            for name, value in block.fields
        ]
        framed = w.table(lines, widths, edges="").replace("<w:tblPr>", '<w:tblPr><w:jc w:val="center"/>', 1)
        # the schema wants the width before the alignment
        framed = re.sub(r'(<w:jc w:val="center"/>)(<w:tblW [^>]*/>)', r"\2\1", framed, count=1)
        parts.append(framed)
        if block.watermark:
            parts.append(w.paragraph(w.run(block.watermark), self.style("SentinelMark"), "center"))
        return "".join(parts)

    def contents(self, block: Contents) -> str:
        """The table of contents, filled; page numbers are fields that are counted when the document is opened."""
        entries = [b for b in self.document.blocks if isinstance(b, Heading) and b.level <= 2]
        lines = [w.paragraph(w.run(block.title), self.style("TOCHeading"))]
        # page numbers end with the text, also between the margins of a client's template
        ends = f'<w:tab w:val="clear" w:pos="9060"/><w:tab w:val="right" w:leader="dot" w:pos="{self.room}"/>'
        tabs = "" if self.room == w.TEXT_WIDTH else f"<w:tabs>{ends}</w:tabs>"
        for index, entry in enumerate(entries):
            mark = self.bookmark(entry.anchor)
            shown = f"{entry.number}  {entry.text}" if entry.number else entry.text
            content = w.run(shown) + "<w:r><w:tab/></w:r>" + w.field(f"PAGEREF {mark} \\h", "")
            content = w.link(mark, content)
            if index == 0:
                begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve">'
                begin += ' TOC \\o "1-2" \\h \\z \\u </w:instrText></w:r>'
                content = begin + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>' + content
            if index == len(entries) - 1:
                content += '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
            lines.append(w.paragraph(content, self.style(f"TOC{entry.level}"), extra=tabs))
        return "".join(lines)


# --- templates and bytes ----------------------------------------------------------------------------------------------


def _room(word: Any, mark: Any) -> int:
    """Width between the margins around a paragraph, twentieths of a point; at least a third of ours."""
    sections = list(word.sections)
    body = list(word.element.body)
    before = sum(bool(item.xpath("./w:pPr/w:sectPr")) for item in body[: body.index(mark)])
    section = sections[min(before, len(sections) - 1)]
    sizes = [section.page_width, section.left_margin, section.right_margin]
    if any(size is None for size in sizes):
        return w.TEXT_WIDTH
    wide = (sizes[0] - sizes[1] - sizes[2] - (section.gutter or 0)) // 635
    return max(int(wide), w.TEXT_WIDTH // 3)


def _is_word(raw: bytes) -> bool:
    """It is an archive with the part that every Word document has; a workbook or a presentation has another."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return "word/document.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _filled(document: Document, template: Path) -> Any:
    """The client's template with its names filled in and a mark where the body goes."""
    try:
        from docxtpl import DocxTemplate
        from jinja2 import StrictUndefined, TemplateError
        from jinja2.sandbox import SandboxedEnvironment
    except ImportError as error:
        raise MissingExtra("templates of Word documents need docxtpl: pip install 'sentinel-ics[report]'") from error
    try:
        if template.stat().st_size > MAX_TEMPLATE:
            raise AssessmentError("{template}: larger than {bytes} bytes", template=template, bytes=MAX_TEMPLATE)
        raw = template.read_bytes()
    except OSError as error:
        raise AssessmentError("{template}: {reason}", template=template, reason=error.strerror) from error
    if not _is_word(raw):
        raise AssessmentError("{template}: no Word document (.docx); save it as one and try again", template=template)
    meta = document.meta
    names = {
        name: getattr(meta, name)
        for name in (
            "title",
            "subtitle",
            "organisation",
            "client",
            "site",
            "number",
            "classification",
            "date",
            "author",
            "assessment",
            "root",
            "program",
        )
    }
    file = DocxTemplate(io.BytesIO(raw))
    try:
        known = file.get_undeclared_template_variables()
        if "report" not in known:
            raise AssessmentError(
                "{template}: a paragraph with {{{{p report }}}} is missing; the report goes in its place",
                template=template,
            )
        strange = sorted(set(known) - set(names) - {"report"})
        if strange:
            raise AssessmentError(
                "{template}: unknown names {strange}; known are {known} and report",
                template=template,
                strange=", ".join(strange),
                known=", ".join(names),
            )
        mark = f"<w:p><w:r><w:t>{MARK}</w:t></w:r></w:p>"
        environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
        file.render({**names, "report": _Markup(mark)}, jinja_env=environment)
    except (TemplateError, ValueError, KeyError) as error:
        raise AssessmentError(
            "{template}: cannot be used as a template: {reason}", template=template, reason=error
        ) from error
    if not any(MARK in p.text for p in file.docx.paragraphs):
        raise AssessmentError(
            "{template}: {{{{p report }}}} has to stand in a paragraph of its own in the body, not in a table or a"
            " header",
            template=template,
        )
    return file.docx


class _Markup(str):
    """Markup of our own, which the template must not escape."""

    def __html__(self) -> str:
        return str(self)
