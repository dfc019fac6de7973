"""From a capture and a filled questionnaire to everything that is handed over, in both languages, and back to frames.

The plant is the testbed's, with its invented client; the others are real captures, interviewed with the workbook that
the program writes. LibreOffice and Chromium open the files where they are installed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from proof_page import Page, colours, contrast
from waiting import PATIENCE

from sentinel import pipeline, resources
from sentinel.assess import example, snapshot
from sentinel.assess.model import Assessment, Evidence, Outcome
from sentinel.assess.questions import TOPICS, questions
from sentinel.cli import main
from sentinel.errors import AssessmentError
from sentinel.exercise.engineer import PASSWORD
from sentinel.store.case import Case

docx = pytest.importorskip("docx")
openpyxl = pytest.importorskip("openpyxl")
typst = pytest.importorskip("typst")

SOURCES = {
    "plant": "",
    "s7": "s7comm/qut2017__20161215185429.ChangeLowerThreshold.master.pcap",
    "modbus": "modbus/lemay__CnC_uploading_exe_modbus_6RTU_with_operate.pcap",
    "dnp3": "dnp3/iti__cold_restart_and_response.pcap",
}
"""Shared captures: an attacker's writes to a controller, the way in of an intruder, a cold restart."""
SPEAKS = {"plant": {"modbus", "s7comm", "dnp3"}, "s7": {"s7comm"}, "modbus": {"modbus"}, "dnp3": {"dnp3"}}
only_the_plant = pytest.mark.parametrize("made", ["plant"], indirect=True)
"""What is the same in every report is looked at once."""
TSHARK = {"modbus": "mbtcp || modbus", "s7comm": "s7comm", "dnp3": "dnp3"}
FILES = (
    "assessment.json", "oscal.json", *(f"{name}_{lang}.{suffix}" for lang in ("zh", "en") for name, suffix in
    (("report", "docx"), ("report", "html"), ("workbook", "xlsx"), ("navigator", "json"))), "MANIFEST.sha256",
    "evidence/index.json",
)  # fmt: skip
HAS_FONT = any("CJK" in name or name == "SimSun" for name in typst.Fonts().families())
EMPTY = re.compile(
    r"\bNone\b|\bnan\b|\bNaN\b|\{\w*\}|\bTODO\b|\bundefined\b|Text\(|<Outcome|\[\]|，，|。。|, ,|\( ?\)|（）"
)
"""Traces of a value that was not there when a sentence was made."""


@dataclass(frozen=True, slots=True)
class Made:
    """One capture, its case, and what was written about it."""

    name: str
    capture: Path
    case: Path
    out: Path
    assessment: Assessment

    def page(self, lang: str) -> Page:
        """The report as HTML."""
        return Page((self.out / f"report_{lang}.html").read_text(encoding="utf-8"))


def run(*arguments: object) -> str:
    """What a command printed; it must end well."""
    result = CliRunner().invoke(main.cli, [str(a) for a in arguments], prog_name="sentinel")
    assert result.exit_code == 0, result.output + result.stderr
    return result.stdout


def interview(case: Path, book: Path) -> int:
    """Fill the workbook of questions as a consultant does, and import it. Returns how many were answered."""
    run("questions", "export", book, "--case", case)
    opened = openpyxl.load_workbook(book)
    asked = questions()
    answered = 0
    for page in (p for p in opened if p.title.partition(" ")[0] in TOPICS):
        columns = {cell.value: cell.column for cell in page[1]}
        for line in range(2, page.max_row + 1):
            question = asked.get(str(page.cell(line, columns["ID"]).value))
            if question is None or question.type != "single":
                continue
            options = [text.en for code, text in question.options if code not in ("na", "unknown")]
            page.cell(line, columns["Answer"]).value = options[answered % len(options)]
            page.cell(line, columns["State"]).value = ("stated", "documented", "verified")[answered % 3]
            page.cell(line, columns["Answered by"]).value = "Li Na"
            answered += 1
    opened.save(book)
    run("--lang", "en", "questions", "import", book, "--case", case)
    return answered


@pytest.fixture(scope="session")
def done() -> dict[str, Made]:
    """What was made so far: a report is written once, however pytest orders the tests."""
    return {}


@pytest.fixture(params=SOURCES)
def made(request: pytest.FixtureRequest, done: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One of the sources, with its report."""
    name = request.param
    if name not in done:
        done[name] = make(name, tmp_path_factory.mktemp(f"proof-{name}"), request)
    return done[name]


def make(name: str, folder: Path, request: pytest.FixtureRequest) -> Made:
    """Analyse, interview, assess and report."""
    case, out = folder / "case", folder / "report"
    if SOURCES[name]:
        capture = request.getfixturevalue("captures") / SOURCES[name]
        if not capture.is_file():
            pytest.skip(f"{SOURCES[name]} is not among the shared captures")
        pipeline.analyze([capture], case)
        assert interview(case, folder / "interview.xlsx") > 60
    else:
        capture = resources.pcaps() / "plant-attack.pcapng"
        pipeline.analyze([capture], case)
        with Case.open(case) as opened:
            example.take_in(opened, example.folder_of("plant-attack"))
    formats = "docx,html,xlsx,json,oscal,navigator,vex" + (",pdf" if HAS_FONT and name == "plant" else "")
    run("report", "--case", case, "-o", out, "--format", formats)
    return Made(name, capture, case, out, snapshot.load((out / "assessment.json").read_bytes()))


@pytest.fixture(params=["zh", "en"])
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_everything_is_there_and_sealed(made: Made) -> None:
    names = {p.relative_to(made.out).as_posix() for p in made.out.rglob("*") if p.is_file()}
    assert set(FILES) <= names
    assert not HAS_FONT or made.name != "plant" or {"report_zh.pdf", "report_en.pdf"} <= names
    sealed = dict(reversed(line.split("  ", 1)) for line in (made.out / "MANIFEST.sha256").read_text().splitlines())
    assert sealed.keys() == names - {"MANIFEST.sha256"}
    assert all(hashlib.sha256((made.out / name).read_bytes()).hexdigest() == digest for name, digest in sealed.items())


# --- each verdict leads to packets or an answer ----------------------------------------------------------------------


def frames_of(protocols: set[str], capture: Path) -> dict[str, set[int]]:
    """Protocol -> the frames in which tshark (where it is installed) or our reader finds it."""
    if shutil.which("tshark") is None:
        found: dict[str, set[int]] = {}
        for batch in pipeline.dissect(capture):
            for protocol, frame in batch["messages"].select("protocol", "frame").iter_rows():
                found.setdefault(str(protocol), set()).add(frame)
        return found
    command = ["tshark", "-r", str(capture), "-T", "fields", "-e", "frame.number", "-Y"]
    return {
        name: set(map(int, subprocess.run([*command, TSHARK[name]], capture_output=True, text=True).stdout.split()))
        for name in protocols
    }


def cited(assessment: Assessment) -> Iterator[tuple[str, Evidence]]:
    """What is claimed, and each piece that it rests on."""
    for result in assessment.controls:
        yield from ((f"{result.framework} {result.control} {result.scope}", piece) for piece in result.evidence)
    for finding in assessment.findings:
        yield from ((finding.number, piece) for piece in finding.evidence)


def test_what_is_disproved_or_proved_has_evidence(made: Made) -> None:
    wanted = (Outcome.VIOLATED, Outcome.CONTRADICTED, Outcome.CONFIRMED)
    bare = [f"{r.framework} {r.control}" for r in made.assessment.controls if r.outcome in wanted and not r.evidence]
    assert bare == []
    assert all(r.reasons for r in made.assessment.controls)


def test_evidence_leads_to_frames_of_the_capture_or_to_an_answer(made: Made) -> None:
    digest = hashlib.sha256(made.capture.read_bytes()).hexdigest()
    (row,) = made.assessment.captures
    answers, kinds = made.assessment.site.answers, set()
    for claim, piece in cited(made.assessment):
        kinds.add(piece.kind)
        if piece.frames:
            assert piece.sha256 == digest and 1 <= min(piece.frames) <= max(piece.frames) <= row["frames"], claim
        elif piece.kind == "answer":
            assert answers[piece.ref].value is not None and answers[piece.ref].author, claim
        else:
            assert piece.kind in ("record", "coverage"), claim
    assert {"frames", "answer"} <= kinds


@dataclass(frozen=True, slots=True)
class Packet:
    """What tshark says of a frame: time, addresses of both ends in any layer, and the ports."""

    time: int
    src: frozenset[str]
    dst: frozenset[str]
    ports: tuple[str, str]


ENDS = ("eth.src eth.dst ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport udp.srcport udp.dstport").split()


def packets_of(capture: Path) -> dict[int, Packet]:
    """Every frame of a capture as tshark reads it: another program than the one whose claims are traced."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    fields = [word for name in ("frame.number", "frame.time_epoch", *ENDS) for word in ("-e", name)]
    command = ["tshark", "-r", str(capture), "-T", "fields", "-E", "occurrence=f", *fields]
    found = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        number, time, *ends = line.split("\t")
        seconds, _, fraction = time.partition(".")
        nanoseconds = int(seconds) * 10**9 + int(fraction[:9].ljust(9, "0"))
        src, dst = (frozenset(filter(None, ends[side:6:2])) for side in (0, 1))
        found[int(number)] = Packet(nanoseconds, src, dst, (ends[6] or ends[8], ends[7] or ends[9]))
    return found


def conversation(packet: Packet) -> frozenset[tuple[frozenset[str], str]]:
    """Both ends of a frame, whichever of them sent it."""
    return frozenset(((packet.src, packet.ports[0]), (packet.dst, packet.ports[1])))


def test_time_and_ends_of_every_cited_frame_are_those_of_the_frame(made: Made) -> None:
    packets, traced = packets_of(made.capture), {t.frame for t in made.assessment.traces}
    assert traced == {frame for _, piece in cited(made.assessment) for frame in piece.frames} | traced
    assert traced
    for trace in made.assessment.traces:
        packet = packets[trace.frame]
        assert trace.time == packet.time, trace
        there = ({trace.src}, {trace.dst}) if trace.src in packet.src else ({trace.dst}, {trace.src})
        assert there[0] <= packet.src and there[1] <= packet.dst, (trace, packet)
        if trace.src_port is not None:
            assert sorted(map(str, (trace.src_port, trace.dst_port))) == sorted(packet.ports), (trace, packet)


def test_the_cited_frames_hold_the_protocol_that_is_claimed(made: Made) -> None:
    frames, packets = frames_of(SPEAKS[made.name], made.capture), packets_of(made.capture)
    spoken = {name: {conversation(packets[frame]) for frame in holding} for name, holding in frames.items()}
    traced = 0
    for result in made.assessment.checks:
        for observation in result.observations:
            guessed = observation.values.get("proven") is False  # and the sentence says so
            if observation.protocol not in SPEAKS[made.name] or guessed:
                continue
            for piece in (p for p in observation.evidence if p.frames):
                place = (result.check, observation.subject, piece.frames)
                if piece.kind == "alert":
                    assert set(piece.frames) & frames[observation.protocol], place
                # a conversation is cited by its first and last frame: both belong to one that speaks the protocol
                talks = {conversation(packets[frame]) for frame in piece.frames}
                assert talks <= spoken[observation.protocol], place
                traced += 1
    assert traced
    for alert in made.assessment.alerts:
        if alert["protocol"] in frames:
            assert {frame for _, frame in json.loads(alert["evidence"])} & frames[alert["protocol"]], alert["name"]


def test_the_cited_frames_are_from_or_to_a_device_that_is_named(made: Made) -> None:
    packets, traced = packets_of(made.capture), 0
    addresses = {asset.id: {*asset.ips, *asset.macs} for asset in made.assessment.site.assets}
    for result in made.assessment.checks:
        for observation in result.observations:
            named = set().union(*(addresses.get(ident, set()) for ident in observation.assets))
            for frame in {frame for piece in observation.evidence for frame in piece.frames if named}:
                packet = packets[frame]
                assert named & (packet.src | packet.dst), (result.check, observation.subject, frame)
                traced += 1
    assert traced


def test_a_slice_holds_the_frames_of_its_number(made: Made) -> None:
    index = json.loads((made.out / "evidence/index.json").read_text(encoding="utf-8"))
    files = [row for row in index["items"] if "file" in row]
    assert files
    for row in files[:5]:
        data = (made.out / row["file"]).read_bytes()
        assert row["number"].encode() in data
        # enhanced packet blocks of a pcapng: at least one for each frame
        assert data.count(b"\x06\x00\x00\x00") >= len(row["frames"])


# --- both languages say the same, and nothing is empty ---------------------------------------------------------------


def test_both_languages_have_the_same_shape_and_numbers(made: Made) -> None:
    zh, en = made.page("zh"), made.page("en")
    assert zh.headings == en.headings
    for tag in ("table", "figure", "tr", "td", "th"):
        assert len(zh.all(tag)) == len(en.all(tag)), tag
    texts = zh.text(), en.text()
    for risk in made.assessment.risks:
        assert all(risk.number in text and risk.score in text for text in texts)
    for finding in made.assessment.findings:
        assert finding.title.zh in texts[0] and finding.title.en in texts[1]
    scores = [re.findall(r"(?<![\d.])\d{1,2}\.\d\d(?!\.?\d)", text) for text in texts]
    assert sorted(scores[0]) == sorted(scores[1])


def test_no_sentence_has_a_hole(made: Made, lang: str) -> None:
    page = made.page(lang)
    assert EMPTY.findall(page.text()) == []
    document = docx.Document(io.BytesIO((made.out / f"report_{lang}.docx").read_bytes()))
    words = " ".join(p.text for p in document.paragraphs)
    assert EMPTY.findall(words) == []


def test_the_english_report_is_english(made: Made) -> None:
    """Chinese stands only where the client or a standard is quoted."""
    text = made.page("en").text()
    own = [word for word in re.findall(r"[\u3400-\u9fff]+", text) if len(word) > 12]
    quoted = json.dumps(snapshot.content(made.assessment.site), ensure_ascii=False)
    quoted += json.dumps([snapshot.content(pack) for pack in made.assessment.packs], ensure_ascii=False)
    assert [word for word in own if word not in quoted] == []


@only_the_plant
def test_secrets_are_in_no_file(made: Made) -> None:
    secret = str(PASSWORD)
    for path in made.out.iterdir():
        if path.suffix in (".json", ".html"):
            assert secret not in path.read_text(encoding="utf-8"), path.name


# --- the formats open ------------------------------------------------------------------------------------------------


def test_word_opens_with_real_headings_and_captions(made: Made, lang: str) -> None:
    document = docx.Document(io.BytesIO((made.out / f"report_{lang}.docx").read_bytes()))
    styles = [p.style.name for p in document.paragraphs]
    assert sum(style.startswith("Heading 1") for style in styles) >= 8
    assert styles.count("Caption") >= len(document.tables) // 2
    section = document.sections[0]
    assert round(section.page_width.mm) == 210 and round(section.page_height.mm) == 297
    xml = document.element.xml
    assert "TOC \\o" in xml and "w:tblHeader" in xml and "<w:hyperlink w:anchor=" in xml
    assert "PAGEREF" in xml and "SEQ Table" in xml
    assert "w:updateFields" in document.settings.element.xml


def test_the_workbook_opens_with_filters_and_the_analyst_s_columns(made: Made) -> None:
    books = [openpyxl.load_workbook(made.out / f"workbook_{lang}.xlsx") for lang in ("zh", "en")]
    assert [page.max_row for page in books[0]] == [page.max_row for page in books[1]]
    for page in (p for book in books for p in book):
        assert page.auto_filter.ref and page.freeze_panes
        assert page.cell(1, page.max_column).value in ("分析员备注", "Analyst note")
        assert not any(cell.data_type == "f" for row in page for cell in row)


def test_the_page_is_whole_and_accessible(made: Made, lang: str) -> None:
    page = made.page(lang)
    assert page.unclosed == []
    assert page.all("html")[0]["lang"] == {"zh": "zh-CN", "en": "en"}[lang]
    loaded = [v for _, a in page.elements for k, v in a.items() if k in ("src", "href", "xlink:href", "action")]
    assert [value for value in loaded if not value.startswith(("#", "data:"))] == []
    assert "@import" not in page.style and "url(http" not in page.style
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert len(page.all("table")) and all(attributes.get("scope") for attributes in page.all("th"))
    assert all(attributes.get("alt") for attributes in page.all("img"))
    drawings = [a for a in page.all("svg") if a.get("aria-hidden") != "true"]
    assert drawings and all(
        a.get("role") == "img" and (a.get("aria-label") or a.get("aria-labelledby")) for a in drawings
    )
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    targets = {value[1:] for value in loaded if value.startswith("#")}
    assert targets <= set(names)


@only_the_plant
def test_colours_of_text_have_contrast(made: Made) -> None:
    pairs = colours(made.page("en").style)
    assert len(pairs) > 20
    poor = {selector: round(contrast(*pair), 2) for selector, *pair in pairs if contrast(*pair) < 4.5}
    assert poor == {}


@only_the_plant
def test_chromium_shows_it_without_an_error(made: Made, lang: str, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", "--enable-logging=stderr"]
    url = (made.out / f"report_{lang}.html").as_uri()
    done = subprocess.run([browser, *options, "--dump-dom", url], capture_output=True, text=True, timeout=5 * PATIENCE)
    assert done.returncode == 0 and "CONSOLE" not in done.stderr
    shown = Page(done.stdout)
    assert shown.headings == made.page(lang).headings
    # the script of the page ran: long tables have their search
    assert shown.all("input")


@only_the_plant
def test_libreoffice_opens_word_and_workbook(made: Made, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    files = [made.out / "report_zh.docx", made.out / "workbook_zh.xlsx"]
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), *map(str, files)]
    subprocess.run(command, capture_output=True, timeout=5 * PATIENCE, check=True)
    assert all((tmp_path / f"{path.stem}.pdf").stat().st_size > 50_000 for path in files)


# --- bad input costs itself alone ------------------------------------------------------------------------------------


def refused(*arguments: object) -> tuple[int, str]:
    """Exit code and what was said on standard error."""
    result = CliRunner().invoke(main.cli, [str(a) for a in arguments], prog_name="sentinel")
    return result.exit_code, result.stderr


@only_the_plant
def test_bad_input_is_named_and_the_rest_is_kept(made: Made, tmp_path: Path) -> None:
    case = made.case
    code, said = refused("assess", "--case", case, "--pack", "no-such-pack")
    assert code == 9 and "no-such-pack" in said and "cn-22239" in said
    broken = tmp_path / "client.docx"
    broken.write_bytes(b"PK\x03\x04 no archive")
    out = tmp_path / "out"
    options = ("--case", case, "-o", out, "--lang", "zh", "--no-evidence")
    code, said = refused("report", *options, "--template", broken, "--format", "docx,json,navigator")
    assert code == 9 and "client.docx" in said
    assert (out / "assessment.json").is_file() and (out / "navigator_zh.json").is_file()
    (out / "workbook_zh.xlsx").write_bytes(b"no workbook")
    code, said = refused("report", *options, "--format", "xlsx,json")
    assert code == 9 and "workbook" in said and (out / "workbook_zh.xlsx").read_bytes() == b"no workbook"
    (tmp_path / "interview.xlsx").write_bytes(b"no workbook either")
    code, said = refused("questions", "import", tmp_path / "interview.xlsx", "--case", case)
    assert code == 9 and "interview.xlsx" in said
    for text in ("zh", "en"):
        code, said = refused("--lang", text, "report", "--case", case, "-o", out, "--format", "odt")
        assert code == 2 and "odt" in said


WITHOUT_FONTS = """
for folder in /usr/share/fonts /usr/local/share/fonts; do
  if [ -d "$folder" ]; then mount -t tmpfs none "$folder" || exit 99; fi
done
exec "$@"
"""
"""What a shell in a mount namespace of its own does: the machine's fonts are gone for its children alone."""


def test_without_a_chinese_font_one_sentence_names_the_package(tmp_path: Path) -> None:
    alone = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.run([*alone, "true"]).returncode != 0:
        pytest.skip("no mount namespace of one's own: needs root and unshare")
    case, out = tmp_path / "case", tmp_path / "out"
    pipeline.analyze([resources.pcaps() / "dnp3-normal.pcap"], case)
    command = [sys.executable, "-m", "sentinel", "report", "--case", str(case), "-o", str(out), "--no-evidence"]
    # nobody's own fonts either: ~/.fonts and ~/.local/share/fonts lie under HOME
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "TYPST_FONT_PATHS": "", "SENTINEL_LANG": "en"}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **home}
    done = subprocess.run(
        [*alone, "sh", "-c", WITHOUT_FONTS, "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )
    if done.returncode == 99:
        pytest.skip("a tmpfs cannot be mounted here")
    assert done.returncode == AssessmentError.exit_code, done.stderr
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("sentinel:"))
    assert said.startswith("sentinel: report_zh.pdf, report_en.pdf: ") and "apt install fonts-noto-cjk" in said
    made = {path.name for path in out.iterdir()}
    assert {f"report_{lang}.{suffix}" for lang in ("zh", "en") for suffix in ("docx", "html")} <= made
    assert {"assessment.json", "oscal.json", "workbook_zh.xlsx", "workbook_en.xlsx", "MANIFEST.sha256"} <= made
    assert not any(name.endswith(".pdf") for name in made)


def test_a_case_without_a_client_gives_a_report_that_says_so(tmp_path: Path) -> None:
    case, out = tmp_path / "case", tmp_path / "out"
    pipeline.analyze([resources.pcaps() / "dnp3-normal.pcap"], case)
    run("report", "--case", case, "-o", out, "--format", "html,json", "--no-evidence")
    text = Page((out / "report_en.html").read_text(encoding="utf-8")).text()
    assert EMPTY.findall(text) == []
    assert "proposed" in text and "not answered" in text
