"""What Sentinel is measured against: how each peer is started on a capture, and what it can be asked.

    python benchmarks/peers.py scapy FILE FRAMES        what a peer process runs; prints frames and seconds as JSON

tshark reads the whole file. scapy and pyshark would take minutes to hours on it, so they read its first frames; their
rate is that of the reading alone, without the start of their process, which is in their favour.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TSHARK_FIELDS = {
    "modbus": ("modbus.func_code", "modbus.reference_num", "modbus.word_cnt"),
    "s7": ("s7comm.header.rosctr", "s7comm.param.func", "s7comm.param.itemcount"),
    "dnp3": ("dnp3.al.func", "dnp3.src", "dnp3.dst"),
}
COMMON_FIELDS = ("frame.number", "frame.time_epoch", "ip.src", "ip.dst")
"""What tshark is asked for, at least."""
PORTS = ("tcp.srcport", "tcp.dstport")
STORED_FIELDS = {
    "modbus": (
        "mbtcp.trans_id", "mbtcp.len", "mbtcp.unit_id", "modbus.func_code", "modbus.reference_num", "modbus.word_cnt",
        "modbus.bit_cnt", "modbus.byte_cnt", "modbus.exception_code", "modbus.regnum16", "modbus.regval_uint16",
        "modbus.bitnum", "modbus.bitval", "modbus.request_frame", "modbus.response_time",
    ),
    "s7": (
        "s7comm.header.rosctr", "s7comm.header.pduref", "s7comm.header.parlg", "s7comm.header.datlg",
        "s7comm.header.errcls", "s7comm.header.errcod", "s7comm.param.func", "s7comm.param.itemcount",
        "s7comm.param.item.syntaxid", "s7comm.param.item.transp_size", "s7comm.param.item.length",
        "s7comm.param.item.db", "s7comm.param.item.area", "s7comm.param.item.address.byte",
        "s7comm.param.item.address.bit", "s7comm.data.returncode", "s7comm.data.transportsize", "s7comm.data.length",
        "s7comm.resp.data", "s7comm.param.userdata.funcgroup", "s7comm.param.userdata.subfunc",
    ),
    "dnp3": (
        "dnp3.src", "dnp3.dst", "dnp3.ctl.prifunc", "dnp3.ctl.secfunc", "dnp3.al.func", "dnp3.al.seq", "dnp3.al.iin",
        "dnp3.al.obj", "dnp3.al.objq.prefix", "dnp3.al.objq.range", "dnp3.al.range.start", "dnp3.al.range.stop",
        "dnp3.al.range.quantity", "dnp3.al.index", "dnp3.al.boq.b0", "dnp3.al.biq.b0", "dnp3.al.ana.int",
        "dnp3.al.ana.float", "dnp3.al.cnt", "dnp3.al.timestamp",
    ),
}  # fmt: skip
"""What tshark calls the columns of messages, values and the protocol's own that Sentinel stores."""
TSHARK, TSHARK_ALL = "tshark -T fields", "tshark, all columns"


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that reads captures; `frames` is how many of them it is given, None for all."""

    name: str
    version: str
    frames: int | None
    missing: str = ""


def peers(scapy_frames: int, pyshark_frames: int) -> list[Peer]:
    """All of them; `missing` says why one cannot be measured."""
    tshark = shutil.which("tshark")
    no_tshark = "" if tshark else "tshark is not installed"
    version = ""
    if tshark:
        words = subprocess.run([tshark, "--version"], capture_output=True, text=True, check=True).stdout
        version = (re.findall(r"\d+\.\d+\.\d+", words) or [""])[0]
    found = [Peer(name, version, None, no_tshark) for name in (TSHARK, TSHARK_ALL)]
    for name, frames, needs in (("scapy", scapy_frames, ""), ("pyshark", pyshark_frames, no_tshark)):
        there = importlib.util.find_spec(name) is not None
        version = importlib.metadata.version(name) if there else ""
        found.append(Peer(name, version, frames, needs if there else f"{name} is not installed"))
    return found


def command(peer: Peer, protocol: str, file: Path) -> list[str]:
    """The command line that reads `file`."""
    if peer.frames is None:
        own = TSHARK_FIELDS[protocol] if peer.name == TSHARK else (*PORTS, *STORED_FIELDS[protocol])
        fields = [word for field in (*COMMON_FIELDS, *own) for word in ("-e", field)]
        return [shutil.which("tshark") or "tshark", "-n", "-r", str(file), "-T", "fields", *fields]
    return [sys.executable, __file__, peer.name, str(file), str(peer.frames)]


def _scapy(file: Path, frames: int) -> int:
    """Read and dissect; scapy has no dissector of industrial protocols in its core, so this is Ethernet to TCP."""
    from scapy.layers.l2 import Ether
    from scapy.utils import RawPcapReader

    count = 0
    with RawPcapReader(str(file)) as reader:
        for data, _ in reader:
            Ether(data)
            count += 1
            if count == frames:
                break
    return count


def _pyshark(file: Path, frames: int) -> int:
    """Read packet by packet, as its documentation shows."""
    import pyshark

    capture = pyshark.FileCapture(str(file), keep_packets=False)
    count = 0
    try:
        for _ in capture:
            count += 1
            if count == frames:
                break
    finally:
        capture.close()
    return count


def main() -> None:
    """Read with one peer in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("scapy", "pyshark"))
    parser.add_argument("file", type=Path)
    parser.add_argument("frames", type=int)
    given = parser.parse_args()
    if given.peer == "scapy":
        import scapy.layers.inet  # noqa: F401  (binds IP to Ethernet; its import is start-up, not reading)

        read = _scapy
    else:
        read = _pyshark
    began = time.monotonic()
    count = read(given.file, given.frames)
    print(json.dumps({"frames": count, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
