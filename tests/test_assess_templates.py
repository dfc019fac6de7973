"""Empty lists: every format is read back, with its examples once they are filled in."""

from __future__ import annotations

import builtins

import pytest

from sentinel.assess import answers, imports, templates
from sentinel.errors import AssessmentError, MissingExtra, OutputError, UsageError

LISTS = [what for what in templates.WHAT if what != "questionnaire"]


def kinds(what: str) -> dict[str, int]:
    return {kind: len(templates._EXAMPLES[kind]) for kind in templates._LISTS[what]}


@pytest.mark.parametrize("what", LISTS)
def test_a_workbook_offers_lists_examples_and_instructions(tmp_path, what):
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "t.xlsx"
    templates.write(what, path)
    book = openpyxl.load_workbook(path)
    guide, *sheets = [sheet for sheet in book if sheet.sheet_state == "visible"]
    said = "\n".join(str(row[0].value) for row in guide.iter_rows() if row[0].value)
    assert "不要猜" in said and "Leave empty what you do not know" in said and f"sentinel import {what}" in said
    assert len(sheets) == 2 * len(kinds(what))
    offered = [rule for sheet in sheets for rule in sheet.data_validations.dataValidation]
    assert bool(offered) == any(f.choices for fields in templates._LISTS[what].values() for f in fields)
    assert imports.read(path, what).rows == {}
    # the examples, moved to the sheet that is filled in, are good rows as they stand
    for blank, example in zip(sheets[::2], sheets[1::2], strict=True):
        for row in example.iter_rows(min_row=2, values_only=True):
            blank.append(row)
    book.save(path)
    found = imports.read(path, what)
    assert not found.refusals and {kind: len(rows) for kind, rows in found.rows.items()} == kinds(what)


@pytest.mark.parametrize("what", LISTS)
def test_csv_and_yaml_are_read_back_with_their_examples(tmp_path, what):
    for name, mark in (("t.csv", "# 示例 Example: "), ("t.yaml", "#  ")):
        path = tmp_path / name
        templates.write(what, path)
        text = path.read_text(encoding="utf-8-sig")
        assert "不要猜" in text and "Leave empty" in text
        if name == "t.csv":
            assert imports.read(path, what).rows == {}
            lines = text.splitlines()
            heads = [n for n, line in enumerate(lines) if not line.startswith(("#", '"#'))]
            filled, begun = [], 0
            for at in heads:
                examples = [line for line in lines[begun:at] if mark in line]
                filled.append(lines[at])
                filled += [line.strip('"').removeprefix(mark).replace('""', '"') for line in examples]
                begun = at + 1
            path.write_text("\n".join(filled), encoding="utf-8")
        else:
            path.write_text(text.replace(f"\n{mark}", "\n  "), encoding="utf-8")
        found = imports.read(path, what)
        assert not found.refusals and {kind: len(rows) for kind, rows in found.rows.items()} == kinds(what)


@pytest.mark.parametrize("name", ["t.xlsx", "t.csv", "t.yaml"])
def test_an_empty_questionnaire_answers_nothing(tmp_path, name):
    if name == "t.xlsx":
        pytest.importorskip("openpyxl")
    templates.write("questionnaire", tmp_path / name, "zh")
    found = answers.read(tmp_path / name)
    assert not found.values and not found.refusals and not found.engagement


def test_other_formats_and_places_are_refused(tmp_path):
    with pytest.raises(UsageError, match="a template is .xlsx, .csv or .yaml"):
        templates.write("assets", tmp_path / "t.docx")
    with pytest.raises(OutputError, match="No such file or directory"):
        templates.write("assets", tmp_path / "none" / "t.csv")


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def absent(name, *more):
        if name.partition(".")[0] == "openpyxl":
            raise ImportError(name)
        return real(name, *more)

    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'sentinel-ics\[report\]'"):
        templates.write("assets", tmp_path / "t.xlsx")
    with pytest.raises(MissingExtra):
        imports.read(tmp_path / "a.xlsx", "assets")
    templates.write("assets", tmp_path / "t.csv")
    with pytest.raises(AssessmentError):
        imports.read(tmp_path / "none.csv", "assets")
