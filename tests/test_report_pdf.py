"""The PDF: pages, words, fonts, and a clear word where a Chinese font is missing."""

from __future__ import annotations

import shutil
import subprocess

import fake_assessment as fake
import pytest

typst = pytest.importorskip("typst")

from sentinel.errors import AssessmentError  # noqa: E402
from sentinel.report import pdf  # noqa: E402
from sentinel.report.build import build  # noqa: E402

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
