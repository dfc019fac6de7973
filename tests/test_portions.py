"""Portions of the flows of a capture, joined, are the case that one process makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases_alike import Here, same, told

from sentinel import cluster, pipeline, reading
from sentinel.portions import Portion
from sentinel.rules import alerts
from sentinel.wire import layout as L

PCAPS = Path(__file__).resolve().parents[1] / "pcaps"
SHARED = PCAPS.parents[1] / "shared/captures"
GENERATED = sorted(path.name for path in PCAPS.iterdir() if path.suffix in (".pcap", ".pcapng"))
FROM_ELSEWHERE = [
    "encapsulation/zeek__fragmented-*.pcap",
    "encapsulation/zeek__gtp1_gn_normal_incl_fragmentation.pcap",
    "encapsulation/zeek__6in6in6.pcap",
    "encapsulation/zeek__erspan*.pcap",
    "encapsulation/zeek__geneve*.pcap*",
    "encapsulation/zeek__vxlan*.pcap",
    "encapsulation/zeek__http-qinq-0.pcap",
    "enip/icsnpp-enip__*single*.pcap*",
    "goose/*.pcap*",
    "modbus/iti__*.pcap*",
    "dnp3/*__*.pcap*",
]
"""Fragments, tunnels, frames without IP, copies, several protocols beside each other."""


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of few frames: their seams are where portions could differ."""
    monkeypatch.setattr(reading, "FRAMES_A_TURN", 53)
    monkeypatch.setattr(reading, "BATCH_BYTES", 1)


@pytest.fixture
def cut(monkeypatch):
    """Every set is cut into as many portions as there are workers."""
    monkeypatch.setattr(cluster, "portions", lambda sizes, workers: [workers] * len(sizes))


def both(folder: Path, captures: list[Path], workers: int, rules: list[Path] | None = None) -> Here:
    """Analyse captures whole and in portions, and compare the cases."""
    whole = pipeline.analyze(captures, folder / "one", rules=rules)
    with Here(folder / "many", workers) as spread:
        summary = pipeline.analyze(captures, folder / "many", rules=rules, spread=spread)
    same(folder / "one", folder / "many")
    assert told(summary) == told(whole)
    return spread


@pytest.mark.parametrize("name", GENERATED)
def test_portions_are_the_whole(tmp_path, small_batches, cut, name):
    spread = both(tmp_path, [PCAPS / name], 3)
    assert [call[-2:] for call in spread.calls if call[0] == "read"] == [(0, 3), (1, 3), (2, 3)]


def test_portions_of_captures_that_continue_each_other_are_the_whole(tmp_path, cut):
    both(tmp_path, [PCAPS / "modbus-attack.pcap", PCAPS / "plant-attack.pcapng", PCAPS / "s7-attack.pcap"], 2)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no captures from elsewhere beside this tree")
@pytest.mark.parametrize("pattern", FROM_ELSEWHERE)
def test_portions_of_fragments_tunnels_and_copies_are_the_whole(tmp_path, small_batches, cut, pattern):
    captures = [path for path in sorted(SHARED.glob(pattern)) if path.stat().st_size < 1 << 20][:6]
    assert captures
    both(tmp_path, captures, 3)


def test_each_flow_is_in_one_portion_whichever_side_asks():
    rng = np.random.default_rng(1)
    idents = rng.integers(-(1 << 62), 1 << 62, (5000, L.D_WIDTH))
    turned = idents.copy()
    ends = [L.D_CLIENT_HIGH, L.D_CLIENT_LOW], [L.D_SERVER_HIGH, L.D_SERVER_LOW]
    turned[:, ends[0]], turned[:, ends[1]] = idents[:, ends[1]], idents[:, ends[0]]
    masks = np.array([Portion(index, 4).of(idents) for index in range(4)])
    assert (masks.sum(axis=0) == 1).all()
    assert masks.sum(axis=1).min() > 1000
    assert (masks == np.array([Portion(index, 4).of(turned) for index in range(4)])).all()


def test_where_a_bound_is_reached_one_process_reads_it_again(tmp_path, monkeypatch, cut):
    monkeypatch.setattr(alerts, "MAX_PAIRS", 1)
    spread = both(tmp_path, [PCAPS / "plant-attack.pcapng"], 2)
    assert [call[-2:] for call in spread.calls if call[0] == "read"] == [(0, 2), (1, 2), (0, 1)]


COUNTING = """
title: Reads of one device
id: 6a3d3f1e-8f0d-4c8a-9a43-1b2d3c4e5f60
name: any_read
status: experimental
logsource: {product: ics, category: message}
detection:
  reading: {ics.activity: read, ics.kind: request}
  condition: reading
level: informational
---
title: Many devices are asked
title_zh: 询问多台设备
id: 6a3d3f1e-8f0d-4c8a-9a43-1b2d3c4e5f61
name: many_devices
status: experimental
correlation:
  type: value_count
  rules: [any_read]
  group-by: [source.ip]
  timespan: 1h
  condition: {field: destination.ip, gte: 2}
level: low
"""


def test_what_counts_over_several_portions_is_counted_together(tmp_path, small_batches, cut):
    """A correlation over devices whose flows lie in different portions."""
    rules = tmp_path / "counting.yml"
    rules.write_text(COUNTING, encoding="utf-8")
    both(tmp_path, [PCAPS / "plant-attack.pcapng"], 4, [rules])
    from cases_alike import tables

    assert "many_devices" in tables(tmp_path / "many")["alerts"]["name"].to_list()
