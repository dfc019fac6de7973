"""What the recorder stores, read back field by field as the file formats' drafts lay it out."""

import gzip
import struct

from sentinel.exercise.capture import Recording

FRAMES = [(1_700_000_000_123_456_789, b"\x01" * 60), (1_700_000_000_123_457_999, b"\x02" * 61)]


def test_pcap_has_microseconds_and_whole_frames(tmp_path):
    path = tmp_path / "a.pcap"
    Recording(list(FRAMES)).write(path, "unused")
    data = path.read_bytes()
    assert struct.unpack_from("<IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    assert struct.unpack_from("<IIII", data, 24) == (1_700_000_000, 123_456, 60, 60)
    assert data[40:100] == b"\x01" * 60
    assert struct.unpack_from("<IIII", data, 100) == (1_700_000_000, 123_457, 61, 61)
    assert len(data) == 24 + 16 + 60 + 16 + 61


def test_pcapng_blocks_close_with_their_length_and_count_what_was_lost(tmp_path):
    path = tmp_path / "a.pcapng"
    Recording(list(FRAMES), dropped=3).write(path, "说明")
    data, kinds, at = path.read_bytes(), [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        kinds.append(kind)
        if kind == 6:
            high, low, caught = struct.unpack_from("<III", data, at + 12)
            assert (high << 32 | low, caught) == (FRAMES[kinds.count(6) - 1][0], len(FRAMES[kinds.count(6) - 1][1]))
        at += length
    assert kinds == [0x0A0D0D0A, 1, 6, 6, 5]
    assert "说明".encode() in data
    assert struct.pack("<HHQ", 5, 8, 3) in data


def test_an_empty_recording_is_a_readable_file(tmp_path):
    Recording().write(tmp_path / "a.pcapng", "")
    Recording().write(tmp_path / "a.pcap", "")
    assert (tmp_path / "a.pcap").stat().st_size == 24


def test_a_compressed_capture_is_the_same_each_time(tmp_path):
    for name in ("a.pcap", "a.pcap.gz", "b.pcap.gz"):
        Recording(list(FRAMES)).write(tmp_path / name, "unused")
    compressed = (tmp_path / "a.pcap.gz").read_bytes()
    assert gzip.decompress(compressed) == (tmp_path / "a.pcap").read_bytes()
    assert compressed == (tmp_path / "b.pcap.gz").read_bytes()
