"""The frames of an alert, read again from the original captures and written as pcapng with comments.

The capture must be the one that was analysed: its SHA-256 is compared before a byte of it is used. With `context`,
frames of the same flows around the evidence come along; they are found by the addresses and ports in their bytes,
wherever in the frame those stand, so that VLAN tags and tunnels do not matter.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from sentinel.errors import InputError, OutputError
from sentinel.store._pcapng import PcapngWriter
from sentinel.store.case import Case
from sentinel.store.merge import parse

MAX_CONTEXT = 10_000
_HEADERS = 512
"""Addresses are looked for in the first so many bytes of a frame."""


class Frame(NamedTuple):
    """One record of a capture: number from 1, time (ns), link type, length on the wire, the captured bytes."""

    number: int
    time_ns: int
    link: int
    wire: int
    data: bytes


Frames = Callable[[Path], Iterator[Frame]]


@dataclass(frozen=True, slots=True)
class Slice:
    """What was written: frames in all, how many of them are evidence, and evidence that the captures do not hold."""

    frames: int
    evidence: int
    missing: list[tuple[int, int]]


def read_frames(path: Path) -> Iterator[Frame]:
    """The records of a stored capture, compressed or not, up to its end or its first fault."""
    from sentinel.sources.files import open_stream
    from sentinel.wire.capture import CaptureReader

    with open_stream(path) as stream:
        reader = CaptureReader(stream)
        while reader.next():
            yield Frame(reader.frame, reader.time, reader.link, reader.wire, reader.data())


def slice(
    case: Case,
    alert_id: str,
    out: Path,
    context: int = 0,
    look_in: Sequence[Path] = (),
    frames: Frames = read_frames,
) -> Slice:
    """Write the frames of an alert to `out`, with up to `context` frames of its flows before and after each.

    Frames that carried the beginning of a message whose end is evidence come along too. A capture that moved is looked
    for by its name in `look_in`. NoSuchRow for an unknown alert, InputError for a capture that is not there, was not
    kept (standard input) or has changed, OutputError where `out` cannot be written, is no ordinary file, or holds a
    capture of the case, which is never overwritten.
    """
    alert = case.alert(alert_id)
    wanted: dict[int, set[int]] = {}
    for capture, frame in parse(alert["evidence"]):
        wanted.setdefault(capture, set()).add(frame)
    if not wanted:
        raise InputError("alert {alert} cites no frames", alert=alert["alert"])
    captures = [row for row in case.captures().sort("first_time").to_dicts() if row["capture"] in wanted]
    _refuse_evidence(out, case)
    paths = {row["capture"]: verified(row, look_in) for row in captures}
    flows = case.scan("flows").filter(pl.col("flow").is_in(parse(alert["flows"]))).collect().to_dicts()
    matchers = [FlowMatcher(row) for row in flows]
    spans = _spans(case, [row["flow"] for row in flows], wanted)
    written = evidence = 0
    temporary = out.with_name(out.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            writer = PcapngWriter(file, _section_comment(case, alert, captures), "Sentinel")
            for row in captures:
                number, path = row["capture"], paths[row["capture"]]
                chosen = set(wanted[number])
                if context > 0 or spans.get(number):
                    chosen = choose(frames(path), chosen, matchers, min(context, MAX_CONTEXT), spans.get(number, []))
                for frame in _only(frames(path), chosen):
                    interface = writer.interface(frame.link, describe(row))
                    is_evidence = frame.number in wanted[number]
                    comment = _packet_comment(alert, row, frame.number) if is_evidence else ""
                    writer.packet(interface, frame.time_ns, frame.wire, frame.data, frame.number, comment)
                    written += 1
                    evidence += is_evidence
                    if is_evidence:
                        wanted[number].discard(frame.number)
        temporary.replace(out)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        why = error.strerror or error
        raise OutputError("{path}: cannot be written ({why}); choose another place.", path=out, why=why) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    missing = sorted((capture, frame) for capture, left in wanted.items() for frame in left)
    return Slice(written, evidence, missing)


def choose(
    records: Iterable[Frame],
    wanted: set[int],
    matchers: Sequence[FlowMatcher],
    context: int,
    spans: Sequence[tuple[int, int]] = (),
) -> set[int]:
    """Numbers of the frames to write: the wanted ones, `context` frames of their flows around them, and those of the
    flows within `spans` (first, last). A wanted frame that matches no flow takes context from all of them."""
    chosen = set(wanted)
    before: list[deque[int]] = [deque(maxlen=context) for _ in matchers]
    after = [0] * len(matchers)
    last = max([*wanted, *(end for _, end in spans)], default=0)
    for record in records:
        if record.number > last and not any(after):
            break
        mine = [k for k, matcher in enumerate(matchers) if matcher.matches(record.data)]
        if record.number in wanted:
            for k in mine or range(len(matchers)):
                chosen.update(before[k])
                before[k].clear()
                after[k] = context
            continue
        if mine and any(first <= record.number <= end for first, end in spans):
            chosen.add(record.number)
        for k in mine:
            if after[k] > 0:
                after[k] -= 1
                chosen.add(record.number)
            before[k].append(record.number)
    return chosen


class FlowMatcher:
    """Tells by the bytes of a frame whether it belongs to a flow, in either direction, at any depth of headers.

    Fragments after the first, which hold no ports, and IPv6 with extension headers are not found.
    """

    def __init__(self, flow: Mapping[str, Any]):
        client, server = str(flow["client"]), str(flow["server"])
        if _is_ip(client) and _is_ip(server):
            there, back = (
                ipaddress.ip_address(a).packed + ipaddress.ip_address(b).packed
                for a, b in ((client, server), (server, client))
            )
            ports = [b"" if flow[n] is None else flow[n].to_bytes(2, "big") for n in ("client_port", "server_port")]
            self._version: int = ipaddress.ip_address(client).version
            self._needles = [(there, ports[0] + ports[1]), (back, ports[1] + ports[0])]
        else:  # MAC addresses: the receiver stands first in the header, and both orders are looked for
            there, back = _mac(client) + _mac(server), _mac(server) + _mac(client)
            self._version = 0
            self._needles = [(there, b""), (back, b"")] if len(there) == 12 else []

    def matches(self, data: bytes) -> bool:
        """True where the frame holds the addresses in a header of their version, with the ports behind it."""
        head = data[:_HEADERS]
        return any(self._found(head, addresses, ports) for addresses, ports in self._needles)

    def _found(self, head: bytes, addresses: bytes, ports: bytes) -> bool:
        place = head.find(addresses)
        while place >= 0:
            if self._version == 0:
                return True
            # RFC 791: addresses at 12, length in words in the first byte; RFC 8200: addresses at 8, 40 bytes
            start = place - (12 if self._version == 4 else 8)
            if start >= 0 and head[start] >> 4 == self._version:
                length = (head[start] & 15) * 4 if self._version == 4 else 40
                if head.startswith(ports, start + length):
                    return True
            place = head.find(addresses, place + 1)
        return False


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _mac(address: str) -> bytes:
    """The bytes of a MAC address; empty for anything else."""
    digits = address.replace(":", "")
    return bytes.fromhex(digits) if len(digits) == 12 and set(digits) <= set("0123456789abcdefABCDEF") else b""


def _refuse_evidence(out: Path, case: Case) -> None:
    """OutputError where writing `out` would replace a capture that the case rests on, or something that is no file."""
    if not out.exists():
        return
    if not out.is_file():
        raise OutputError("{path}: not an ordinary file; name another", path=out)
    try:
        with out.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise OutputError("{path}: cannot be read ({why})", path=out, why=error.strerror) from error
    if digest in case.captures()["sha256"].to_list():
        raise OutputError("{path}: a capture of this case, which is not overwritten; name another file", path=out)


_NO_UTF8 = re.compile(r"\\u(dc[89a-f][0-9a-f])")
"""How a byte of a name stands in the case that is no UTF-8 (`summary.Input.name`)."""


def verified(row: Mapping[str, Any], look_in: Sequence[Path]) -> Path:
    """Where the capture lies now; InputError where it is not, or where its bytes are not those that were analysed."""
    path = Path(_NO_UTF8.sub(lambda code: chr(int(code[1], 16)), row["path"]))
    if row["path"] in ("", "-"):
        raise InputError(
            "capture {capture} came from standard input and was not kept; there is nothing to read again",
            capture=row["capture"],
        )
    if row["path"].startswith("live:"):
        raise InputError(
            "capture {capture} was read from {port} without being recorded; there is nothing to read again",
            capture=row["capture"],
            port=row["path"].removeprefix("live:"),
        )
    found = [p for p in (path, *(folder / path.name for folder in look_in)) if p.is_file()]
    if not found:
        raise InputError(
            "{path}: the capture is no longer there; put it back, or say in which folder it lies now", path=path
        )
    for candidate in found:
        try:
            with candidate.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == row["sha256"]:
                    return candidate
        except OSError as error:
            raise InputError("{path}: cannot be read ({why})", path=candidate, why=error.strerror) from error
    raise InputError(
        "{path}: the file has changed since it was analysed (its SHA-256 is not {sha256}); evidence is only taken from "
        "the capture itself",
        path=found[0],
        sha256=row["sha256"],
    )


def _spans(case: Case, flows: list[int], wanted: Mapping[int, set[int]]) -> dict[int, list[tuple[int, int]]]:
    """Capture -> (first frame, last frame) of the messages that end in a wanted frame and began in an earlier one."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for capture, frames in wanted.items():
        rows = (
            case.scan("messages")
            .filter(pl.col("flow").is_in(flows), pl.col("capture") == capture, pl.col("frame").is_in(sorted(frames)))
            .filter(pl.col("first_frame") < pl.col("frame"))
            .select("first_frame", "frame")
            .unique()
            .collect()
        )
        spans[capture] = rows.rows()
    return spans


def _only(records: Iterable[Frame], chosen: set[int]) -> Iterator[Frame]:
    """The chosen records; stops reading behind the last of them."""
    last = max(chosen, default=0)
    for record in records:
        if record.number in chosen:
            yield record
        if record.number >= last:
            return


def _title(alert: Mapping[str, Any]) -> str:
    return " / ".join(title for title in (alert["title_en"], alert["title_zh"]) if title) or alert["rule"]


def describe(capture: Mapping[str, Any]) -> str:
    return f"capture {capture['capture']}: {Path(capture['path']).name}, SHA-256 {capture['sha256']}"


def _packet_comment(alert: Mapping[str, Any], capture: Mapping[str, Any], frame: int) -> str:
    return (
        f"[{alert['severity']}] {_title(alert)} (rule {alert['rule']}, alert {alert['alert']}); "
        f"frame {frame} of capture {capture['capture']}, {Path(capture['path']).name}"
    )


def _section_comment(case: Case, alert: Mapping[str, Any], captures: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"Evidence for alert {alert['alert']} of case {case.path.resolve().name}: {_title(alert)}"]
    return "\n".join([*lines, *(describe(capture) for capture in captures)])
