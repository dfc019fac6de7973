"""The PDF: pages, words, fonts, and a clear word where a Chinese font is missing."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

import fake_assessment as fake
import pytest

typst = pytest.importorskip("typst")

from sentinel.errors import AssessmentError  # noqa: E402
from sentinel.report import pdf  # noqa: E402
from sentinel.report.build import build  # noqa: E402
from sentinel.report.document import Column, Figure, Heading, Row, Table, cell  # noqa: E402

FONTS = typst.Fonts().families()
CHINESE = any(name in FONTS for name in pdf.SERIF)
needs_font = pytest.mark.skipif(not CHINESE, reason="no Chinese font: apt install fonts-noto-cjk")


def words(content: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True
    ).stdout.decode()


@needs_font
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_and_words(lang: str):
    content = pdf.render(build(fake.full(), lang))
    assert content.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2" in content or b"pdfaid:part" in content
    shown = words(content)
    assert shown.count("\f") > 15
    for expected in ("F-01", "18.61", "15.04–20.00", "RA-2026-014", "E-0001", fake.SHA1[:16]):
        assert expected in shown, expected
    assert "None" not in shown


@needs_font
def test_same_document_same_bytes():
    assert pdf.render(build(fake.empty(), "zh")) == pdf.render(build(fake.empty(), "zh"))


@needs_font
def test_a_long_word_stays_in_its_cell_and_a_tall_drawing_on_its_page():
    name = "a_name_of_a_device_that_is_longer_than_its_cell" * 2
    tall = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="900"><rect width="100" height="900"/></svg>'
    document = build(fake.empty(), "en")
    row = Row((cell(name), cell("beside it")))
    table = Table((Column("Name"), Column("Other")), (row,), "Names", "tab-names")
    blocks = (Heading(1, "Tall", "tall"), Figure(tall, "a bar", "A bar", "fig-bar"), table)
    shown = words(pdf.render(dataclasses.replace(document, blocks=blocks)))
    first, second = shown.split("\f")[:2]
    assert "Tall" in first and "A bar" in first
    assert name not in second and "a_name_of_a_device" in second


@needs_font
@pytest.mark.parametrize("variant", ["gap", "miit", "iec", "sme", "indicators"])
def test_variants(variant: str):
    shown = words(pdf.render(build(fake.full(), "en", variant)))
    assert (shown.count("\f") <= 3) == (variant == "sme")


@needs_font
def test_hostile_names_are_words_not_markup():
    shown = words(pdf.render(build(fake.hostile(), "en")))
    assert "#import" in shown and "$ x^2 $" in shown and "<script>" in shown


def test_without_a_chinese_font_it_says_what_to_install():
    with pytest.raises(AssessmentError, match="apt install fonts-noto-cjk"):
        pdf.choose(["Arial", "DejaVu Sans", "Libertinus Serif"])


def test_latin_faces_come_before_chinese_ones():
    chosen = pdf.choose(["SimSun", "SimHei", "Times New Roman", "Arial", "Consolas"])
    assert chosen == {
        "serif": ["Times New Roman", "SimSun"],
        "sans": ["Arial", "SimHei"],
        "mono": ["Consolas", "SimHei"],
    }
