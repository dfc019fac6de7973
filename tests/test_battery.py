"""Every parser goes through the battery; every capture that there is goes through the core without a defect."""

from __future__ import annotations

import csv
from pathlib import Path

import battery
import pytest
from conftest import CAPTURES, NO_CAPTURES, core_is_compiled
from frames import SECOND, START, pcap, tagged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_wire_decode import EVERY

PARSERS = [protocol.name for protocol in battery.shipped().protocols]
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
BIG = 2 << 20 if core_is_compiled() else 200 << 10
"""Bytes of a real capture that are read within the time that a test may take."""


@pytest.fixture(params=PARSERS, scope="module")
def wire(request) -> battery.Wire:
    try:
        return battery.wire_of(request.param)
    except ModuleNotFoundError:
        pytest.fail(f"tests/{request.param}_wire.py with the samples of parsers/{request.param}.py is missing")


@pytest.fixture(scope="module")
def want(wire) -> dict:
    return battery.expected(wire)


def test_every_parser_can_be_used() -> None:
    assert not battery.shipped().broken
    assert {"modbus", "dnp3", "cotp", "s7comm"} <= set(PARSERS)


def test_whole(wire) -> None:
    battery.check_whole(wire)


@pytest.mark.parametrize("variant", battery.VARIANTS)
def test_delivery_changes_no_row(wire, want, variant) -> None:
    battery.same_rows(wire, battery.VARIANTS[variant](wire), want)


def test_glued_in_one_segment(wire) -> None:
    battery.same_rows(wire, battery.run(wire, battery.glued), battery.expected(wire, 3))


def test_after_a_gap(wire, want) -> None:
    seen = battery.run(wire, battery.after_gap)
    battery.same_rows(wire, seen, want, wire.quiet_after_gap)
    assert set(seen.rows("flows", "gaps")) == {1}


def test_cut_at_each_length(wire) -> None:
    battery.only_faults_more(battery.see(battery.cut_short(wire)), battery.opening_rows(wire))


def test_datagrams(wire) -> None:
    if "udp" not in wire.transports:
        pytest.skip("does not run over UDP")
    whole = battery.see(battery.datagrams(wire, cut=False))
    assert not whole.engine.defects
    assert set(whole.rows("flows", "protocol")) == {wire.label}
    assert "malformed" not in whole.rows("messages", "kind")
    parts = battery.see(battery.datagrams(wire, cut=True))
    battery.only_faults_more(parts, battery.opening_rows(wire))
    assert parts.faults()["short"] > 0


@pytest.mark.parametrize("name", PARSERS)
@given(choices=st.data())
@EXAMPLES
def test_mutated_samples_never_raise(name, choices) -> None:
    wire = battery.wire_of(name)
    records = []
    for n in range(6):
        side, data = choices.draw(st.sampled_from(wire.samples))
        changed = bytearray(data)
        for _ in range(choices.draw(st.integers(1, 4))):
            at = choices.draw(st.integers(0, len(changed) - 1))
            how = choices.draw(st.sampled_from(("set", "flip", "delete", "insert")))
            octet = choices.draw(st.integers(0, 255))
            if how == "set":
                changed[at] = octet
            elif how == "flip":
                changed[at] ^= 1 << octet % 8
            elif how == "insert" or len(changed) == 1:
                changed.insert(at, octet)
            else:
                del changed[at]
        talk = battery.talk(wire, n)
        battery.whole(talk, side, bytes(changed))
        battery.whole(talk, side, data)
        records += talk.close().records
    engine = battery.see(records).engine
    assert not engine.defects, engine.defects[0]


@given(noise=st.binary(min_size=1, max_size=300), link=st.sampled_from((0, 1, 9, 12, 51, 104, 105, 113, 119, 127, 276)))
@EXAMPLES
def test_noise_in_frames_never_raises(noise, link) -> None:
    battery.engine_only(pcap([(0, noise), (1, noise[: len(noise) // 2])], link))


@given(at=st.integers(0, 10_000), octet=st.integers(0, 255), name=st.sampled_from(PARSERS))
@EXAMPLES
def test_one_changed_byte_in_a_capture_never_raises(at, octet, name) -> None:
    wire = battery.wire_of(name)
    records = [(time, tagged(frame, 3)) for time, frame in battery.talk(wire, 0).close().records]
    data = bytearray(pcap(records))
    data[at % len(data)] = octet
    assert not battery.engine_only(bytes(data)).defects


@pytest.mark.parametrize("name", EVERY)
def test_every_link_and_tunnel_cut_and_changed_gives_tables(name) -> None:
    link, frame = EVERY[name]
    changed = [frame[:at] + bytes([frame[at] ^ 1 << at % 8]) + frame[at + 1 :] for at in range(len(frame))]
    cut = [frame[:length] for length in range(len(frame))]
    seen = battery.see(pcap(((START + n * SECOND, part) for n, part in enumerate(cut + changed)), link))
    assert seen.engine.frames == 2 * len(frame)


# -- real captures ---------------------------------------------------------------------------------------------------


def listed() -> list[tuple[str, str]]:
    """(file, role) of every real capture."""
    if not CAPTURES.is_dir():
        return []
    with (CAPTURES / "INDEX.tsv").open(encoding="utf-8") as index:
        rows = [(row["file"], row["role"]) for row in csv.DictReader(index, delimiter="\t")]
    return [row for row in rows if row[0].endswith((".pcap", ".pcapng", ".cap"))]


def check_capture(path: Path) -> None:
    engine = battery.see(path.read_bytes()).engine
    assert not engine.defects, engine.defects[0]


@pytest.mark.skipif(not CAPTURES.is_dir(), reason=NO_CAPTURES)
@pytest.mark.parametrize("name", [name for name, role in listed() if "malformed" in role])
def test_malformed_capture(name) -> None:
    check_capture(CAPTURES / name)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason=NO_CAPTURES)
@pytest.mark.parametrize("folder", sorted({name.split("/")[0] for name, _ in listed()}))
def test_all_captures_of(folder) -> None:
    for name, role in listed():
        path = CAPTURES / name
        if name.startswith(folder + "/") and "malformed" not in role and path.stat().st_size <= BIG:
            check_capture(path)
