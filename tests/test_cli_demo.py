"""`sentinel demo`: which capture it takes, and where the case goes."""

from __future__ import annotations

from pathlib import Path

import fake_case
import pytest
from click.testing import CliRunner, Result

from sentinel import resources
from sentinel.cli import demo, main


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    for name in ("a-normal.pcap", "b-attack.pcapng", "b-attack.pcapng.labels.csv", "c.pcap.gz", "MANIFEST.tsv"):
        (tmp_path / name).touch()
    monkeypatch.setattr(resources, "pcaps", lambda: tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["--lang", "en", "demo", "--no-report", *arguments], prog_name="sentinel")


def test_an_attack_comes_first(monkeypatch, folder):
    pipeline = fake_case.install(monkeypatch)
    result = run()
    assert result.exit_code == 0 and "WHAT HAPPENED" in result.output
    (asked,) = pipeline.asked
    assert asked["paths"] == [folder / "b-attack.pcapng"]
    assert not asked["case"].exists() and str(asked["case"]) in result.output.replace("\n", "")


def test_a_capture_by_its_name_and_a_case_of_ones_own(monkeypatch, folder):
    pipeline = fake_case.install(monkeypatch)
    assert run("c", "--case", "mine").exit_code == 0
    assert pipeline.asked[0]["paths"] == [folder / "c.pcap.gz"] and pipeline.asked[0]["case"] == Path("mine")


def test_list(folder):
    assert run("--list").output.split() == ["b-attack.pcapng", "a-normal.pcap", "c.pcap.gz"]


def test_the_whole_plant_comes_before_everything(folder):
    (folder / f"{demo.FIRST}.pcapng").touch()
    assert list(demo.bundled()) == [demo.FIRST, "b-attack", "a-normal", "c"]


def test_unknown_name(monkeypatch, folder):
    fake_case.install(monkeypatch)
    result = run("zzz")
    assert result.exit_code == 3 and "b-attack" in result.stderr


def test_no_capture(monkeypatch, tmp_path):
    fake_case.install(monkeypatch)
    monkeypatch.setattr(resources, "pcaps", lambda: tmp_path)
    assert run().exit_code == 3


def test_quiet(monkeypatch, folder):
    fake_case.install(monkeypatch)
    assert CliRunner().invoke(main.cli, ["-q", "demo", "--no-report"]).output == ""


def test_a_capture_comes_with_the_program():
    assert "attack" in next(iter(demo.bundled()))


def test_the_report_is_written_beside_the_case_and_only_once(tmp_path):
    pytest.importorskip("docx")
    asked = ["--lang", "en", "demo", "--case", str(tmp_path / "case")]
    first = CliRunner().invoke(main.cli, asked, prog_name="sentinel")
    assert first.exit_code == 0, first.output
    made = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"report_zh.docx", "report_en.docx", "report_zh.html", "assessment.json", "MANIFEST.sha256"} <= made
    stamp = (tmp_path / "report" / "report_zh.docx").stat().st_mtime_ns
    second = CliRunner().invoke(main.cli, asked, prog_name="sentinel")
    assert second.exit_code == 0 and "already" in second.output
    assert (tmp_path / "report" / "report_zh.docx").stat().st_mtime_ns == stamp
