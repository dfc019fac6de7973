"""The results of run.py as one page: the same text for the terminal and for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from peers import TSHARK, TSHARK_ALL

SENTINEL = "sentinel analyze"
HEAD = "<!-- Written by benchmarks/run.py (make bench): edit that, not this file. -->\n"

RATE = 1_000_000
RATE_LARGE = 2_000_000
TIMES_TSHARK = 20
PEAK_MB = 400
FLAT = 1.25
"""Peak memory on the large file, in units of that on the small one, that still counts as flat."""
HELP_SECONDS = 0.3
ALONE = {
    "first run ever (Modbus)": "first",
    "many small plants (Modbus)": "plants",
    "a long file (Modbus)": "large",
    "a flood": "flood",
}
"""What only Sentinel is measured on -> where its results are."""
FULL_FRAMES, FULL_LARGE, FULL_FLOWS = 1_000_000, 20_000_000, 5_000_000
"""What the budgets are stated for; on smaller files they are not judged."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up in plain text; the first column is text, the others are numbers."""
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * w if k == 0 else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def budgets(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(budget, measured, kept or missed or not judged) of the project: one line each."""
    files, large, flood = found["files"], found["large"], found["flood"]
    compiled = "uncompiled" not in found["sentinel"]
    full = compiled and files[0]["frames"] >= FULL_FRAMES

    def verdict(judged: bool, kept: bool) -> str:
        return ("kept" if kept else "missed") if judged else "not judged"

    rows = []
    for file in files:
        programs = {program["program"]: program for program in file["programs"]}
        mine = programs[SENTINEL]
        if file["protocol"] == "modbus":
            kept = mine["rate"] >= RATE
            rows.append((f"Modbus: at least {RATE:,} frames/s", f"{mine['rate']:,.0f}", verdict(full, kept)))
        for peer in (TSHARK, TSHARK_ALL):
            if peer in programs:
                ratio = programs[peer]["ratio"]
                what = f"{file['protocol']}: at least {TIMES_TSHARK} x {peer}"
                rows.append((what, f"{ratio:.1f} x", verdict(full, ratio >= TIMES_TSHARK)))
    kept, judged = large["rate"] >= RATE_LARGE, compiled and large["frames"] >= FULL_LARGE
    what = f"{FULL_LARGE:,} frames: at least {RATE_LARGE:,} frames/s"
    rows.append((what, f"{large['rate']:,.0f}", verdict(judged, kept)))
    ours = [program for file in files for program in file["programs"] if program["program"] == SENTINEL]
    mine = ours[0]
    peak = max(run["peak_mb"] for run in (large, *ours))
    rows.append((f"peak memory: at most {PEAK_MB} MB", f"{peak:,.0f} MB", verdict(full, peak <= PEAK_MB)))
    growth = large["peak_mb"] / mine["peak_mb"]
    what = f"flat memory: {large['frames']:,} frames take at most {FLAT} x what {mine['frames']:,} take"
    rows.append((what, f"{growth:.2f} x", verdict(full, growth <= FLAT)))
    judged = compiled and flood["flows"] >= FULL_FLOWS
    what = f"flood of {flood['flows']:,} flows: at most {PEAK_MB} MB"
    rows.append((what, f"{flood['peak_mb']:,.0f} MB", verdict(judged, flood["peak_mb"] <= PEAK_MB)))
    evicted = flood["evicted_flows"]
    rows.append(("flood: evictions are counted", f"{evicted:,}", verdict(judged, evicted > 0)))
    what = f"sentinel --help: at most {HELP_SECONDS} s"
    rows.append((what, f"{found['help_seconds']:.2f} s", verdict(compiled, found["help_seconds"] <= HELP_SECONDS)))
    return rows


def _file(file: dict[str, Any]) -> str:
    """One protocol's file: every program on it."""
    rows = []
    for program in file["programs"]:
        whole = program["frames"] >= file["frames"]
        seconds = f"{program['seconds']:,.2f}" if whole else f"~{file['frames'] / program['rate']:,.0f}"
        rows.append(
            (
                f"{program['program']} {program['version']}".strip(), f"{program['frames']:,}", seconds,
                f"{program['cpu_seconds']:,.2f}", f"{program['rate']:,.0f}", f"{program['peak_mb']:,.0f}",
                "" if program["program"] == SENTINEL else f"{program['ratio']:,.1f} x",
            )
        )  # fmt: skip
    head = ("program", "frames read", "seconds", "processor s", "frames/s", "peak MB", "Sentinel's rate is")
    notes = [f"\n{name}: {reason}." for name, reason in file["stopped"].items()]
    title = f"## {file['protocol']}: {file['frames']:,} frames, {file['bytes'] / 1e6:,.0f} MB"
    return f"{title}\n\n{table(head, rows)}\n" + "".join(f"{note}\n" for note in notes)


def _alone(found: dict[str, Any]) -> str:
    """What only Sentinel was measured on."""
    head = (f"{SENTINEL} on", "frames", "seconds", "processor s", "frames/s", "peak MB", "flows", "evicted", "alerts")
    rows = []
    for name, key in ALONE.items():
        run = found[key]
        numbers = [f"{run[k]:,}" for k in ("flows", "evicted_flows", "alerts")]
        times = [f"{run[k]:,.2f}" for k in ("seconds", "cpu_seconds")]
        sizes = [f"{run[k]:,.0f}" for k in ("rate", "peak_mb")]
        rows.append((name, f"{run['frames']:,}", *times, *sizes, *numbers))
    return f"## Sentinel alone\n\n{table(head, rows)}\n"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def page(found: dict[str, Any]) -> str:
    """The whole page."""
    machine = found["machine"]
    turns = found["files"][0]["programs"][0]["turns"]
    parts = [
        "# Benchmarks\n",
        f"`{found['command']}` printed this. {found['sentinel']}; {machine['cores']} cores of {machine['processor']};"
        f" load before the run {machine['load_before']}.\n",
        f"Everything is on in `{SENTINEL}`: reassembly, parsing, inventory, all shipped rules, a new case written."
        f" Every program took {_counted(turns, 'turn')} on the same file, which lay in the page cache, in a fresh"
        " process each time; the figures are medians, the start of the process included. Absolute numbers are this"
        " machine's; the ratios are what to compare.\n",
        "The file of a protocol is made of five minutes of ordinary operation, a capture of `pcaps/long`, copied until"
        " there are as many frames, one copy behind the other in time, each with MAC and IP addresses of its own, its"
        " checksums right (`benchmarks/traffic.py`). *Many small plants* is made the same way of half a minute"
        " (`pcaps/modbus-normal.pcap`): ten times as many devices and flows, and an engineer at work in every one of"
        " them, so that the inventory, facts and alerts weigh as much as the frames.\n",
        "`tshark -T fields` writes frame, time, addresses and three fields of the protocol; *all columns* asks it for"
        " what Sentinel stores, as far as it has fields for that: ports, identifiers, addresses, quantities and values"
        " (`benchmarks/peers.py` names them). scapy and pyshark read only as many frames as"
        " the table says: their rate is that of reading alone, without their start, and `~` marks the time that the"
        " whole file would take at this rate. scapy dissects Ethernet to TCP only. Peak memory of pyshark is that of"
        " the larger of its two processes.\n",
    ]
    if found["missing"]:
        parts.append(f"Not measured: {'; '.join(found['missing'])}.\n")
    parts += ["## Budgets\n", table(("budget", "measured", ""), budgets(found)) + "\n"]
    parts += [_file(file) for file in found["files"]]
    parts.append(_alone(found))
    return "\n".join(parts)
