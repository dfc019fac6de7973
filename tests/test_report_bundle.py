"""The evidence bundle."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from pathlib import Path

from fake_assessment import SHA1, full

from sentinel import resources
from sentinel.report import bundle
from sentinel.report.evidence import EvidenceIndex
from sentinel.report.hashtree import leaves, root

CAPTURE = resources.pcaps() / "plant-attack.pcapng"


def captures() -> list[dict]:
    """The rows of the case, as if the first capture of the fake assessment were one that comes with the project."""
    digest = hashlib.sha256(CAPTURE.read_bytes()).hexdigest()
    return [{"capture": 1, "path": str(CAPTURE), "sha256": digest}]


def test_the_index_names_every_line_and_the_root(tmp_path: Path) -> None:
    told = bundle.write(full(), captures(), tmp_path)
    index = json.loads((tmp_path / "evidence" / "index.json").read_text("utf-8"))
    assert index["root"] == root(hash_ for _, hash_ in leaves(full()))
    assert len(index["items"]) == told["items"] == len(EvidenceIndex(full()))
    for item in index["items"]:
        if item.get("file"):
            assert (tmp_path / item["file"]).is_file()
        elif "frames" in item:
            assert item["missing"]


def test_the_index_says_whose_clock_it_was_and_who_added_each_line(tmp_path: Path) -> None:
    base = full()
    site = dataclasses.replace(base.site, engagement={**base.site.engagement, "clock_offset": -1.5})
    bundle.write(dataclasses.replace(base, site=site), captures(), tmp_path)
    index = json.loads((tmp_path / "evidence" / "index.json").read_text("utf-8"))
    assert index["clock_offset_seconds"] == -1.5
    by = {item["kind"]: {other["added_by"] for other in index["items"] if other["kind"] == item["kind"]}
          for item in index["items"]}  # fmt: skip
    assert by["frames"] == {base.program}
    assert by["answer"] <= {answer.author for answer in base.site.answers.values()} and "answer" in by


def test_slices_and_reasons_make_up_all_frames(tmp_path: Path) -> None:
    told = bundle.write(full(), captures(), tmp_path)
    with_frames = [line for line in EvidenceIndex(full()) if line.evidence.frames]
    assert told["slices"] + len(told["missing"]) == len(with_frames)
    assert told["slices"] == len(list((tmp_path / "evidence").glob("*.pcapng")))
    assert any(line.evidence.sha256 == SHA1 for line in with_frames)


def test_the_seal_is_checked_by_sha256sum(tmp_path: Path) -> None:
    bundle.write(full(), captures(), tmp_path)
    (tmp_path / "报告.json").write_text("{}", "utf-8")
    manifest = bundle.seal(tmp_path)
    run = subprocess.run(["sha256sum", "--quiet", "-c", manifest.name], cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    (tmp_path / "报告.json").write_text("{ }", "utf-8")
    assert subprocess.run(["sha256sum", "--quiet", "-c", manifest.name], cwd=tmp_path, capture_output=True).returncode
