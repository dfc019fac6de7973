"""Many slices out of captures that are read once."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sentinel.store import slices
from sentinel.store.evidence import Frame, read_frames
from sentinel.store.slices import Cut, write_slices

FRAMES = [Frame(n, n * 1000, 1, 60, bytes([n]) * 60) for n in range(1, 8)]


def capture(tmp_path: Path) -> dict:
    path = tmp_path / "c.pcap"
    path.write_bytes(b"a capture")
    return {"capture": 1, "path": str(path), "sha256": hashlib.sha256(b"a capture").hexdigest()}


def test_each_slice_holds_its_frames(tmp_path: Path) -> None:
    cuts = [Cut("a", 1, (2, 5), tmp_path / "a.pcapng", "first"), Cut("b", 1, (5,), tmp_path / "b.pcapng", "second")]
    assert write_slices([capture(tmp_path)], cuts, frames=lambda _: iter(FRAMES)) == {}
    assert [f.data for f in read_frames(tmp_path / "a.pcapng")] == [FRAMES[1].data, FRAMES[4].data]
    assert [f.time_ns for f in read_frames(tmp_path / "b.pcapng")] == [5000]


def test_a_capture_is_read_once(tmp_path: Path) -> None:
    read = []

    def frames(path: Path):
        read.append(path)
        return iter(FRAMES)

    cuts = [Cut(str(n), 1, (n,), tmp_path / f"{n}.pcapng", "") for n in range(1, 6)]
    write_slices([capture(tmp_path)], cuts, frames=frames)
    assert len(read) == 1


def test_what_is_not_there_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    row = capture(tmp_path)
    cuts = [
        Cut("gone", 2, (1,), tmp_path / "gone.pcapng", ""),
        Cut("late", 1, (99,), tmp_path / "late.pcapng", ""),
        Cut("good", 1, (1,), tmp_path / "good.pcapng", ""),
    ]
    missing = write_slices([row], cuts, frames=lambda _: iter(FRAMES))
    assert set(missing) == {"gone", "late"}
    assert "no capture 2" in missing["gone"]
    assert "99" in missing["late"]
    assert (tmp_path / "good.pcapng").exists()
    assert not (tmp_path / "late.pcapng").exists()


def test_a_capture_that_changed_is_no_evidence(tmp_path: Path) -> None:
    row = capture(tmp_path) | {"sha256": "0" * 64}
    missing = write_slices([row], [Cut("a", 1, (1,), tmp_path / "a.pcapng", "")], frames=lambda _: iter(FRAMES))
    assert "has changed" in missing["a"]


def test_frames_are_rewritten_on_their_way(tmp_path: Path) -> None:
    cut = Cut("a", 1, (1,), tmp_path / "a.pcapng", "")
    blank = Frame._replace
    write_slices([capture(tmp_path)], [cut], (), lambda f: blank(f, data=b"x" * 60), lambda _: iter(FRAMES))
    assert [f.data for f in read_frames(tmp_path / "a.pcapng")] == [b"x" * 60]
    assert str(tmp_path).encode() not in (tmp_path / "a.pcapng").read_bytes()


def test_evidence_larger_than_the_cap_is_left_out_and_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(slices, "MAX_HELD", 100)
    cuts = [Cut("a", 1, (1,), tmp_path / "a.pcapng", ""), Cut("b", 1, (2,), tmp_path / "b.pcapng", "")]
    missing = write_slices([capture(tmp_path)], cuts, frames=lambda _: iter(FRAMES))
    assert set(missing) == {"b"}
    assert "too many bytes" in missing["b"]
