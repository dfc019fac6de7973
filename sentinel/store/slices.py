"""Many small pieces of evidence at once: each capture is read a single time, whatever number of slices it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.errors import InputError
from sentinel.store._pcapng import PcapngWriter
from sentinel.store.evidence import Frame, Frames, describe, read_frames, verified

MAX_HELD = 256 << 20
"""Bytes of frames that are held while a capture is read; slices beyond them are not written."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One slice: some frames of one capture, where to write them, and what each of them proves."""

    name: str
    capture: int
    frames: tuple[int, ...]
    path: Path
    comment: str


def write_slices(
    captures: Iterable[Mapping[str, Any]],
    cuts: Sequence[Cut],
    look_in: Sequence[Path] = (),
    rewrite: Callable[[Frame], Frame] | None = None,
    frames: Frames = read_frames,
) -> dict[str, str]:
    """Write the slices; name -> why, for each that could not be written whole.

    A capture that is not there, or is not the one that was analysed, costs its slices and nothing else.
    """
    rows = {row["capture"]: row for row in captures}
    missing: dict[str, str] = {}
    for capture in sorted({cut.capture for cut in cuts}):
        mine = [cut for cut in cuts if cut.capture == capture]
        try:
            if capture not in rows:
                raise InputError("the case has no capture {capture}", capture=capture)
            path = verified(rows[capture], look_in)
        except InputError as error:
            missing |= {cut.name: str(error) for cut in mine}
            continue
        held, full = _collect(frames(path), {frame for cut in mine for frame in cut.frames})
        for cut in mine:
            absent = [frame for frame in cut.frames if frame not in held]
            if absent:
                why = "too many bytes of evidence" if full else "the capture ends before them"
                missing[cut.name] = f"frames {', '.join(map(str, absent))}: {why}"
                continue
            _write(cut, [held[frame] for frame in cut.frames], rows[capture], rewrite)
    return missing


def _collect(records: Iterable[Frame], wanted: set[int]) -> tuple[dict[int, Frame], bool]:
    """The wanted frames by number, and whether there were more bytes than are held."""
    held: dict[int, Frame] = {}
    size, last = 0, max(wanted, default=0)
    for record in records:
        if record.number in wanted:
            size += len(record.data)
            if size > MAX_HELD:
                return held, True
            held[record.number] = record
        if record.number >= last:
            break
    return held, False


def _write(
    cut: Cut, records: Sequence[Frame], capture: Mapping[str, Any], rewrite: Callable[[Frame], Frame] | None
) -> None:
    temporary = cut.path.with_name(cut.path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            writer = PcapngWriter(file, cut.comment, "Sentinel")
            description = describe(capture) if rewrite is None else f"capture {capture['capture']}, anonymised"
            for record in records:
                out = record if rewrite is None else rewrite(record)
                interface = writer.interface(out.link, description)
                writer.packet(interface, out.time_ns, out.wire, out.data, out.number, cut.comment)
        temporary.replace(cut.path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
