"""Chapters of every variant, in both languages, for a client with everything and for one with hardly anything."""

from __future__ import annotations

import dataclasses
import re

import fake_assessment as fake
import pytest

from sentinel.assess.model import Assessment, Text, Trace
from sentinel.errors import AssessmentError
from sentinel.report.build import CHAPTERS, SCOPES, build
from sentinel.report.chapters._context import Context
from sentinel.report.chapters._weaknesses import _where
from sentinel.report.document import Document, Fields, Heading, Table, block_text, plain_text
from sentinel.report.texts import VARIANTS

ASSESSMENTS = {"full": fake.full(), "empty": fake.empty(), "hostile": fake.hostile()}
NONSENSE = re.compile(
    r"—|\bNone\b|\bnan\b|\{\}|\[\]|\(\)|（）|: *$|：$|，，|、、|, ,|,，|。。|\.\.(?!\.)"
    r"|[（(] |\b0 of 0\b|Text\(|\{[a-z]+\}",
    re.MULTILINE,
)
NUMBER = re.compile(r"\d[\d,.:]*\d|\d")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", ["full", "empty"])
def test_no_sentence_has_a_hole(name: str, lang: str, variant: str):
    document = build(ASSESSMENTS[name], lang, variant)
    for block in document.blocks:
        for line in block_text(block):
            if " | " not in line and not line.endswith(": "):
                assert not NONSENSE.search(line), line
        if isinstance(block, Table):
            for line in block.rows:
                assert all(cell.runs for cell in line.cells), block_text(block)
                assert line.group or len(line.cells) == len(block.columns)
            assert block.rows and block.caption
        if isinstance(block, Fields):
            assert all(label and cell.runs for label, cell in block.rows)


@pytest.mark.parametrize("name", ["full", "empty"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_both_languages_say_the_same_numbers(name: str, variant: str):
    zh, en = (build(ASSESSMENTS[name], lang, variant) for lang in ("zh", "en"))
    assert [type(block) for block in zh.blocks] == [type(block) for block in en.blocks]
    for one, two in zip(zh.blocks, en.blocks, strict=True):
        if isinstance(one, Table) and one.anchor == "tab-consequences":
            continue  # "less than an hour"
        for left, right in zip(block_text(one), block_text(two), strict=True):
            assert sorted(NUMBER.findall(left)) == sorted(NUMBER.findall(right)), (left, right)


def headings(document: Document) -> list[str]:
    return [b.anchor for b in document.blocks if isinstance(b, Heading) and b.level == 1]


def test_the_full_report_has_the_chapters_in_order():
    assert headings(build(ASSESSMENTS["full"], "zh")) == [
        "approval",
        "summary",
        "basis",
        "method",
        "object",
        "assets",
        "threats",
        "weaknesses",
        "risks",
        "topics",
        "remediation",
        "residual",
        "annex-inputs",
        "annex-profile",
        "annex-checks",
        "annex-questions",
        "annex-evidence",
        "annex-captures",
        "annex-packs",
        "annex-tools",
    ]


def test_variants_choose():
    assert set(CHAPTERS) == set(SCOPES) == set(VARIANTS)
    miit = plain_text(build(ASSESSMENTS["full"], "en", "miit"))
    assert "Guide to protecting industrial control systems" in miit and "Baseline for classified protection" not in miit
    assert headings(build(ASSESSMENTS["full"], "en", "sme")) == ["summary"]
    indicators = build(ASSESSMENTS["full"], "en", "indicators").blocks
    titles = {block.text for block in indicators if isinstance(block, Heading)}
    assert "Identifier node" in " ".join(titles) and "Register of data flows" not in " ".join(titles)


def test_what_the_assessment_says_is_in_the_report():
    words = plain_text(build(ASSESSMENTS["full"], "en"))
    for expected in (
        "F-01",
        "18.61",
        "15.04–20.00",
        "14.62 (3 medium)",
        "10.74 (3 medium)",
        "An office computer can download programs",
        "Q-BLD-05",
        "[0, 2]",
        "SR 5.1",
        "to be checked on site",
        "Until then: pull the patch cable",
        "re-run CO-01",
        "Chen Wei, plant manager",
        "No identifier resolution was seen",
        fake.SHA1,
        "RA-2026-014",
    ):
        assert expected in words, expected


def test_the_summary_has_five_sentences():
    document = build(ASSESSMENTS["full"], "zh")
    summary = document.blocks[
        next(i for i, b in enumerate(document.blocks) if getattr(b, "anchor", "") == "summary") + 1
    ]
    assert len(block_text(summary)) == 5


def test_a_sheet_without_data_says_why_in_one_line():
    document = build(ASSESSMENTS["full"], "zh")
    place = next(i for i, b in enumerate(document.blocks) if getattr(b, "anchor", "") == "sheet-identifier-node")
    assert block_text(document.blocks[place + 2]) == ["覆盖范围内未见标识解析，企业也未声明节点。"]


def test_watermark_is_there_only_for_packs_that_nobody_checked():
    assert "未与正式文本核对" in plain_text(build(ASSESSMENTS["full"], "zh", "gap"))
    assert "未与正式文本核对" not in plain_text(build(ASSESSMENTS["full"], "zh", "miit"))


def test_the_same_assessment_gives_the_same_document():
    assert build(fake.full(), "zh") == build(fake.full(), "zh")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_hostile_names_are_only_words(lang: str, variant: str):
    words = plain_text(build(ASSESSMENTS["hostile"], lang, variant))
    assert not set(words) & set("\x00\x07\x1b\u202e\u202c\ud800")


def test_long_tables_are_cut_and_say_so():
    base = ASSESSMENTS["full"]
    some = tuple(dataclasses.replace(base.site.assets[0], id=f"a{i}", name=f"PLC-{i:04}") for i in range(500))
    many: Assessment = dataclasses.replace(base, site=dataclasses.replace(base.site, assets=some))
    document = build(many, "en")
    table = next(b for b in document.blocks if isinstance(b, Table) and b.anchor == "tab-assets")
    assert sum(not line.group for line in table.rows) == 120
    assert "500 rows in all" in table.note


def test_unknown_language_or_variant():
    with pytest.raises(AssessmentError, match="zh or en"):
        build(ASSESSMENTS["empty"], "de")
    with pytest.raises(AssessmentError, match="full, gap"):
        build(ASSESSMENTS["empty"], "zh", "long")


def test_comparison_with_an_earlier_assessment():
    before = {
        "previous": "abc", "as_of": fake.START, "findings_new": ({"id": "f", "number": "F-09", "title": fake.YES},),
        "findings_closed": (), "grades": ({"number": "R-01", "scenario": fake.YES, "before": 4, "after": 3},),
        "business": {"before": {"score": "15.00", "grade": 3}, "after": {"score": "14.62", "grade": 3}},
        "controls": ({"framework": "x", "control": "1", "before": "violated", "after": "confirmed",
                      "display_before": fake.YES, "display_after": fake.YES},),
        "assets_new": ({"id": "a", "name": "PLC-9"},),
    }  # fmt: skip
    words = plain_text(build(dataclasses.replace(ASSESSMENTS["full"], previous=before), "en"))
    assert "The last assessment is abc" in words and "New findings, 1: F-09 yes." in words
    assert "from 15.00 (3 medium) to 14.62 (3 medium)" in words and "New devices, 1: PLC-9." in words


def test_sentences_with_a_hole_are_left_out_and_short_ones_end_at_a_clause():
    c = Context(ASSESSMENTS["full"], "en")
    assert c.say("{n}", "{n:device|devices} in {zone}", n=1, zone="Hall") == "1 device in Hall"
    assert c.say("{n}", "{n:device|devices}", n=1200) == "1,200 devices" and c.say("{n}", "{n:device|devices}", n=0)
    for missing in (None, "", ()):
        assert c.say("{n}", "{n} devices", n=missing) == ""
    assert c.short("One sentence. Another one that is longer.", 30) == "One sentence. Another one…"
    assert c.short("第一句话，第二句话；第三句话。", 20) == "第一句话，第二句话…" and c.short("短。", 20) == "短。"


def test_one_finding_names_its_owner_in_one_language():
    assert [Context(ASSESSMENTS["full"], lang).owner("自动化科 / Automation dept.") for lang in ("zh", "en")] == [
        "自动化科",
        "Automation dept.",
    ]
    assert Context(ASSESSMENTS["full"], "en").owner("") == "to be named"


TRACED = (
    Trace(1, 4711, fake.START, "192.0.2.1", "192.0.2.10", 4000, 102, "tcp", "s7comm"),
    Trace(1, 4712, fake.START + 86_400_000_000_000, "192.0.2.10", "192.0.2.1", 102, 4000, "tcp", "s7comm"),
)


def index_of(lang, **engagement):
    base = fake.full()
    first = dataclasses.replace(base.findings[0], evidence=(fake.frames(4711, 4712),))
    site = dataclasses.replace(base.site, engagement={**base.site.engagement, **engagement})
    assessment = dataclasses.replace(base, site=site, findings=(first, *base.findings[1:]), traces=TRACED)
    return plain_text(build(assessment, lang))


def test_the_evidence_index_has_both_clocks_and_the_five_tuple():
    text = index_of("zh", timezone="Asia/Shanghai")
    assert "UTC 2026-06-01 00:00:00–2026-06-02 00:00:00；当地 2026-06-01 08:00:00–2026-06-02 08:00:00" in text
    assert "192.0.2.1:4000 → 192.0.2.10:102 TCP s7comm" in text and "时区 Asia/Shanghai" in text
    assert "; local 2026-06-01 08:00:00" in index_of("en", timezone="Asia/Shanghai")


def test_without_a_time_zone_the_index_says_so():
    assert "未登记现场的时区" in index_of("zh") and "当地" not in index_of("zh")
    assert "is not known on this machine" in index_of("en", timezone="Mars/Olympus")


def test_the_index_says_how_wrong_the_clock_was():
    assert "其偏差未经测量" in index_of("zh") and "was not measured" in index_of("en")
    assert "为 -1.5 秒" in index_of("zh", clock_offset=-1.5)
    assert "by 0 s" in index_of("en", clock_offset=0)


def test_a_variant_lists_the_evidence_that_it_leads_to():
    for variant in ("gap", "miit"):
        document = build(ASSESSMENTS["full"], "en", variant)
        (index,) = (b for b in document.blocks if isinstance(b, Table) and b.anchor == "tab-evidence")
        listed = {line.cells[0].anchor for line in index.rows}
        led_to = set(re.findall(r"ref=.(ev-E-\d+).", str(document.blocks)))
        assert led_to <= listed
        assert f"cites {len(listed)} piece" in plain_text(document)


def test_a_report_on_one_other_framework_has_no_security_levels_and_no_due_dates_of_others():
    given = ASSESSMENTS["full"]
    for variant, there in (("full", True), ("iec", True), ("gap", False), ("miit", False)):
        anchors = {getattr(block, "anchor", "") for block in build(given, "en", variant).blocks}
        assert ("levels" in anchors) is there, variant
    own = given.packs[0]
    foreign = {"what": Text("无关", "Unrelated duty"), "basis": Text("别的标准 1", "Another standard 1"), "months": 12}
    wanted = {"what": Text("相关", "Related duty"), "basis": Text(f"{own.title.zh} {own.edition}", "x"), "months": 12}
    given = dataclasses.replace(given, calendar=(foreign, wanted))
    assert "Unrelated duty" in plain_text(build(given, "en"))
    variant = next(v for v, scope in SCOPES.items() if scope.frameworks and own.id.startswith(scope.frameworks))
    words = plain_text(build(given, "en", variant))
    assert "Related duty" in words and "Unrelated duty" not in words


def test_no_target_is_no_proof():
    given = ASSESSMENTS["full"]
    none = tuple(dataclasses.replace(level, target=0) for level in given.levels)
    words = plain_text(build(dataclasses.replace(given, levels=none), "en"))
    assert "no target" in words and "\nproven\n" not in words


def test_no_grade_and_no_risk_are_words_not_noughts():
    given = ASSESSMENTS["full"]
    risks = tuple(dataclasses.replace(risk, grade=3, grades=(2, 3)) for risk in given.risks)
    words = plain_text(build(dataclasses.replace(given, risks=risks), "en"))
    assert "no grade is robust" in words and "none of them high or very high" in words
    assert "the grade of 0" not in words and ", 0 of them" not in words


def test_zones_of_a_verdict_are_counted_where_they_are_all():
    assert _where(Context(ASSESSMENTS["full"], "en"), ["cell-1", "office"], 2) == "\nZones: all 2 that were judged"
    assert _where(Context(ASSESSMENTS["full"], "zh"), ["cell-1", "office"], 2) == "\n区域：受评的 2 个区域"
    assert _where(Context(ASSESSMENTS["full"], "en"), ["cell-1"], 2).startswith("\nZone: ")
    assert _where(Context(ASSESSMENTS["full"], "en"), [], 2) == ""


def test_what_only_an_answer_told_is_proven_by_an_answer():
    given = ASSESSMENTS["full"]
    finding = next(f for f in given.findings if f.remediation and f.remediation.verification_check)
    told = dataclasses.replace(finding, evidence=(fake.answered("Q-BLD-05"),))
    assert "Answer the questions above again, with proof" in plain_text(
        build(dataclasses.replace(given, findings=(told,)), "en")
    )
    seen = dataclasses.replace(finding, evidence=(fake.frames(1), fake.answered("Q-BLD-05")))
    assert "Answer the questions above" not in plain_text(build(dataclasses.replace(given, findings=(seen,)), "en"))
