"""Gives every piece of evidence that the report rests on its number: E-0001, E-0002, ... in the order of findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentinel.assess.model import Assessment, Evidence, Text, Trace
from sentinel.assess.snapshot import dump
from sentinel.assess.traces import cited


@dataclass(frozen=True, slots=True)
class Numbered:
    """A piece of evidence with its number and what it is cited for."""

    number: str
    evidence: Evidence
    used_for: tuple[str, ...]
    """Numbers of findings, ids of controls and contradictions, in the order of the report."""


class EvidenceIndex:
    """The numbers of one assessment: the same assessment gives the same numbers in every language and format."""

    def __init__(self, assessment: Assessment):
        uses: dict[Evidence, dict[str, None]] = {}
        for use, pieces in cited(assessment):
            for piece in pieces:
                uses.setdefault(_key(piece), {})[use] = None
        self._rows: dict[Evidence, Numbered] = {
            piece: Numbered(f"E-{index:04}", piece, tuple(names))
            for index, (piece, names) in enumerate(uses.items(), 1)
        }
        self._traces = {(trace.capture, trace.frame): trace for trace in assessment.traces}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Numbered]:
        return iter(self._rows.values())

    def __contains__(self, evidence: Evidence) -> bool:
        return _key(evidence) in self._rows

    def number(self, evidence: Evidence) -> str:
        """The number of a piece; KeyError where the assessment does not hold it."""
        return self._rows[_key(evidence)].number

    def traces(self, piece: Evidence) -> tuple[Trace, ...]:
        """When and between whom the frames of a piece were, in their order; those that are not known are left out."""
        found = (self._traces.get((piece.capture or 0, frame)) for frame in piece.frames)
        return tuple(trace for trace in found if trace is not None)

    def numbers(self, pieces: Iterable[Evidence]) -> tuple[str, ...]:
        """The numbers of some pieces, each once, sorted."""
        return tuple(sorted({self.number(piece) for piece in pieces}))


def digest(piece: Evidence) -> str:
    """SHA-256 of the canonical JSON of a piece: what it is, the capture's hash, the frames."""
    return hashlib.sha256(dump(_key(piece))).hexdigest()


def _key(piece: Evidence) -> Evidence:
    """What makes two citations the same piece: a note says why it is cited, not what it is."""
    return piece if piece.note is None else Evidence(piece.kind, piece.ref, piece.capture, piece.sha256, piece.frames)


def frames_in_words(frames: tuple[int, ...], words: Mapping[str, Text], lang: str) -> str:
    """Frame numbers as a reader finds them in Wireshark: 12, 15-18; at most eight parts, the rest is counted."""
    parts: list[str] = []
    start = previous = None
    for frame in [*sorted(frames), None]:
        if previous is not None and frame == previous + 1:
            previous = frame
            continue
        if start is not None:
            parts.append(str(start) if start == previous else f"{start}-{previous}")
        start = previous = frame
    shown = ", ".join(parts[:8])
    return shown + (words["more"].in_(lang).format(len(parts) - 8) if len(parts) > 8 else "")


def five_tuples(traces: Sequence[Trace]) -> tuple[str, ...]:
    """From, to and transport of some frames, each pair of ends once whichever of them sent: 10.0.0.1:4000 → ..."""
    found: dict[frozenset[tuple[str, int | None]], str] = {}
    for trace in traces:
        if trace.src and trace.dst:
            ends = ((trace.src, trace.src_port), (trace.dst, trace.dst_port))
            words = " → ".join(_end(*end) for end in ends)
            kinds = " ".join(word for word in ((trace.transport or "").upper(), trace.protocol or "") if word)
            found.setdefault(frozenset(ends), f"{words} {kinds}".rstrip())
    return tuple(found.values())


def _end(address: str, port: int | None) -> str:
    """Address and port as they are written together; IPv6 in brackets (RFC 3986, 3.2.2)."""
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
