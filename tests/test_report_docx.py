"""The Word document, opened again with python-docx; templates of clients, good and bad."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import fake_assessment as fake
import pytest

word = pytest.importorskip("docx")
pytest.importorskip("docxtpl")
pytest.importorskip("typst")

from sentinel.errors import AssessmentError  # noqa: E402
from sentinel.report import docx  # noqa: E402
from sentinel.report.build import build  # noqa: E402
from sentinel.report.document import Figure, Heading, Table  # noqa: E402

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module", params=["zh", "en"])
def lang(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def raw(lang: str) -> bytes:
    return docx.render(build(fake.full(), lang))


def opened(content: bytes) -> Any:
    return word.Document(io.BytesIO(content))


def words(document: Any) -> str:
    return "".join(t.text or "" for t in document.element.body.iter(f"{W}t"))


def test_blocks_become_real_headings_tables_and_pictures(raw: bytes, lang: str):
    document, model = opened(raw), build(fake.full(), lang)
    styles = [p.style.name for p in document.paragraphs]
    headings = [b for b in model.blocks if isinstance(b, Heading)]
    assert sum(s.startswith("Heading") for s in styles) == len(headings)
    assert styles.count("Caption") >= sum(isinstance(b, Table | Figure) and bool(b.label) for b in model.blocks)
    assert len(document.inline_shapes) == sum(isinstance(b, Figure) for b in model.blocks)
    assert {"Title", "Subtitle", "toc 1", "toc 2"} <= set(styles)
    assert "18.61" in words(document) and fake.SHA1 in words(document)


def test_styles_name_the_chinese_fonts(raw: bytes):
    styles = opened(raw).styles
    fonts = {name: styles[name].element.find(f"{W}rPr/{W}rFonts") for name in ("Body Text", "Heading 1")}
    assert fonts["Body Text"].get(f"{W}eastAsia") == "宋体" and fonts["Body Text"].get(f"{W}ascii") == "Times New Roman"
    assert fonts["Heading 1"].get(f"{W}eastAsia") == "黑体"


def test_page_header_and_footer(raw: bytes):
    document = opened(raw)
    section = document.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert "RA-2026-014" in section.header.paragraphs[0].text and "商业秘密" in section.header.paragraphs[0].text
    fields = [i.text.strip() for i in section.footer._element.iter(f"{W}instrText")]
    assert fields == ["PAGE", "NUMPAGES"]


def test_contents_captions_and_references_are_fields(raw: bytes):
    document = opened(raw)
    body = document.element.body
    fields = [i.text.strip() for i in body.iter(f"{W}instrText")]
    assert any(f.startswith("TOC ") for f in fields) and any(f.startswith("SEQ Table7") for f in fields)
    assert document.settings.element.find(f"{W}updateFields") is not None
    begun = sum(c.get(f"{W}fldCharType") == "begin" for c in body.iter(f"{W}fldChar"))
    ended = sum(c.get(f"{W}fldCharType") == "end" for c in body.iter(f"{W}fldChar"))
    assert begun == ended
    bookmarks = {b.get(f"{W}name") for b in body.iter(f"{W}bookmarkStart")}
    targets = {h.get(f"{W}anchor") for h in body.iter(f"{W}hyperlink")}
    targets |= {f.split()[1] for f in fields if f.startswith(("PAGEREF", "REF"))}
    assert targets <= bookmarks
    ids = [b.get(f"{W}id") for b in body.iter(f"{W}bookmarkStart")]
    assert len(ids) == len(set(ids))


def test_tables_repeat_their_head_and_keep_rows_whole(raw: bytes):
    table = next(t for t in opened(raw).tables if any("18.61" in c.text for r in t.rows for c in r.cells))
    first = table.rows[0]._tr
    assert first.find(f"{W}trPr/{W}tblHeader") is not None
    assert all(r._tr.find(f"{W}trPr/{W}cantSplit") is not None for r in table.rows)


def test_figures_are_vectors_with_a_picture_for_older_programs(raw: bytes):
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = archive.namelist()
        svgs = [n for n in names if n.endswith(".svg")]
        assert svgs and all(archive.read(n).startswith(b"<svg") for n in svgs)
        assert any(n.endswith(".png") for n in names)
        body = archive.read("word/document.xml").decode()
    assert body.count("svgBlip") == len(svgs)
    assert 'descr="' in body


def test_the_same_document_gives_the_same_bytes(raw: bytes, lang: str):
    assert docx.render(build(fake.full(), lang)) == raw
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", ["empty", "hostile"])
def test_little_and_hostile_material(name: str):
    document = opened(docx.render(build(getattr(fake, name)(), "zh")))
    shown = words(document)
    assert not set(shown) & set("\u202e\u202c\x00\x07\x1b")
    if name == "hostile":
        assert "<script>alert(1)</script>" in shown and "{{ 7*7 }}" in shown


def template(path: Path, *paragraphs: str, style: str = "") -> Path:
    document = word.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if style:
        document.styles["Heading 1"].font.name = style
    document.save(path)
    return path


def test_a_template_keeps_its_own_pages_and_styles(tmp_path: Path):
    place = template(
        tmp_path / "client.docx", "Report for {{ client }}, {{ number }}", "{{p report }}", "The end.", style="Georgia"
    )
    document = opened(docx.render(build(fake.full(), "en"), place))
    texts = [p.text for p in document.paragraphs]
    assert texts[0] == "Report for Example Auto Parts Co., Ltd., RA-2026-014" and texts[-1] == "The end."
    assert "18.61" in words(document) and docx.MARK not in words(document)
    assert document.styles["Heading 1"].font.name == "Georgia"
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert "Management summary" in headings


def test_names_in_a_template_are_filled_as_words(tmp_path: Path):
    place = template(tmp_path / "client.docx", "{{ client }}", "{{p report }}")
    document = opened(docx.render(build(fake.hostile(), "zh"), place))
    assert document.paragraphs[0].text.startswith("<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("paragraphs", "message"),
    [
        (("no marker",), r"\{\{p report \}\} is missing"),
        (("{{ cilent }}", "{{p report }}"), "unknown names cilent"),
        (("{{ client | nosuch }}", "{{p report }}"), "cannot be used"),
        (("{% for x in client %}", "{{p report }}"), "cannot be used"),
    ],
)
def test_a_wrong_template_is_named_with_what_is_wrong(tmp_path: Path, paragraphs: tuple[str, ...], message: str):
    place = template(tmp_path / "client.docx", *paragraphs)
    with pytest.raises(AssessmentError, match=message) as caught:
        docx.render(build(fake.empty(), "en"), place)
    assert "client.docx" in str(caught.value)


def test_what_is_no_word_document(tmp_path: Path):
    place = tmp_path / "client.docx"
    with pytest.raises(AssessmentError, match="No such file"):
        docx.render(build(fake.empty(), "en"), place)
    place.write_bytes(b"\xd0\xcf\x11\xe0 an old .doc")
    with pytest.raises(AssessmentError, match="no Word document"):
        docx.render(build(fake.empty(), "en"), place)
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("hello.txt", "a zip, but not a document")
    with pytest.raises(AssessmentError, match="no Word document"):
        docx.render(build(fake.empty(), "en"), place)


def test_no_empty_values_in_the_text(raw: bytes):
    assert not re.search(r"\bNone\b|\{\}|—", words(opened(raw)))


def test_a_template_with_wide_margins_holds_every_table_and_figure(tmp_path: Path):
    place = template(tmp_path / "client.docx", "Before.", "{{p report }}", "After.")
    document = word.Document(place)
    section = document.sections[0]
    section.left_margin = section.right_margin = section.page_width * 22 // 100
    document.save(place)
    room = section.page_width - section.left_margin - section.right_margin
    filled = opened(docx.render(build(fake.full(), "en"), place))
    assert max(sum(column.width for column in table.columns) for table in filled.tables) <= room
    assert max(shape.width for shape in filled.inline_shapes) <= room


def test_parts_of_the_report_begin_on_pages_in_a_template_too(tmp_path: Path):
    place = template(tmp_path / "client.docx", "Before.", "{{p report }}")
    filled = opened(docx.render(build(fake.full(), "en"), place))
    body = list(filled.element.body)
    first = next(i for i, item in enumerate(body) if "Declaration and approval" in "".join(item.itertext()))
    breaks = [i for i, item in enumerate(body) if item.xpath('.//w:br[@w:type="page"]')]
    # what stands before the report is the client's own; contents and summary have pages
    assert len(breaks) >= 2 and min(breaks) > first


def test_lines_to_sign_stay_together_and_sheets_repeat_their_title(raw: bytes):
    document = opened(raw)
    signed = next(t for t in document.tables if len(t.columns) == 4 and len(t.rows) == 6)
    kept = [all(p.paragraph_format.keep_with_next for c in row.cells for p in c.paragraphs) for row in signed.rows]
    assert kept == [True] * 5 + [False]
    sheet = next(t for t in document.tables if t.rows[0].cells[0].text.startswith("F-01"))
    assert sheet.rows[0]._tr.xpath("./w:trPr/w:tblHeader")


def test_a_note_under_a_heading_stays_with_its_table(raw: bytes, lang: str):
    begin = {"zh": "对应条款：", "en": "Answers: "}[lang]
    notes = [p for p in opened(raw).paragraphs if p.text.startswith(begin)]
    assert notes and all(p.paragraph_format.keep_with_next for p in notes)
