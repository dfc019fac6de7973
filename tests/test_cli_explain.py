"""`sentinel explain`: our decoding of one frame, tshark's beside it, and what is missing where it is not there."""

from __future__ import annotations

import signal
import struct
from pathlib import Path

import fake_case
import polars as pl
import pytest
from click.testing import CliRunner, Result

from sentinel.cli import _frame, _tshark, main
from sentinel.errors import FaultyCapture, InputError, MissingExtra

ENDS = frozenset({("10.0.0.20", 40000), ("10.0.0.10", 502)})
# Modbus/TCP, MODBUS Messaging on TCP/IP V1.0b section 4.1: transaction 7, protocol 0, length 6, unit 1; function 3
# (V1.1b3 section 6.3), start 0, quantity 2.
READ = bytes.fromhex("0007 0000 0006 01 03 0000 0002")


def run(*arguments: str, lang: str = "en") -> Result:
    return CliRunner().invoke(main.cli, ["--lang", lang, "explain", *arguments], prog_name="sentinel")


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """A capture of one Modbus request (RFC 791 and RFC 9293 headers, classic pcap) and 98 frames of zeros."""
    tcp = struct.pack(">HHIIBBHHH", 40000, 502, 1, 1, 5 << 4, 0x18, 1024, 0, 0) + READ
    addresses = bytes((10, 0, 0, 20, 10, 0, 0, 10))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + addresses + tcp
    ethernet = bytes.fromhex("0080f4000001 0080f4000002 0800") + ip
    record = struct.pack("<IIII", 1_709_280_000, 0, len(ethernet), len(ethernet)) + ethernet
    zeros = struct.pack("<IIII", 1_709_280_001, 0, 60, 60) + bytes(60)
    path = tmp_path / "one.pcap"
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + record + zeros * 98)
    return str(path)


@pytest.fixture
def no_tshark(monkeypatch):
    def missing(*_arguments):
        raise MissingExtra("tshark is not installed")

    monkeypatch.setattr(_tshark, "frame", missing)


def test_our_side_stands_alone_where_tshark_is_missing(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    result = run(capture, "5")
    assert result.exit_code == 0
    for text in ("No second opinion", "tshark is not installed", "modbus response", "holding_register 1 = 1234.5",
                 "pairing: answered", "latency: 1500000", "Fact: 10.0.0.10: vendor"):  # fmt: skip
        assert text in result.output, text


def test_faults_and_items(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    output = run(capture, "6").output
    for text in ("[0] holding_register 5 ×1", "Fault: length @ 0", "! length"):
        assert text in output, text


def test_the_flow_with_its_label(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    flows = [{**row, "frame": 1, "last_frame": 400, "direction_by": "handshake"} for row in fake_case.ROWS["flows"]]
    monkeypatch.setitem(fake_case.ROWS, "flows", flows)
    fake_case.install(monkeypatch)
    output = run(capture, "4").output
    assert "Flow 1: tcp" in output and "modbus, 100 % sure: payload of both sides" in output
    assert "handshake" in output and "Flow 2" not in output


def test_a_frame_without_message(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    output = run(capture, "99").output
    assert "No flow is known" in output and "No message ends in this frame" in output


def test_a_faulty_capture_is_explained_all_the_same(monkeypatch, capture, no_tshark):
    pipeline = fake_case.install(monkeypatch)

    def faulty():
        yield fake_case.batch()
        raise FaultyCapture("one.pcap: ends inside a record")

    pipeline.batches = faulty()
    result = run(capture, "5")
    assert result.exit_code == 0 and "modbus response" in result.stdout
    assert result.stderr == "sentinel: one.pcap: ends inside a record\n"


def test_a_frame_beyond_the_end_without_tshark(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    result = run(capture, "100")
    assert result.exit_code == 3 and "there is no frame 100" in result.stderr and not result.stdout


def test_in_chinese(monkeypatch, capture, no_tshark):
    fake_case.install(monkeypatch)
    assert "没有第二意见" in run(capture, "5", lang="zh").output


def test_a_frame_that_tshark_does_not_find(monkeypatch, capture):
    fake_case.install(monkeypatch)
    monkeypatch.setattr(_tshark, "frame", lambda *_arguments: None)
    assert run(capture, "5").exit_code == 3


def test_decode_as_reaches_tshark(monkeypatch, capture):
    fake_case.install(monkeypatch)
    asked = []

    def frame(path, number, decode_as):
        asked.append((path, number, decode_as))
        return _tshark.Frame([_tshark.Layer("eth"), _tshark.Layer("modbus", ["Function Code: [red]3"])], ENDS)

    monkeypatch.setattr(_tshark, "frame", frame)
    result = run(capture, "4", "--decode-as", "tcp.port==1502,mbtcp")
    assert asked == [(Path(capture), 4, {"tcp.port==1502": "mbtcp"})]
    assert "Function Code: [red]3" in result.output


@pytest.mark.parametrize("text", ["mbtcp", ",mbtcp", "tcp.port==1,", "-Xlua_script:x.lua,y"])
def test_decode_as_that_is_none(monkeypatch, capture, text):
    fake_case.install(monkeypatch)
    assert run(capture, "4", f"--decode-as={text}").exit_code == 2


@pytest.mark.parametrize("columns", ["60", "120"])
def test_narrow_and_wide(monkeypatch, capture, no_tshark, columns):
    fake_case.install(monkeypatch)
    monkeypatch.setenv("COLUMNS", columns)
    lines = run(capture, "5").output.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert any("Sentinel, frame 5" in line and "tshark" in line for line in lines) == (columns == "120")


def test_missing_capture(monkeypatch):
    fake_case.install(monkeypatch)
    assert run("no/such.pcap", "1").exit_code == 3


def spanning(**values) -> dict[str, pl.DataFrame]:
    """A batch whose only message runs from frame 10 to 14."""
    row = {**fake_case.ROWS["messages"][0], "frame": 14, "first_frame": 10, **values}
    return {"messages": fake_case.frame("messages").clear().vstack(_typed(row))}


def _typed(row: dict) -> pl.DataFrame:
    schema = fake_case.frame("messages").schema
    loose = {name: pl.Int64 if dtype.is_temporal() else dtype for name, dtype in schema.items()}
    return pl.DataFrame([row], schema=loose).cast(dict(schema))


@pytest.mark.parametrize(
    ("frame", "ends", "n"),
    [
        (10, frozenset(), 1), (14, frozenset(), 1), (9, ENDS, 0), (15, ENDS, 0),
        (12, ENDS, 1), (12, frozenset(), 0), (12, frozenset({("10.0.0.66", 1), ("10.0.0.10", 502)}), 0),
    ],
)  # fmt: skip
def test_messages_that_run_through_a_frame(frame, ends, n):
    assert len(_frame.view([spanning()], frame, ends).messages) == n


def test_the_flow_between_two_ends_where_there_is_no_message():
    flows = fake_case.frame("flows").with_columns(frame=pl.lit(1, pl.Int64), last_frame=pl.lit(9, pl.Int64))
    view = _frame.view([{"flows": flows}], 5, ENDS)
    assert [flow["flow"] for flow in view.flows] == [1]
    assert _frame.view([{"flows": flows}], 10, ENDS).flows == []


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(_tshark.shutil, "which", lambda _name: None)
    assert "tshark" in str(_tshark.missing())
    with pytest.raises(MissingExtra):
        _tshark.frame(Path("x"), 1, {})


@pytest.mark.tshark
def test_tshark_decodes_the_frame(capture):
    if _tshark.missing() is not None:
        pytest.skip(str(_tshark.missing()))
    frame = _tshark.frame(Path(capture), 1, {})
    assert frame is not None and frame.ends == ENDS
    fields = {layer.name: layer.fields for layer in frame.layers}
    assert fields["eth"] == []
    assert any("Transaction Identifier: 7" in line for line in fields["mbtcp"])
    assert any("Read Holding Registers" in line for line in fields["modbus"])
    assert _tshark.frame(Path(capture), 100, {}) is None
    # nothing listens to the processes that others start
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL and signal.set_wakeup_fd(-1) == -1


@pytest.mark.tshark
def test_a_file_that_tshark_cannot_read(tmp_path):
    if _tshark.missing() is not None:
        pytest.skip(str(_tshark.missing()))
    path = tmp_path / "no.pcap"
    path.write_bytes(b"this is not a capture, not even nearly")
    with pytest.raises(_tshark.InputError, match="cannot read"):
        _tshark.frame(path, 1, {})


@pytest.mark.skipif(_tshark.missing() is not None, reason="tshark or pyshark is not installed")
def test_tshark_may_complain_about_a_name_that_is_no_utf8(monkeypatch, tmp_path):
    """pyshark cannot decode such a complaint; whether it reads it depends on who is faster."""

    class Complaining:
        def __init__(self, *_: object, **__: object) -> None:
            self._running_processes: set[object] = set()

        def __iter__(self):
            return iter(())

        def close(self) -> None:
            b"bad\xff.pcap".decode()

    monkeypatch.setattr("pyshark.FileCapture", Complaining)
    with pytest.raises(InputError, match="tshark cannot read"):
        _tshark.frame(tmp_path / "bad.pcap", 1, {})
