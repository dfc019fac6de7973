"""Numbers, references and harmless text of the document model."""

from __future__ import annotations

import fake_assessment as fake
import pytest

from sentinel.report.document import (
    MAX_TEXT,
    Column,
    Document,
    Figure,
    Heading,
    Meta,
    Paragraph,
    Run,
    Table,
    block_text,
    group,
    harmless,
    number,
    plain_text,
    row,
    text,
)

META = Meta("en", "full", "Title", "", "", "", "", "", "", "2026-01-01", 0, "", "id", "root", "1", "{page}/{pages}")


def done(*blocks: object, lang: str = "en") -> Document:
    import dataclasses

    return number(dataclasses.replace(META, lang=lang), blocks)  # type: ignore[arg-type]


def table(caption: str, anchor: str, *rows: object) -> Table:
    return Table((Column("A"), Column("B")), rows, caption, anchor)  # type: ignore[arg-type]


def test_headings_and_captions_are_numbered_by_chapter():
    document = done(
        Heading(1, "Summary", "s", "plain"),
        table("no number here", "t0"),
        Heading(1, "One", "one"),
        Heading(2, "Part", "one-1"),
        Heading(2, "Part", "one-2"),
        table("First", "t1"),
        table("Second", "t2"),
        Heading(1, "Two", "two"),
        Heading(2, "Part", "two-1"),
        Figure("<svg/>", "alt", "Drawing", "f1"),
        table("Third", "t3"),
        Heading(1, "More", "a", "annex"),
        table("Last", "t4"),
    )
    headings = [(b.number, b.text) for b in document.blocks if isinstance(b, Heading)]
    assert [n for n, _ in headings] == ["", "1", "1.1", "1.2", "2", "2.1", "Annex A"]
    labels = [b.label for b in document.blocks if isinstance(b, Table | Figure)]
    assert labels == ["", "Table 1-1", "Table 1-2", "Figure 2-1", "Table 2-1", "Table A-1"]


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "see Table 1-1 in chapter 1, annex A"), ("zh", "see 表 1-1 in 第 1 章, 附录 A")]
)
def test_references_get_their_words_in_one_place(lang: str, words: str):
    paragraph = Paragraph((Run("see "), Run(ref="t"), Run(" in "), Run(ref="one"), Run(", "), Run(ref="more")))
    document = done(
        paragraph, Heading(1, "One", "one"), table("First", "t"), Heading(1, "More", "more", "annex"), lang=lang
    )
    assert block_text(document.blocks[0]) == [words]


def test_a_reference_to_what_the_variant_leaves_out_stays_as_words():
    document = done(Paragraph((Run("F-01", ref="finding-1"),)))
    assert document.blocks[0].runs == (Run("F-01"),)  # type: ignore[union-attr]
    with pytest.raises(KeyError):
        done(Paragraph((Run(ref="nowhere"),)))
    with pytest.raises(KeyError, match="two places"):
        done(Heading(1, "a", "same"), Heading(1, "b", "same"))


def test_short_chapters_follow_each_other_and_long_ones_get_pages_of_their_own():
    long = [Paragraph(text("words " * 200)) for _ in range(10)]
    document = done(
        Heading(1, "a", "a"),
        Heading(1, "b", "b"),
        Heading(1, "c", "c"),
        *long,
        Heading(1, "d", "d"),
        Heading(1, "e", "e"),
    )
    assert [b.new_page for b in document.blocks if isinstance(b, Heading)] == [True, False, True, True, False]


def test_columns_are_wide_enough_for_their_headings():
    narrow = Table((Column("Evidence", 0.1), Column("Words", 9)), (row("x", "y " * 80), group("all of them")), "c", "t")
    fitted = done(Heading(1, "a", "a"), narrow).blocks[1]
    assert isinstance(fitted, Table)
    assert fitted.columns[0].width > len("Evidence") * 5
    assert sum(c.width for c in fitted.columns) == pytest.approx(453, abs=1)


@pytest.mark.parametrize("hostile", fake.HOSTILE)
def test_hostile_text_becomes_harmless(hostile: str):
    shown = harmless(hostile)
    assert len(shown) <= MAX_TEXT
    assert shown.isprintable() or "\ufffd" in shown
    assert not set(shown) & set("\x00\x07\x1b\u202e\u202c\ud800")
    shown.encode()


def test_plain_words_stay_as_they_are():
    for words in ("办公网 198.51.100.77 → PLC", "naïve café", "first\nsecond", "r ≤ 10, ±1, √(T·Ve)"):
        assert harmless(words) == words


def test_plain_text_holds_every_word():
    document = done(Heading(1, "One", "one"), table("First", "t", row("cell", "other")))
    assert plain_text(document) == "1 One\nTable 1-1 First\nA | B\ncell | other"
