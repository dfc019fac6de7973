"""Segments: what is written is what is hashed, compressed and found again; the oldest go first."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import zstandard

from sentinel.errors import OutputError
from sentinel.sensor.segments import Segment, compressed, found_again, surplus


def test_a_segment_is_its_header_and_what_was_written(tmp_path: Path) -> None:
    segment = Segment(tmp_path / "segments", 7, b"head")
    segment.write(b"one")
    segment.write(memoryview(b"two"))
    kept = segment.end()
    assert kept is not None and kept.path.name.endswith("-000007.pcapng")
    data = kept.path.read_bytes()
    assert data == b"headonetwo" and kept.bytes == segment.bytes == len(data)
    assert kept.sha256 == kept.content_sha256 == hashlib.sha256(data).hexdigest()
    assert found_again(kept.path) == kept
    packed = compressed(kept)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed.path.read_bytes()) == data
    assert packed.sha256 == hashlib.sha256(packed.path.read_bytes()).hexdigest()
    assert (packed.content_sha256, packed.bytes) == (kept.sha256, packed.path.stat().st_size)
    assert kept.path.exists()  # whoever knows of the new one deletes it
    assert list(tmp_path.glob("**/*.tmp")) == []


def test_without_a_folder_only_the_bytes_are_counted() -> None:
    segment = Segment(None, 1, b"head")
    segment.write(b"more")
    assert (segment.bytes, segment.path, segment.end()) == (8, None, None)


def test_the_oldest_segments_go_and_the_one_that_grows_stays(tmp_path: Path) -> None:
    paths = [tmp_path / f"2026010{n}T000000Z-00000{n}.pcapng{'.zst' if n == 2 else ''}" for n in range(1, 5)]
    for path in paths:
        path.write_bytes(bytes(10))
    (tmp_path / "notes.txt").write_bytes(bytes(100))
    assert surplus(tmp_path, 40) == []
    assert surplus(tmp_path, 25) == paths[:2]
    assert surplus(tmp_path, 0, keep=paths[-1:]) == paths[:-1]


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Segment(tmp_path / "file", 1, b"")
    segment = Segment(tmp_path / "segments", 1, b"head")
    assert segment.path is not None
    os.close(segment._file.fileno())
    with pytest.raises(OutputError, match="cannot be written"):
        segment.write(b"more")
    segment.give_up()
    assert segment.path is None and list((tmp_path / "segments").iterdir()) == []
    segment.write(b"counted only")
    assert found_again(tmp_path / "gone.pcapng") is None


def test_what_the_compressor_renames_meanwhile_is_passed_over(tmp_path, monkeypatch):
    kept, gone = tmp_path / "a-000001.pcapng", tmp_path / "a-000002.pcapng.zst.tmp"
    kept.write_bytes(bytes(10))
    listed = [gone, kept]
    monkeypatch.setattr(Path, "glob", lambda folder, pattern: iter(listed))
    assert surplus(tmp_path, 100) == []
    assert surplus(tmp_path, 5) == [kept]
