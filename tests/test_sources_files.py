"""Stored captures: compressed and damaged, folders, standard input."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import sys
import zlib
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from frames import START, pcap, pcapng

from sentinel.errors import InputError
from sentinel.model import Fault
from sentinel.sources import files
from sentinel.wire.capture import CaptureReader

RECORDS = [(START + n, hashlib.sha512(bytes([n % 256, n >> 8])).digest() * 2) for n in range(1500)]
PCAP = pcap(RECORDS)
COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
    "bzip2": lambda data: bz2.compress(data, 1),
}
EVERY = pytest.mark.parametrize("name", COMPRESS)


def read(opened) -> tuple[CaptureReader, int]:
    """The reader at the end of a stream, and the number of frames."""
    reader = CaptureReader(opened)
    while reader.next():
        pass
    return reader, reader.frame


@pytest.fixture
def put(tmp_path):
    """Writes a file into an empty folder."""

    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("name", ["plain.pcap", "without-suffix"])
def test_plain(put, name) -> None:
    opened = files.open_capture(put(name, PCAP))
    with opened.stream as stream:
        assert read(stream)[1] == len(RECORDS)
        assert (opened.compression, opened.position()) == ("", len(PCAP))


@EVERY
def test_compressed_whatever_its_name(put, name) -> None:
    path = put("capture.pcap", COMPRESS[name](PCAP))
    assert files.is_capture(path)
    opened = files.open_capture(path)
    with opened.stream as stream:
        reader, count = read(stream)
    assert (opened.compression, count, reader.fault) == (name, len(RECORDS), 0)


@pytest.mark.parametrize("name", ["gzip", "zstd", "xz", "bzip2", "lz4"])
def test_compressed_files_that_were_concatenated(put, name) -> None:
    half = len(PCAP) // 2
    path = put("c.pcap", COMPRESS[name](PCAP[:half]) + COMPRESS[name](PCAP[half:]))
    with files.open_stream(path) as stream:
        assert read(stream)[1] == len(RECORDS)


@EVERY
def test_damaged_compression_is_a_fault(put, name) -> None:
    whole = COMPRESS[name](PCAP)
    half = len(whole) // 2
    for data in (whole[:half], whole[:-9], whole[:half] + b"\xff" * 64 + whole[half + 64 :]):
        with files.open_stream(put("c.pcap", data)) as stream:
            reader, _ = read(stream)
        assert reader.fault and reader.fault_detail


DECOMPRESS = {
    "gzip": lambda: zlib.decompressobj(31),
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "xz": lzma.LZMADecompressor,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "bzip2": bz2.BZ2Decompressor,
}


@pytest.mark.parametrize("name", list(COMPRESS))
def test_what_was_readable_before_the_damage_is_kept(put, name) -> None:
    half = COMPRESS[name](PCAP)[: len(COMPRESS[name](PCAP)) // 2]
    with files.open_stream(put("c.pcap", half)) as stream:
        assert read(stream)[1] == read(io.BytesIO(DECOMPRESS[name]().decompress(half)))[1]


def test_zstd_that_ends_early_at_the_end_of_a_record(put) -> None:
    feed = zstandard.ZstdCompressor().compressobj()
    data = feed.compress(pcap(RECORDS[:9])) + feed.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    with files.open_stream(put("c.pcap", data)) as stream:
        reader, count = read(stream)
    assert (count, reader.fault) == (9, Fault.FILE_TRUNCATED)


def test_bytes_that_only_look_compressed(put) -> None:
    for magic in (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"\x04\x22\x4d\x18", b"BZh"):
        path = put("c.pcap", magic + b"no such data")
        assert not files.is_capture(path)
        with files.open_stream(path) as stream:
            assert read(stream)[0].fault


def test_folder_tree_by_content(put, tmp_path) -> None:
    want = [put("b/deep/er/x.bin", PCAP), put("a.cap", pcapng(RECORDS)), put("c.gz", gzip.compress(PCAP))]
    put("notes.txt", b"no capture at all")
    # what is named as a capture is not passed over, whatever it holds: the analysis says what is wrong with it
    want += [put("empty.pcap", b""), put("short.PCAP", PCAP[:2])]
    assert files.find([tmp_path]) == sorted(want)
    assert files.find([tmp_path, want[0], tmp_path / "b"]) == sorted(want), "each once"


def test_files_are_taken_as_given(put) -> None:
    path = put("notes.txt", b"no capture")
    assert files.find([path, "-", path]) == [path, "-"]


def test_what_is_not_there(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        files.find([tmp_path / "absent"])
    with pytest.raises(InputError, match="no capture"):
        files.find([tmp_path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(put) -> None:
    path = put("c.pcap", PCAP)
    path.chmod(0)
    for act in (files.open_capture, files.sha256):
        with pytest.raises(InputError, match="permission"):
            act(path)


def test_a_folder_is_no_file(tmp_path) -> None:
    for act in (files.open_capture, files.sha256):
        with pytest.raises(InputError, match=str(tmp_path)):
            act(tmp_path)


def test_sha256_is_that_of_the_file_on_disk(put, monkeypatch) -> None:
    data = gzip.compress(PCAP)
    assert files.sha256(put("c.gz", data)) == hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(files, "_FILE_CHUNK", 7)
    assert files.sha256(put("c.gz", data)) == hashlib.sha256(data).hexdigest()
    assert files.sha256(put("empty", b"")) == hashlib.sha256(b"").hexdigest()


class Pipe:
    """Standard input: no seeking, few bytes at a time."""

    def __init__(self, data: bytes):
        self.buffer = self
        self._stream = io.BytesIO(data)

    def read(self, n: int = -1) -> bytes:
        return self._stream.read(min(n, 1000) if n >= 0 else n)


@pytest.mark.parametrize("name", ["", *COMPRESS])
def test_standard_input(monkeypatch, name) -> None:
    data = COMPRESS[name](PCAP) if name else PCAP
    monkeypatch.setattr(sys, "stdin", Pipe(data))
    stream, compression, hashing = files.open_stdin()
    assert (compression, read(stream)[1]) == (name, len(RECORDS))
    hashing.close()
    assert (hashing.hexdigest(), hashing.size) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize("data", [b"", b"\x0a", PCAP[:4]])
def test_standard_input_that_is_short(monkeypatch, data) -> None:
    monkeypatch.setattr(sys, "stdin", Pipe(data))
    stream, _, hashing = files.open_stdin()
    reader, count = read(stream)
    hashing.close()
    assert count == 0 and reader.fault and hashing.size == len(data)
