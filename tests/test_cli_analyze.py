"""`sentinel analyze`: the page, the JSON object, the exit codes, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace

import fake_case
import pytest
from click.testing import CliRunner, Result
from waiting import PATIENCE

from sentinel.cli import _analysis, _coverage, _format, _summary, main
from sentinel.cli._settings import Settings
from sentinel.rules.load import shipped
from sentinel.store.case import Case

EN = Settings("en")
SUMMARY_KEYS = {
    "frames", "bytes", "seconds", "flows", "messages", "points", "facts", "assets", "alerts", "faults", "gaps",
    "duplicates", "unread",
}  # fmt: skip


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "plant.pcapng"
    path.write_bytes(b"")
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["--lang", "en", "analyze", *arguments], prog_name="sentinel")


def test_page_says_what_a_newcomer_wants_to_know(monkeypatch, capture):
    fake_case.install(monkeypatch)
    result = run(capture, "--case", "acme")
    assert result.exit_code == 0 and result.stderr == ""
    for text in (
        "1 min 30 s", "2024-03-01 08:00:00 – 08:01:30 UTC", "420 frames", "! 2 gaps", "✓ no frame cut",
        "! 12 copies dropped", "1 flow one-sided", "Schneider Electric BMX P34 2020", "firmware v2.1", "└ unit 0",
        "modbus (answers)", "100 %", "payload of both sides", "port only: dnp3", "2 alerts: 1 critical, 1 low",
        "Output written by a new host", "10.0.0.66 → 10.0.0.10 unit 1 · 3 times", "frames 4, 5,",
        "10.0.0.66 wrote register 5.", "➜ Ask who did it.",
        "T0855 Unauthorized Command Message", "Gaps in streams: 2 (4.1 kB).",
        "sentinel evidence 3fa9c1 --case acme -o 3fa9c1.pcapng", "sentinel explain plant.pcapng 4",
    ):  # fmt: skip
        assert text in result.output, text
    assert result.output.index("CRITICAL") < result.output.index("LOW")


def test_page_in_chinese(monkeypatch, capture):
    fake_case.install(monkeypatch)
    monkeypatch.setattr(_summary, "technique_names", lambda ids, lang: [(i, lang) for i in ids])
    output = CliRunner().invoke(main.cli, ["--lang", "zh", "analyze", capture, "-c", "acme"]).output
    for text in ("抓到了什么", "新主机写输出", "10.0.0.66 写了寄存器 5。", "1 分 30 秒", "严重", "T0855 zh"):
        assert text in output, text
    assert "WHAT WAS CAPTURED" not in output


def test_text_from_the_wire_is_never_markup(monkeypatch, capture):
    fake_case.install(monkeypatch)
    assert "[bold]HMI-1" in run(capture, "--case", "acme").output


def test_commands_to_copy_stand_on_one_line(monkeypatch, capture):
    fake_case.install(monkeypatch)
    folder = "case with a long name/" + "x" * 120
    lines = run(capture, "--case", folder).output.splitlines()
    assert any(
        line.strip().startswith("sentinel evidence 3fa9c1 --case 'case with") and "-o 3fa9c1" in line for line in lines
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_page_fits_the_width(monkeypatch, capture, columns):
    fake_case.install(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run(capture, "--case", "acme").output.splitlines()
    assert max(len(line) for line in lines if "sentinel " not in line) <= min(columns, 110)


def test_page_of_an_empty_case(monkeypatch, capture):
    fake_case.install(
        monkeypatch, frames=0, messages={}, protocols=[], gaps=0, unread={}, duplicates=0,
        captures=[fake_case.capture(frames=0, first_time=None, last_time=None)],
    )  # fmt: skip
    monkeypatch.setattr(fake_case, "ROWS", {name: [] for name in fake_case.ROWS})
    result = run(capture, "--case", "acme")
    assert result.exit_code == 0
    for text in ("No device was seen.", "No rule fired.", "Nothing that carries", "0 alerts"):
        assert text in result.output, text


def test_page_names_files_and_what_is_known(monkeypatch, capture):
    captures = [
        fake_case.capture(path="new.pcap", cut=7),
        fake_case.capture(path="x/old.pcap", known=True),
        fake_case.capture(path="x/new.pcap.gz", copy_of="new.pcap", cut=7),
    ]
    fake_case.install(monkeypatch, captures=captures)
    output = run(capture, "--case", "acme").output
    assert "old.pcap" in output and "already in the case" in output
    assert "new.pcap.gz" in output and "a copy of new.pcap" in output
    assert "7 frames cut" in output and "14" not in output


def test_page_says_that_the_case_holds_more(monkeypatch, capture):
    fake_case.install(monkeypatch)
    rows = fake_case.ROWS["captures"]
    monkeypatch.setitem(fake_case.ROWS, "captures", rows + [{**rows[0], "capture": 2}])
    assert "The case holds 2 captures" in run(capture, "--case", "acme").output


def test_page_cuts_long_lists(monkeypatch, capture):
    fake_case.install(monkeypatch)
    alerts = [fake_case.alert(f"{n:04x}" + "0" * 12, rule=f"r{n}", severity="low", title_en="Same") for n in range(20)]
    monkeypatch.setitem(fake_case.ROWS, "alerts", alerts)
    output = run(capture, "--case", "acme").output
    assert "… and 8 more: sentinel show alerts --case acme" in output
    assert output.count("Same") == 12


def test_alerts_of_one_rule_stand_together(monkeypatch, capture):
    fake_case.install(monkeypatch)
    alerts = [
        fake_case.alert(f"{n:04x}" + "0" * 12, rule="r", severity="low", title_en="Same", dst=f"10.0.0.{n}")
        for n in range(9)
    ]
    monkeypatch.setitem(fake_case.ROWS, "alerts", alerts)
    output = run(capture, "--case", "acme").output
    assert output.count("Same") == 1 and "9 alerts: 9 low" in output
    assert "also 10.0.0.66 → 10.0.0.3" in output and "→ 10.0.0.4" not in output
    assert "also 5 more between other addresses" in output


def test_json_is_one_object_and_nothing_else(monkeypatch, capture):
    fake_case.install(monkeypatch)
    result = run(capture, "--case", "acme", "--json")
    assert result.exit_code == 0 and result.stderr == ""
    assert json.loads(result.stdout).keys() >= SUMMARY_KEYS


def test_json_opens_no_case(monkeypatch, capture):
    fake_case.install(monkeypatch)
    monkeypatch.setattr(fake_case.Case, "open", None)
    assert run(capture, "--case", "acme", "--json").exit_code == 0


def test_quiet_prints_nothing(monkeypatch, capture):
    fake_case.install(monkeypatch)
    result = run(capture, "--case", "acme", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert CliRunner().invoke(main.cli, ["-q", "analyze", capture, "-c", "acme"]).output == ""


def test_what_the_pipeline_is_asked(monkeypatch, capture, tmp_path):
    pipeline = fake_case.install(monkeypatch)
    rule = (shipped() / "s7comm" / "s7comm_plc_stop.yml").read_text(encoding="utf-8")
    rule = rule.replace("name: s7comm_plc_stop", "name: own")
    (tmp_path / "own.yml").write_text(re.sub(r"^id: .*", f"id: {uuid.uuid4()}", rule, flags=re.M), encoding="utf-8")
    assert run(capture, "-", "--case", "acme", "--rules", str(tmp_path), "--json").exit_code == 0
    (asked,) = pipeline.asked
    assert asked["paths"] == [Path(capture), "-"]
    assert (asked["case"], asked["rules"], asked["progress"]) == (Path("acme"), [tmp_path], None)
    assert not asked["stop"].is_set()


@pytest.mark.parametrize(("content", "said"), [(None, "no rule (*.yml) in"), ("no rule", "own.yml:1: ")])
def test_rules_that_are_none_end_before_anything_is_done(monkeypatch, capture, tmp_path, content, said):
    pipeline = fake_case.install(monkeypatch)
    if content is not None:
        (tmp_path / "own.yml").write_text(content)
    result = run(capture, "--case", "acme", "--rules", str(tmp_path))
    assert result.exit_code == 8 and said in result.stderr
    assert pipeline.asked == []


def test_names_of_files_send_nothing_to_the_terminal(monkeypatch, tmp_path):
    fake_case.install(monkeypatch)
    odd = tmp_path / "a\x1b[31m.pcap"
    odd.write_bytes(b"")
    captures = [fake_case.capture(path=str(odd), fault="cut off")]
    monkeypatch.setattr(
        sys.modules["sentinel.pipeline"], "analyze", lambda *_, **__: fake_case.summary(captures=captures)
    )
    result = run(str(odd), "--case", str(tmp_path / "c\x1b]0;x"))
    assert "a?[31m.pcap" in result.stdout and "a?[31m.pcap" in result.stderr
    assert "\x1b" not in result.output


def test_a_pipe_is_no_path(monkeypatch, tmp_path):
    fake_case.install(monkeypatch)
    os.mkfifo(tmp_path / "pipe")
    result = run(str(tmp_path / "pipe"), "--case", "acme")
    assert result.exit_code == 3 and "standard input" in result.stderr


def test_no_rules_means_the_shipped_ones(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)
    run(capture, "--case", "acme", "--json")
    assert pipeline.asked[0]["rules"] is None


def test_case_of_the_environment(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)
    monkeypatch.setenv("SENTINEL_CASE", "from-environment")
    run(capture, "--json")
    assert pipeline.asked[0]["case"] == Path("from-environment")


@pytest.mark.parametrize("how", ["--json", "--quiet"])
def test_a_faulty_capture_ends_with_5_and_names_it(monkeypatch, capture, how):
    fault = "the file ends inside a record, at byte 120"
    fake_case.install(monkeypatch, captures=[fake_case.capture(state="faulty", fault=fault)])
    result = run(capture, "--case", "acme", how)
    assert result.exit_code == 5
    assert result.stderr == f"sentinel: plant.pcapng: {fault}\n"


def test_nothing_but_faults_ends_with_3(monkeypatch, capture):
    broken = fake_case.capture(state="faulty", fault="not a capture", frames=0)
    fake_case.install(monkeypatch, captures=[broken, broken])
    assert run(capture, "--case", "acme", "--json").exit_code == 3
    fake_case.install(monkeypatch, captures=[broken, fake_case.capture()])
    assert run(capture, "--case", "acme", "--json").exit_code == 5


def test_captures_behind_an_interruption_are_counted(monkeypatch, capture):
    waiting = {"path": "later.pcap", "sha256": "", "state": "not read", "known": False, "fault": None}
    fake_case.install(monkeypatch, interrupted=True, captures=[fake_case.capture(), waiting])
    assert "Captures that were not begun: 1." in run(capture, "--case", "acme").output


def test_an_interrupted_run_ends_with_130_and_shows_what_it_has(monkeypatch, capture):
    fake_case.install(monkeypatch, interrupted=True)
    result = run(capture, "--case", "acme")
    assert result.exit_code == 130
    assert "Interrupted: this is what was read until then." in result.output


def test_the_first_interrupt_only_asks_to_stop(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch, interrupted=True)
    answer = pipeline.analyze

    def analyze(paths, case, **options):
        os.kill(os.getpid(), signal.SIGINT)
        assert options["stop"].wait(PATIENCE)
        return answer(paths, case, **options)

    monkeypatch.setattr(pipeline, "analyze", analyze)
    before = signal.getsignal(signal.SIGINT)
    assert run(capture, "--case", "acme", "--quiet").exit_code == 130
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt_stops_at_once(monkeypatch, capture):
    pipeline = fake_case.install(monkeypatch)

    def analyze(paths, case, **options):
        os.kill(os.getpid(), signal.SIGINT)
        assert options["stop"].wait(PATIENCE)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(PATIENCE)
        raise AssertionError("not interrupted")

    monkeypatch.setattr(pipeline, "analyze", analyze)
    result = run(capture, "--case", "acme", "--quiet")
    assert result.exit_code == 130 and "interrupted" in result.stderr


def test_missing_path_is_an_input_error(monkeypatch):
    fake_case.install(monkeypatch)
    result = run("no/such.pcap", "--case", "acme")
    assert (result.exit_code, result.stderr) == (3, "sentinel: no/such.pcap: no such file or folder\n")


@pytest.mark.parametrize("arguments", [(), ("x.pcap",), ("--case", "acme")])
def test_missing_arguments_are_usage_errors(arguments):
    assert run(*arguments).exit_code == 2


def test_the_same_path_twice_is_a_usage_error(monkeypatch, capture):
    fake_case.install(monkeypatch)
    assert run(capture, capture, "--case", "acme").exit_code == 2


# -- helpers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"), (1_500_000, "0.002 s"), (2_500_000_000, "2.5 s"), (59_400_000_000, "59 s"),
        (90_000_000_000, "1 min 30 s"), (3_600_000_000_000, "1 h 0 min"), (172_800_000_000_000, "2 d 0 h"),
    ],
)  # fmt: skip
def test_durations(nanoseconds, text):
    assert _format.duration(nanoseconds, EN) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (5e15, "5,000.0 TB")]
)
def test_sizes(count, text):
    assert _format.size(count) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (1, 10_000, "< 0.1 %"), (3, 100, "3.0 %"), (1, 1, "100 %")],
)
def test_shares(part, whole, text):
    assert _format.share(part, whole) == text


def test_times():
    start = fake_case.START
    assert _format.moment(None) == ""
    assert _format.moment(0) == "1970-01-01 00:00:00"
    assert _format.moment(2**63 - 1) == "2262-04-11 23:47:16"
    assert _format.span(start, start + 5) == "2024-03-01 08:00:00"
    assert _format.span(start, start + 86_400 * _format.SECOND) == "2024-03-01 08:00:00 – 2024-03-02 08:00:00"


@pytest.mark.parametrize(
    ("ids", "n"), [([], 6), (["abcdefgh"], 6), (["abcdefgh", "abcdefxx"], 7), (["same-one", "same-one"], 6)]
)
def test_shortest_beginnings_that_differ(ids, n):
    assert _format.shortest(ids) == n


def test_bars_never_hide_what_is_there():
    assert _summary._bar(0, 10) == ""
    assert _summary._bar(1, 10**9) == "▏"
    assert _summary._bar(10, 10) == "█" * _summary.BAR


def test_coverage_says_only_what_applies():
    calm = fake_case.summary(gaps=0, unread={}, captures=[fake_case.capture()])
    assert len(_coverage.limits(calm, _coverage.FlowCounts(), EN)) == 2
    everything = _coverage.FlowCounts(9, 9, 1, 1, 1, 1, 9, 1, 1, 1)
    bad = fake_case.summary(captures=[fake_case.capture(cut=1, dropped=2)])
    said = _coverage.limits(bad, everything, EN)
    assert len(said) == 11 and "Frames that the capturing host says it lost: 2." in said


def test_flow_counts_of_an_empty_table(monkeypatch):
    monkeypatch.setitem(fake_case.ROWS, "flows", [])
    assert _coverage.flow_counts(fake_case.frame("flows").lazy()) == _coverage.FlowCounts()


def test_flow_counts():
    counts = _coverage.flow_counts(fake_case.frame("flows").lazy())
    assert counts == _coverage.FlowCounts(3, 3, 1, 1, 4100, 0, 6648, 1, 200, 0)


class Terminal(io.StringIO):
    """A stream that says that a person looks at it."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with _analysis._progress(EN, wanted=True) as report:
        assert report is not None
        for path, done, total in (("a.pcap", 10, 100), ("a.pcap", 100, 100), ("[red]b.pcap", 5, None)):
            report(SimpleNamespace(path=path, bytes_done=done, bytes_total=total, frames=7, messages=3, alerts=1))
    assert "a.pcap" in stream.getvalue() and "[red]b.pcap" in stream.getvalue()
    assert "7 frames  3 messages  1 alerts" in stream.getvalue()


def test_no_progress_where_nobody_looks(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with _analysis._progress(EN, wanted=True) as report:
        assert report is None


def test_outside_the_main_thread_ctrl_c_is_left_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with _analysis._stops_on_interrupt(threading.Event(), EN):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scratch", "x"], "--scratch goes with --jobs or --cluster"),
        (["--jobs", "2", "--cluster", "dask://127.0.0.1:9"], "give either --jobs or --cluster"),
        (["--cluster", "http://127.0.0.1:9"], "give the scheduler as dask://host:port"),
        (["--jobs", "0"], "0 is not in the range"),
    ],
)
def test_processes_that_make_no_sense_are_said_before_anything_starts(tmp_path, capture, arguments, sentence):
    result = run(capture, "--case", str(tmp_path / "case"), *arguments)
    assert result.exit_code == 2 and sentence in result.stderr
    assert not (tmp_path / "case").exists()


def test_standard_input_is_read_by_one_process(tmp_path):
    result = run("-", "--case", str(tmp_path / "case"), "--jobs", "2")
    assert result.exit_code == 2 and "standard input cannot be read by several processes" in result.stderr


def test_several_processes_from_the_command_line(tmp_path):
    pytest.importorskip("distributed")
    source = Path(__file__).parents[1] / "pcaps/s7-normal.pcap"
    result = run(str(source), "--case", str(tmp_path / "case"), "--jobs", "2", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["captures"][0]["state"] == "complete"


def test_a_name_that_is_no_utf8_is_a_name(tmp_path):
    """It is stored and printed with its bytes spelt out, and evidence finds the file again."""
    source = Path(__file__).parents[1] / "pcaps/s7-attack.pcap"
    capture = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\x1b[31m.pcap"))
    capture.write_bytes(source.read_bytes())
    result = run(str(tmp_path), "--case", str(tmp_path / "case"), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["captures"][0]["path"].endswith("/bad\\udcff\x1b[31m.pcap")
    shown = CliRunner().invoke(main.cli, ["show", "captures", "--case", str(tmp_path / "case")])
    assert "bad\\udcff?[31m.pcap" in shown.stdout and "\x1b" not in shown.stdout
    with Case.open(tmp_path / "case", "read") as case:
        alert = case.scan("alerts").collect()["alert"][0]
    out = tmp_path / "evidence.pcapng"
    cut = CliRunner().invoke(main.cli, ["evidence", alert, "--case", str(tmp_path / "case"), "-o", str(out)])
    assert cut.exit_code == 0 and out.stat().st_size > 100
