"""Evidence: the frames of an alert come out of the very capture that was analysed, with comments, for Wireshark."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_rows import T0, alert, frame

from sentinel.errors import InputError, NoSuchRow, OutputError
from sentinel.store import evidence
from sentinel.store.case import Case
from sentinel.store.evidence import FlowMatcher, Frame
from sentinel.wire.capture import CaptureReader

HMI, PLC, OTHER = "10.0.0.5", "10.0.0.9", "10.0.0.77"
MODBUS_STOP = bytes.fromhex("0001 0000 0006 01 08 0001 0000".replace(" ", ""))


def packet(
    src: str, dst: str, sport: int, dport: int, payload: bytes = b"", vlan: int | None = None, options: int = 0
) -> bytes:
    """Ethernet, IPv4 with `options` words of NOP options, TCP PSH/ACK; checksums left at zero."""
    tcp = struct.pack(">HHIIBBHHH", sport, dport, 1, 1, 0x50, 0x18, 8192, 0, 0) + payload
    head = struct.pack(">BBHHHBBH", 0x45 + options, 0, 20 + 4 * options + len(tcp), 1, 0x4000, 64, 6, 0)
    addresses = bytes(int(x) for a in (src, dst) for x in a.split("."))
    ip = head + addresses + b"\x01" * 4 * options + tcp
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return bytes.fromhex("0200000000090200000000 05".replace(" ", "")) + tag + b"\x08\x00" + ip


def write_pcap(path: Path, packets: list[bytes], start: int = 0) -> Path:
    body = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for k, data in enumerate(packets):
        seconds, ns = divmod(T0 + start + k * 1_000_001, 1_000_000_000)
        body += struct.pack("<IIII", seconds, ns, len(data), len(data) + 4) + data
    raw = gzip.compress(body) if path.suffix == ".gz" else body
    path.write_bytes(raw)
    return path


def frames(path: Path) -> Iterator[Frame]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        reader = CaptureReader(stream)
        while reader.next():
            yield Frame(reader.frame, reader.time, reader.link, reader.wire, reader.data())


def conversation(n: int) -> list[bytes]:
    """Frames 1..n: even ones of another flow, odd ones of the flow between HMI and PLC, both directions in turn."""
    found = []
    for k in range(1, n + 1):
        if k % 2 == 0:
            found.append(packet(OTHER, PLC, 40001, 502))
        elif k % 4 == 1:
            found.append(packet(HMI, PLC, 40000, 502, MODBUS_STOP))
        else:
            found.append(packet(PLC, HMI, 502, 40000, MODBUS_STOP))
    return found


def make_case(folder: Path, paths: list[Path], cited: list[tuple[int, int]], **message) -> Case:
    """A case with one alert `a1b2c3` about the flow between HMI and PLC in these captures."""
    case = Case.open(folder)
    rows = [{"sha256": hashlib.sha256(p.read_bytes()).hexdigest(), "path": str(p)} for p in paths]
    with case.begin_run(rows) as run:
        flow = {"client": HMI, "server": PLC, "client_port": 40000, "server_port": 502, "transport": "tcp"}
        run.write("flows", frame("flows", 1, flow=run.base, **flow))
        if message:
            run.write("messages", frame("messages", 1, flow=run.base, capture=1, **message))
        titles = {"title_en": "Controller stopped", "title_zh": "控制器已停止"}
        row = alert("a1b2c3", len(cited), cited, flows=[run.base], **titles)
        run.finish([{**c, "first_time": T0 + c["capture"]} for c in run.captures], [], [], [row], {})
    return case


def numbers(path: Path) -> list[int]:
    """Original frame numbers, as epb_packetid keeps them, read from the raw blocks."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        kind, length = struct.unpack_from("<II", data, place)
        if kind == 6:
            found.append(struct.unpack_from("<Q", data, data.index(b"\x05\x00\x08\x00", place + 28) + 4)[0])
        place += length
    return found


def test_the_frames_of_an_alert_and_nothing_else(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(40))
    out = tmp_path / "out.pcapng"
    with make_case(tmp_path / "case", [capture], [(1, 9), (1, 13)]) as case:
        done = evidence.slice(case, "a1b2c3", out, frames=frames)
    assert (done.frames, done.evidence, done.missing) == (2, 2, [])
    original = {f.number: f for f in frames(capture)}
    copied = list(frames(out))
    assert [f[1:] for f in copied] == [original[n][1:] for n in (9, 13)]
    assert numbers(out) == [9, 13]
    comments = [c.decode() if isinstance(c, bytes) else c for c in comments_of(out)]
    assert "Controller stopped / 控制器已停止" in comments[0]
    assert hashlib.sha256(capture.read_bytes()).hexdigest() in comments[0]
    assert comments[1].startswith("[high] Controller stopped")
    assert "frame 9 of capture 1, a.pcap" in comments[1]


def comments_of(path: Path) -> list[str]:
    with path.open("rb") as stream:
        reader = CaptureReader(stream)
        while reader.next():
            pass
        return list(reader.comments)


def test_a_capture_of_the_case_is_never_overwritten(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(10))
    copy, link, other = tmp_path / "copy.pcap", tmp_path / "link.pcap", tmp_path / "other.pcapng"
    shutil.copy(capture, copy)
    link.symlink_to(capture)
    other.write_bytes(b"an earlier slice")
    before = capture.read_bytes()
    with make_case(tmp_path / "case", [capture], [(1, 9)]) as case:
        for out in (capture, copy, link):
            with pytest.raises(OutputError, match="a capture of this case"):
                evidence.slice(case, "a1b2c3", out, frames=frames)
        for out in (tmp_path, Path("/dev/null")):
            with pytest.raises(OutputError, match="not an ordinary file"):
                evidence.slice(case, "a1b2c3", out, frames=frames)
        evidence.slice(case, "a1b2c3", other, frames=frames)
    assert capture.read_bytes() == copy.read_bytes() == before and link.is_symlink()
    assert numbers(other) == [9]


def test_context_is_of_the_same_flow_in_capture_order(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap.gz", conversation(40))
    out = tmp_path / "out.pcapng"
    with make_case(tmp_path / "case", [capture], [(1, 9), (1, 13)]) as case:
        done = evidence.slice(case, "a1b2", out, context=2, frames=frames)
    assert numbers(out) == [5, 7, 9, 11, 13, 15, 17]
    assert (done.frames, done.evidence) == (7, 2)
    assert len(comments_of(out)) == 3  # the section's, and one for each frame of evidence


def test_frames_that_began_a_cited_message_come_along(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(20))
    out = tmp_path / "out.pcapng"
    with make_case(tmp_path / "case", [capture], [(1, 13)], frame=13, first_frame=7) as case:
        evidence.slice(case, "a1b2c3", out, frames=frames)
    assert numbers(out) == [7, 9, 11, 13]


def test_evidence_over_rotated_files_and_a_capture_that_moved(tmp_path):
    first = write_pcap(tmp_path / "ring1.pcap", conversation(10))
    second = write_pcap(tmp_path / "ring2.pcap", conversation(12), start=10**9)
    out = tmp_path / "out.pcapng"
    with make_case(tmp_path / "case", [first, second], [(1, 9), (2, 1), (2, 99)]) as case:
        (tmp_path / "moved").mkdir()
        shutil.move(second, tmp_path / "moved")
        with pytest.raises(InputError, match=r"ring2\.pcap: the capture is no longer there"):
            evidence.slice(case, "a1b2c3", out, frames=frames)
        assert not out.exists()
        done = evidence.slice(case, "a1b2c3", out, look_in=[tmp_path / "moved"], frames=frames)
    assert numbers(out) == [9, 1]
    assert done.missing == [(2, 99)]


def test_a_changed_capture_gives_no_evidence(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(10))
    with make_case(tmp_path / "case", [capture], [(1, 9)]) as case:
        write_pcap(capture, conversation(11))
        with pytest.raises(InputError, match=r"a\.pcap: the file has changed since it was analysed"):
            evidence.slice(case, "a1b2c3", tmp_path / "out.pcapng", frames=frames)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.pcap", "case"]


def test_what_cannot_be_done_is_said(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(10))
    with make_case(tmp_path / "case", [capture], [(1, 9)]) as case:
        with pytest.raises(NoSuchRow, match="no alert zzz"):
            evidence.slice(case, "zzz", tmp_path / "out.pcapng", frames=frames)
        with pytest.raises(OutputError, match="cannot be written"):
            evidence.slice(case, "a1b2c3", tmp_path / "nowhere/out.pcapng", frames=frames)
        with case.begin_run([{"path": "-", "sha256": "f" * 64}]) as run:
            run.finish(run.captures, [], [], [alert("stdin", 1, [(2, 1)]), alert("silent", 1, [])], {})
        with pytest.raises(InputError, match="standard input"):
            evidence.slice(case, "stdin", tmp_path / "out.pcapng", frames=frames)
        with pytest.raises(InputError, match="cites no frames"):
            evidence.slice(case, "silent", tmp_path / "out.pcapng", frames=frames)


def test_stored_captures_are_read_by_the_sources(tmp_path):
    pytest.importorskip("sentinel.sources.files", reason="the reader of stored captures is not there yet")
    capture = write_pcap(tmp_path / "a.pcap.gz", conversation(10))
    with make_case(tmp_path / "case", [capture], [(1, 9)]) as case:
        assert evidence.slice(case, "a1b2c3", tmp_path / "out.pcapng").evidence == 1


FLOW = {"client": HMI, "server": PLC, "client_port": 40000, "server_port": 502}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (packet(HMI, PLC, 40000, 502), True),
        (packet(PLC, HMI, 502, 40000), True),
        (packet(HMI, PLC, 40000, 502, vlan=7), True),
        (packet(HMI, PLC, 40000, 502, options=3), True),
        (packet(HMI, PLC, 502, 40000), False),
        (packet(HMI, PLC, 40001, 502), False),
        (packet(OTHER, PLC, 1, 2, packet(HMI, PLC, 40000, 502)[14:]), True),
        (packet(OTHER, PLC, 1, 2, bytes([10, 0, 0, 5, 10, 0, 0, 9]) * 2), False),
        (b"", False),
    ],
)
def test_a_flow_is_found_by_its_addresses_in_any_header(data, found):
    assert FlowMatcher(FLOW).matches(data) is found


def test_flows_without_ports_or_ip_are_found_too():
    v6 = {"client": "2001:db8::1", "server": "2001:db8::2", "client_port": 0, "server_port": 53}
    header = bytes([0x60]) + bytes(7) + bytes.fromhex("20010db8" + "0" * 23 + "1" + "20010db8" + "0" * 23 + "2")
    assert FlowMatcher(v6).matches(bytes(14) + header + bytes([0, 0, 0, 53]))
    assert not FlowMatcher(v6).matches(bytes(14) + header + bytes([0, 1, 0, 53]))
    layer2 = {"client": "02:00:00:00:00:05", "server": "02:00:00:00:00:09", "client_port": None, "server_port": None}
    assert FlowMatcher(layer2).matches(packet(HMI, PLC, 1, 2))
    icmp = {"client": HMI, "server": PLC, "client_port": None, "server_port": None}
    assert FlowMatcher(icmp).matches(packet(HMI, PLC, 1, 2))
    assert not FlowMatcher({**icmp, "client": "odd"}).matches(packet(HMI, PLC, 1, 2))


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_frames_comments_and_times(tmp_path):
    capture = write_pcap(tmp_path / "a.pcap", conversation(40))
    out = tmp_path / "out.pcapng"
    with make_case(tmp_path / "case", [capture], [(1, 9)]) as case:
        evidence.slice(case, "a1b2c3", out, context=1, frames=frames)
    fields = ["frame.comment", "frame.time_epoch", "frame.len", "frame.cap_len", "tcp.port"]
    command = ["tshark", "-n", "-r", str(out), "-T", "fields", "-E", "separator=|"]
    done = subprocess.run(
        [*command, *(x for f in fields for x in ("-e", f))], capture_output=True, text=True, check=True
    )
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert len(rows) == 3
    assert [row[0] for row in (rows[0], rows[2])] == ["", ""]
    assert "Controller stopped / 控制器已停止" in rows[1][0]
    assert rows[1][1] == "1700000000.008000008"
    assert int(rows[1][2]) == int(rows[1][3]) + 4
    about = subprocess.run(["capinfos", str(out)], capture_output=True, text=True, check=True).stdout
    assert "Evidence for alert a1b2c3" in about
    assert "Number of packets:   3" in about
