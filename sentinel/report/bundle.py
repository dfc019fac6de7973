"""The evidence bundle: the frames that statements rest on, as pcapng slices, with a manifest and a hash tree over it.

`evidence/E-0001.pcapng` holds the frames of that line of the index, in capture order, each with a comment that says
what it proves. `evidence/index.json` lists every line, `MANIFEST.sha256` every file of the folder (as `sha256sum -c`
reads it). A capture that is no longer there, or has changed, is said in the index; nothing is made up for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sentinel.assess.model import Assessment
from sentinel.assess.snapshot import content
from sentinel.errors import OutputError
from sentinel.report.evidence import EvidenceIndex, Numbered, digest
from sentinel.report.hashtree import leaves, root
from sentinel.store.evidence import Frame
from sentinel.store.slices import Cut, write_slices

MAX_SLICES = 2_000
"""Files; the evidence beyond them is in the index, with where to find it."""
MANIFEST = "MANIFEST.sha256"


def write(
    assessment: Assessment,
    captures: Sequence[Mapping[str, Any]],
    out: Path,
    look_in: Sequence[Path] = (),
    rewrite: Callable[[Frame], Frame] | None = None,
) -> dict[str, Any]:
    """Write the slices and the index below `out`; returns counts: items, slices, missing (with reasons).

    `captures`: rows of the case's table. `rewrite` changes each frame on its way (anonymising).
    """
    items = EvidenceIndex(assessment)
    folder = out / "evidence"
    wanted = {item.number: item for item in items if item.evidence.frames}
    chosen = dict(list(wanted.items())[:MAX_SLICES])
    comments = {number: _comment(item, assessment) for number, item in chosen.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        cuts = [
            Cut(number, item.evidence.capture, item.evidence.frames, folder / f"{number}.pcapng", comments[number])
            for number, item in chosen.items()
            if item.evidence.capture is not None
        ]
        missing = write_slices(captures, cuts, look_in, rewrite)
        listing = {
            "assessment": assessment.id,
            "root": root(hash_ for _, hash_ in leaves(assessment)),
            "program": assessment.program,
            "anonymised": rewrite is not None,
            "timezone": str(assessment.site.engagement.get("timezone") or ""),
            "clock_offset_seconds": assessment.site.engagement.get("clock_offset"),
            "items": [
                _line(items, item, missing, item.number in chosen) | {"added_by": _added_by(item, assessment)}
                for item in items
            ],
        }
        text = json.dumps(listing, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (folder / "index.json").write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or error
        raise OutputError("{path}: cannot be written ({why}); choose another place.", path=folder, why=why) from error
    return {"items": len(items), "slices": len(chosen) - len(missing), "missing": missing}


def seal(out: Path) -> Path:
    """Write the hashes of all files below `out`; called last. Returns the manifest."""
    manifest = out / MANIFEST
    files = sorted(p for p in out.rglob("*") if p.is_file() and p != manifest)
    lines = [f"{_digest(path)}  {path.relative_to(out).as_posix()}\n" for path in files]
    try:
        manifest.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        why = error.strerror or error
        raise OutputError("{path}: cannot be written ({why}); choose another place.", path=manifest, why=why) from error
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _comment(item: Numbered, assessment: Assessment) -> str:
    titles = {f.number: f"{f.title.en} / {f.title.zh}" for f in assessment.findings}
    what = "; ".join(f"{name} {titles[name]}" if name in titles else name for name in item.used_for[:5])
    return f"{item.number} of assessment {assessment.id}: {what}"


def _added_by(item: Numbered, assessment: Assessment) -> str | None:
    """Whoever gave an answer, the program for what it read in a capture; None for a line of the client's lists."""
    piece = item.evidence
    if piece.kind == "record":
        return None
    answer = assessment.site.answers.get(piece.ref) if piece.kind == "answer" else None
    return assessment.program if answer is None else answer.author


def _line(items: EvidenceIndex, item: Numbered, missing: Mapping[str, str], chosen: bool) -> dict[str, Any]:
    piece = item.evidence
    row: dict[str, Any] = {
        "number": item.number,
        "kind": piece.kind,
        "ref": piece.ref,
        "digest": digest(piece),
        "cited_by": list(item.used_for),
    }
    if piece.frames:
        row |= {"capture_sha256": piece.sha256, "frames": list(piece.frames)}
        row["traces"] = [content(trace) for trace in items.traces(piece)]
        if item.number in missing:
            row["missing"] = missing[item.number]
        elif chosen:
            row["file"] = f"evidence/{item.number}.pcapng"
        else:
            row["missing"] = f"not cut: the bundle holds at most {MAX_SLICES} slices"
    return row
