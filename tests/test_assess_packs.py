"""Packs as data: what is shipped holds together and has the published counts, and whatever is wrong with a pack is said."""

# ruff: noqa: E501  (one case, one line; ruff counts a Chinese character as two)

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sentinel.assess import _yaml, packs, snapshot
from sentinel.assess.checks.registry import checks
from sentinel.assess.model import Text
from sentinel.assess.questions import questions
from sentinel.errors import AssessmentError, MissingExtra

pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[1]
NOTICE = ROOT.parent / "shared/domain/measures-2021-1.txt"
SHIPPED = (
    "attack-ics", "cn-20984", "cn-22239", "cn-36466", "cn-40813", "cn-44462", "cn-data", "cn-iiot-68", "cn-miit-14",
    "iec-62443-3-2", "iec-62443-3-3", "measures-bao-an-2021", "nist-800-82", "nist-csf-2",
)  # fmt: skip


def known() -> dict[str, tuple[str, ...]]:
    """Every check with the names of its parameters."""
    return {name: tuple(check.params) for name, check in checks().items()}


def copied(name: str, tmp_path: Path) -> Path:
    """A copy of a shipped pack that may be spoilt."""
    return Path(shutil.copytree(packs.folder_of(name), tmp_path / name))


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a YAML file through its content."""
    content = _yaml.read(path)
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


# --- what is shipped -------------------------------------------------------------------------------------------------


def test_every_pack_is_there():
    assert tuple(packs.available()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pack_passes_the_check(name):
    assert packs.check(name, known(), set(questions())) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_what_was_not_verified_carries_the_watermark(name):
    pack = packs.load(name)
    assert (pack.watermark == packs.WATERMARK) == (pack.verified_by is None)
    assert (pack.verified_on is None) == (pack.verified_by is None)


def test_only_what_could_be_compared_counts_as_verified():
    verified = {name for name in SHIPPED if packs.load(name).verified_by is not None}
    assert verified == {"attack-ics", "measures-bao-an-2021"}


@pytest.mark.parametrize(
    ("name", "prefix", "level", "count"),
    [
        ("cn-22239", "8.1.", "3", 211),
        ("cn-22239", "8.1.1.", "3", 22),
        ("cn-22239", "8.1.2.", "3", 8),
        ("cn-22239", "8.1.3.", "3", 20),
        ("cn-22239", "8.1.4.", "3", 34),
        ("cn-22239", "8.1.5.", "3", 12),
        ("cn-22239", "8.1.6.", "3", 7),
        ("cn-22239", "8.1.7.", "3", 14),
        ("cn-22239", "8.1.8.", "3", 12),
        ("cn-22239", "8.1.9.", "3", 34),
        ("cn-22239", "8.1.10.", "3", 48),
        ("cn-22239", "8.5.", "3", 21),
        ("cn-22239", "7.1.", "2", 135),
        ("cn-22239", "7.5.", "2", 15),
        ("iec-62443-3-3", "SR ", "1", 37),
        ("iec-62443-3-3", "SR ", "2", 60),
        ("iec-62443-3-3", "SR ", "3", 90),
        ("iec-62443-3-3", "SR ", "4", 100),
        ("cn-miit-14", "", None, 33),
        ("measures-bao-an-2021", "M", None, 29),
        ("nist-csf-2", "", None, 106),
        ("attack-ics", "T", None, 83),
        ("iec-62443-3-2", "ZCR 3.", None, 6),
        ("cn-44462", "P-1", "industrial", 12),
        ("cn-44462", "P-2", "platform", 10),
        ("cn-44462", "P-3", "identifier", 9),
    ],
)
def test_published_counts(name, prefix, level, count):
    controls = packs.load(name).controls
    assert sum(c.id.startswith(prefix) and (level is None or level in c.levels) for c in controls) == count


def test_system_requirements_and_enhancements():
    controls = packs.load("iec-62443-3-3").controls
    enhancements = [c for c in controls if " RE" in c.id]
    assert (len(controls) - len(enhancements), len(enhancements)) == (51, 49)
    base = {c.id: c for c in controls}
    for control in enhancements:
        assert set(control.levels) < set(base[control.id.partition(" RE")[0]].levels) | {control.id}, control.id
    letters = [c.observability.value for c in controls if " RE" not in c.id]
    assert (letters.count("T"), letters.count("P"), letters.count("I")) == (15, 24, 12)


def test_the_items_of_the_ics_extension_are_those_of_the_standard():
    """Level 3 has 8.5.x; level 2 has the same points as 7.5.x without what only level 3 demands."""
    ids = {c.id for c in packs.load("cn-22239").controls}
    only_3 = {"8.5.3.2b", "8.5.3.3c", "8.5.3.3d", "8.5.4.1c", "8.5.4.1d", "8.5.4.1e"}
    level_3 = {i for i in ids if i.startswith("8.5.")}
    assert only_3 <= level_3
    assert {i for i in ids if i.startswith("7.5.")} == {
        i.replace("8.5.", "7.5.", 1) for i in level_3 - only_3 - {"8.5.3.2a"}
    } | {"7.5.3.2"}


def test_one_way_separation_is_demanded_at_level_3_only():
    controls = {c.id: c for c in packs.load("cn-22239").controls}
    assert "SG-04" in [t.check for t in controls["8.5.2.1a"].tests]
    assert "SG-04" not in [t.check for t in controls["7.5.2.1a"].tests]


def test_generic_services_of_the_clause_and_no_others():
    (test,) = (t for c in packs.load("cn-22239").controls if c.id == "8.5.3.1a" for t in c.tests if t.check)
    assert test.check == "SG-03" and test.min_coverage == 0.9
    assert {"smtp", "http", "telnet", "rlogin", "ftp"} <= set(test.params["services"])
    assert "rdp" not in test.params["services"]


def test_every_check_and_every_question_serves_some_requirement():
    used = {t.check or t.question for name in SHIPPED for c in packs.load(name).controls for t in c.tests}
    assert sorted((checks().keys() | questions().keys()) - used) == []


def test_answers_that_satisfy_are_among_those_offered():
    offered = {name: {value for value, _ in question.options} for name, question in questions().items()}
    for name in SHIPPED:
        for control in packs.load(name).controls:
            for test in control.tests:
                if test.question:
                    assert set(test.satisfied_by) <= offered[test.question], (name, control.id, test.question)


def test_the_programme_has_its_dates_and_thresholds():
    pack = packs.load("measures-bao-an-2021")
    assert (pack.kind, pack.valid_from, pack.valid_to) == ("programme", "2021-03-11", "2022-03-11")
    rows = {row["clause"]: row for row in pack.tables["identifier_thresholds"]}
    assert rows["M14"]["queries_per_month"] == 10_000_000 and rows["M14"]["registrations"] == 5_000_000_000
    assert rows["M16"]["queries_per_month"] == 1_000_000 and rows["M16"]["registrations_per_year"] == 20_000_000
    assert rows["M17"]["queries_per_month"] == 100_000 and rows["M17"]["registrations"] == 1_000_000
    assert all(control.report for control in pack.controls)
    for row in rows.values():
        (test,) = (t for c in pack.controls if c.id == row["clause"] for t in c.tests if t.check == "ID-01")
        assert test.params == {"queries_per_month": row["queries_per_month"]}


@pytest.mark.skipif(not NOTICE.exists(), reason="the notice lies beside the project only where it is developed")
def test_quotations_are_those_of_the_notice():
    notice = re.sub(r"\s+", "", NOTICE.read_text(encoding="utf-8"))
    for control in packs.load("measures-bao-an-2021").controls:
        for quotation in re.findall("“([^”]+)”", control.paraphrase.zh):
            for piece in quotation.split("……"):
                assert re.sub(r"\s+", "", piece) in notice, (control.id, piece)


def test_due_dates_of_the_regulations():
    dues = {(name, due["id"]): due for name in SHIPPED for due in packs.load(name).tables.get("due_dates", ())}
    assert {key: due["months"] for key, due in dues.items()} == {
        ("cn-22239", "evaluation-3"): 12,
        ("cn-data", "data-assessment"): 12,
        ("cn-iiot-68", "evaluation-2"): 24,
        ("cn-iiot-68", "evaluation-3"): 12,
        ("cn-miit-14", "yearly"): 12,
    }
    for due in dues.values():
        assert any(detail.type == "date" for detail in questions()[due["question"]].details), due


def test_record_forms_have_columns_in_both_languages():
    forms = packs.load("cn-36466").tables["forms"]
    assert len(forms) == 10
    assert all(isinstance(column, Text) for form in forms for column in form["columns"])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_pack_is_a_value_of_the_snapshot(name):
    assert snapshot.dump(packs.load(name)) == snapshot.dump(packs.load(packs.folder_of(name)))


# --- checksums -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cn-22239", "iec-62443-3-3", "cn-iiot-68", "cn-44462"])
def test_an_item_moved_to_another_level_is_found(name, tmp_path):
    folder = copied(name, tmp_path)
    levels = sorted({level for c in packs.load(name).controls for level in c.levels})
    for path in sorted(folder.glob("controls*.yaml")):
        content = _yaml.read(path)
        graded = [c for c in content["controls"] if c.get("levels")]
        for control in {id(c): c for c in (graded[0], graded[len(graded) // 2], graded[-1])}.values():
            own = control["levels"]
            control["levels"] = [level for level in levels if level not in own] or own[:-1]
            spoilt = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            control["levels"] = own
            before = path.read_text(encoding="utf-8")
            path.write_text(spoilt, encoding="utf-8")
            assert any("checksum: " in problem for problem in packs.check(folder)), control["id"]
            path.write_text(before, encoding="utf-8")
    assert packs.check(folder) == []


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "cn-44462"])
def test_an_item_moved_to_another_group_is_found(name, tmp_path):
    folder = copied(name, tmp_path)
    groups = list(_yaml.read(folder / "pack.yaml")["groups"])
    path = sorted(folder.glob("controls*.yaml"))[-1]

    def move(content: dict[str, Any]) -> None:
        control = content["controls"][0]
        top = control["group"].partition(".")[0]
        control["group"] = next(group for group in reversed(groups) if group.partition(".")[0] != top)

    edited(path, move)
    assert any("checksum: " in problem for problem in packs.check(folder))


@pytest.mark.parametrize("name", SHIPPED)
def test_an_item_left_out_is_found(name, tmp_path):
    folder = copied(name, tmp_path)
    path = sorted(folder.glob("controls*.yaml"))[0]
    edited(path, lambda content: content["controls"].pop())
    assert any("checksum: all says" in problem for problem in packs.check(folder))


def test_techniques_are_those_of_the_knowledge(tmp_path):
    folder = copied("attack-ics", tmp_path)

    def spoil(content: dict[str, Any]) -> None:
        by_id = {control["id"]: control for control in content["controls"]}
        by_id["T0800"]["title"]["en"] = "Something Else"
        by_id["T0801"]["id"] = "T9999"
        by_id["T0802"]["group"] = "TA0105"

    edited(folder / "controls.yaml", spoil)
    said = "\n".join(packs.check(folder))
    assert "T0800 is called Activate Firmware Update Mode" in said
    assert "T0801 is missing" in said and "T9999 is no live technique" in said
    assert "T0802 does not belong to TA0105" in said


def test_a_file_of_knowledge_that_is_none(tmp_path):
    folder = copied("attack-ics", tmp_path)
    edited(folder / "pack.yaml", lambda content: content.update(knowledge="nothing.json"))
    assert [p.partition("knowledge: ")[2] for p in packs.check(folder)] == ["nothing.json: no such file of techniques"]


# --- what a writer of packs is told ------------------------------------------------------------------------------------


def test_a_new_pack_passes_the_check_and_loads(tmp_path):
    folder = packs.new(tmp_path / "deep" / "er", "my-measure")
    assert packs.check(folder, known(), set(questions())) == []
    pack = packs.load(folder)
    assert (pack.id, [c.id for c in pack.controls], pack.watermark) == ("my-measure", ["1.1"], packs.WATERMARK)


@pytest.mark.parametrize("id_", ["", "a", "Capital", "../x", "a b", "-x", "x" * 65])
def test_ids_that_are_refused(tmp_path, id_):
    with pytest.raises(AssessmentError, match="a pack's id has"):
        packs.new(tmp_path, id_)


def test_a_new_pack_overwrites_nothing(tmp_path):
    packs.new(tmp_path, "mine")
    with pytest.raises(AssessmentError, match="mine: is already there"):
        packs.new(tmp_path, "mine")


CONTROL = "controls.yaml: control 1 (1.1): "


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("controls.yaml", "en: Title of the requirement", "en: ''", CONTROL + "title/en: '' does not match"),
        ("controls.yaml", ", en: Title of the requirement", "", CONTROL + "title: 'en' is a required property"),
        ("controls.yaml", "zh: 要求的标题", "zh: only English", CONTROL + "title/zh holds no Chinese"),
        ("controls.yaml", "en: Title of", "en: 标题 of", CONTROL + "title/en holds Chinese"),
        ("controls.yaml", "observability: I", "observability: X", CONTROL + "observability: 'X' is not one of"),
        ("controls.yaml", "group: '1'", "group: '7'", CONTROL + "group: 7 is none of the groups"),
        ("controls.yaml", "  tests", "  surplus: 1\n  tests", CONTROL + "Additional properties are not allowed"),
        ("controls.yaml", "tests: []", "tests: [{check: XX-01}]", CONTROL + "there is no check XX-01"),
        ("controls.yaml", "tests: []", "tests: [{check: SG-03, params: {no: 1}}]", CONTROL + "SG-03 has no parameter no"),
        ("controls.yaml", "tests: []", "tests: [{question: Q-OPS-99}]", CONTROL + "there is no question Q-OPS-99"),
        ("controls.yaml", "tests: []", "tests: [{}]", CONTROL + "tests/0: {} is not valid"),
        ("controls.yaml", "tests: []", "maps_to: ['nothing:1']", CONTROL + "maps_to: nothing:1: no such pack"),
        ("controls.yaml", "tests: []", "maps_to: ['iec-62443-3-3:SR 6.2 RE1']", "iec-62443-3-3 has no control SR 6.2 RE1"),
        ("controls.yaml", "tests: []", "like: '9.9'", CONTROL + "like: 9.9 is no control of this pack"),
        ("controls.yaml", "  tests: []", "- {id: '1.1', like: '1.1'}", "control 2 (1.1): the id stands already at controls.yaml"),
        ("controls.yaml", "id: '1.1'", "id: 1.1", "controls.yaml: control 1 has no id that is text; quote a number"),
        ("controls.yaml", "controls:", "control:", "controls.yaml: `controls` is no list"),
        ("controls.yaml", "levels: ['1']", "levels: ['2']", "pack.yaml: checksum: says nothing of 2"),
        ("controls.yaml", "levels: ['1']", "levels: ['2']", "pack.yaml: checksum: 1: no control has the level 1"),
        ("pack.yaml", "all: 1", "all: 2", "pack.yaml: checksum: all says 2, there are 1"),
        ("pack.yaml", "'1': 1}", "'1': 1, 1/1: 3}", "pack.yaml: checksum: 1/1 says 3, there are 1"),
        ("pack.yaml", "id: mine", "id: other", "pack.yaml: id: other lies in a folder of another name"),
        ("pack.yaml", "verified_by: null", "verified_by: Somebody", "pack.yaml: verified_on: None is not of type 'string'"),
        ("pack.yaml", "kind: catalog", "kind: book", "pack.yaml: kind: 'book' is not one of"),
        ("pack.yaml", "updated: 2000-01-01", "updated: 2000-1-1", "pack.yaml: updated: '2000-1-1' does not match"),
        ("pack.yaml", "updated:", "update:", "pack.yaml: 'updated' is a required property"),
        ("pack.yaml", "  '1': {zh", "  '2': {zh: 二, en: Two}\n  '1': {zh", "pack.yaml: groups: 2 has no control"),
        ("tables.yaml", "", "x: {zh: 中}", "tables.yaml: x/en is missing"),
        ("tables.yaml", "", "about: 1", "tables.yaml: about: "),
        ("tables.yaml", "", "phases: [{id: first, title: {zh: 一, en: One}, controls: ['8']}]", "phases/first: there is no control 8"),
        ("tables.yaml", "", "identifier_thresholds: [{clause: M1, title: {zh: 一, en: One}}]", "there is no control M1"),
        ("tables.yaml", "", "due_dates: [{id: due, title: {zh: 一, en: One}, months: 12, question: Q-ORG-99}]", "due_dates/due: there is no question Q-ORG-99"),
        ("tables.yaml", "", "due_dates: [{id: due, title: {zh: 一, en: One}, months: 0, question: Q-ORG-01}]", "due_dates/0/months: 0 is less than"),
        ("tables.yaml", "", "- 1", "tables.yaml: not a mapping"),
        ("stray.yaml", "", "a: 1", "stray.yaml: no file of a pack"),
    ],
)  # fmt: skip
def test_every_kind_of_problem_is_said(tmp_path, file, old, new, said):
    folder = packs.new(tmp_path, "mine")
    path = folder / file
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    assert old in before
    path.write_text(before.replace(old, new, 1) if old else new, encoding="utf-8")
    problems = packs.check(folder, known(), set(questions()))
    assert any(said in problem and str(folder) in problem for problem in problems), problems


def test_a_change_without_a_word_is_said(tmp_path):
    folder = packs.new(tmp_path, "mine")
    (folder / "CHANGELOG.md").unlink()
    assert [p for p in packs.check(folder) if "no CHANGELOG.md" in p]


def test_maps_find_the_pack_that_lies_beside(tmp_path):
    folder, other = packs.new(tmp_path, "mine"), packs.new(tmp_path, "other")
    edited(folder / "controls.yaml", lambda c: c["controls"][0].update(maps_to=["other:1.1", "cn-miit-14:12"]))
    assert packs.check(folder) == []
    shutil.rmtree(other)
    assert packs.check(folder) == [f"{folder}/controls.yaml: control 1 (1.1): maps_to: other:1.1: no such pack"]


# --- loading ---------------------------------------------------------------------------------------------------------


def test_a_control_takes_over_what_it_does_not_say(tmp_path):
    folder = packs.new(tmp_path, "mine")
    twin = {"id": "2.1", "like": "1.1", "levels": [2], "tests": [{"check": "SG-03", "params": {"services": ["ftp"]}}]}
    edited(folder / "controls.yaml", lambda c: c["controls"].append(twin))
    first, second = packs.load(folder).controls
    assert (second.title, second.group, second.unit) == (first.title, first.group, "")
    assert (first.levels, second.levels) == (("1",), ("2",))
    assert second.tests[0].params == {"services": ("ftp",)} and second.tests[0].min_coverage is None


def test_coverage_and_zones_of_the_pack_hold_where_a_control_says_nothing(tmp_path):
    folder = packs.new(tmp_path, "mine")
    edited(folder / "pack.yaml", lambda content: content.update(zones=["ot", "sis"]))

    def change(content: dict[str, Any]) -> None:
        control = content["controls"][0]
        control |= {"observability": "T", "tests": [{"check": "SG-01"}, {"check": "SG-02", "min_coverage": 0}]}
        content["controls"][0] = control
        content["controls"].append({"id": "2", "like": "1.1", "zones": ["dmz"], "observability": "P", "levels": ["1"]})

    edited(folder / "controls.yaml", change)
    first, second = packs.load(folder).controls
    assert [t.min_coverage for t in first.tests] == [0.9, 0]
    assert [t.min_coverage for t in second.tests] == [0.5, 0]
    assert (first.zones, second.zones) == (("ot", "sis"), ("dmz",))


@pytest.mark.parametrize("pack", ["nothing", "/nowhere/at/all", "../frameworks"])
def test_a_pack_that_is_not_there(pack):
    with pytest.raises(AssessmentError, match=re.escape(pack) + ": no pack of that id .*cn-22239"):
        packs.load(pack)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("controls.yaml", "group: '1'", "group: '7'", r"controls\.yaml: control 1 \(1\.1\): nothing is called '7'"),
        ("controls.yaml", "observability: I", "observability: X", r"control 1 \(1\.1\): 'X' is not a valid"),
        ("controls.yaml", "title: {zh: 要求的标题, en: Title of the requirement}", "title: 3", r"control 1 \(1\.1\): "),
        ("controls.yaml", "controls:", "controls: [", r"controls\.yaml:\d+: no YAML"),
        ("pack.yaml", "updated:", "update:", r"pack\.yaml: nothing is called 'updated'"),
        ("pack.yaml", "groups:", "groups: 1 #", r"pack\.yaml"),
    ],
)
def test_a_pack_that_cannot_be_used_names_file_and_place(tmp_path, file, old, new, said):
    folder = packs.new(tmp_path, "mine")
    path = folder / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssessmentError, match=said):
        packs.load(folder)


def test_too_many_files(tmp_path):
    folder = packs.new(tmp_path, "mine")
    for number in range(packs.MAX_FILES):
        (folder / f"controls-{number}.yaml").write_text("controls: []", encoding="utf-8")
    with pytest.raises(AssessmentError, match="more than 64 files"):
        packs.load(folder)


# --- YAML that comes from anybody ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: [yes, no, on, true, false, null, ~]", {"a": ["yes", "no", "on", True, False, None, None]}),
        ("a: [2021-03-11, 1, 007, -3, 1.5, 1e3, '1', 0x10]", {"a": ["2021-03-11", 1, "007", -3, 1.5, "1e3", "1", "0x10"]}),
        ("1: {2: b}", {"1": {"2": "b"}}),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("a: {b: 1, c: [d, {e: f}]}\nz: 3", {"a": {"b": 1, "c": ["d", {"e": "f"}]}, "z": 3}),
    ],
)  # fmt: skip
def test_plain_values(text, value):
    assert _yaml.parse(text, "here") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 200_000, "here:1: more than 32 levels"),
        ("- " * 200_000, "here:1: more than 32 levels"),
        ("{a: " * 100_000, "here:1: more than 32 levels"),
        ("[" + "1," * 300_001, "here:1: more than 300000 values"),
        ("a: 1\nb: 2\na: 3", "here:3: the key a for the second time"),
        ("a: &x [1]\nb: *x", "here:2: an alias"),
        ("a: !!python/object:os.system {}", "here:1: the tag"),
        ("a: !x y", "here:1: the tag"),
        ("? [a, b]\n: c", "here:1: a key that is no text"),
        ("---\na\n---\nb", "here:3: a second document"),
        ("a: b: c", "here:1: no YAML"),
        ("\t- a", "here:1: no YAML"),
        ('a: "\x00"', "here: no YAML"),
    ],
)
def test_yaml_that_is_refused(text, said):
    with pytest.raises(AssessmentError, match="^" + said):
        _yaml.parse(text, "here")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(AssessmentError, match="absent: cannot be read: No such file"):
        _yaml.read(tmp_path / "absent")
    (tmp_path / "bytes").write_bytes(b"a: \xff")
    with pytest.raises(AssessmentError, match="bytes: not UTF-8 at byte 3"):
        _yaml.read(tmp_path / "bytes")
    (tmp_path / "large").write_bytes(b" " * (_yaml.MAX_FILE + 1))
    with pytest.raises(AssessmentError, match="large: larger than"):
        _yaml.read(tmp_path / "large")


# --- the schema ------------------------------------------------------------------------------------------------------


def test_the_schema_is_a_schema():
    import jsonschema

    schema = json.loads((packs.shipped() / "pack.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_loading_needs_no_schema_and_checking_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    assert packs.load("cn-miit-14").controls
    with pytest.raises(MissingExtra, match=r"sentinel-ics\[report\]"):
        packs.check("cn-miit-14")
