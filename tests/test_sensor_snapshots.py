"""Where a segment begins: kept whole or not at all, and refused where it would mislead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sensor_stage import ROOT

from sentinel.identify import Identifier
from sentinel.plugins import load_parsers
from sentinel.sensor.snapshots import FOLDER, Snapshot, Snapshots
from sentinel.sources import files
from sentinel.wire import layout as L
from sentinel.wire.capture import CaptureReader
from sentinel.wire.dissect import Engine

ATTACK = ROOT / "pcaps" / "plant-attack.pcapng"
PROTOCOLS = load_parsers().protocols


def an_engine() -> Engine:
    return Engine(PROTOCOLS, Identifier(PROTOCOLS))


def test_a_table_is_what_it_was_when_its_state_is_put_back(tmp_path: Path) -> None:
    engine, again = an_engine(), an_engine()
    with files.open_capture(ATTACK).stream as stream:
        engine.begin(1, 0)
        engine.read(CaptureReader(stream), 1000)
    snapshots = Snapshots(tmp_path)
    names = [protocol.name for protocol in PROTOCOLS]
    snapshots.keep(3, Snapshot(7, engine.flow_number, names, engine.table.state(1000)), needed=1)
    found = snapshots.of(3, names)
    assert found is not None and (found.message, found.flow) == (7, engine.flow_number)
    again.table.restore(found.flows)
    assert again.table.count == engine.table.count > 10
    assert again.table.state(1000) == engine.table.state(1000)
    texts = (L.L_NAME, L.L_TUNNEL)  # numbers in a dictionary of texts, which each engine has for itself
    left, right = (np.delete(one.open_flows(), texts, axis=1) for one in (engine, again))
    assert sorted(map(tuple, left.tolist())) == sorted(map(tuple, right.tolist()))


def test_only_the_flows_that_were_used_last_are_kept() -> None:
    engine = an_engine()
    with files.open_capture(ATTACK).stream as stream:
        engine.begin(1, 0)
        engine.read(CaptureReader(stream), 1000)
    assert engine.table.state(3) == engine.table.state(1000)[-3:]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"message": 1}'])
def test_a_damaged_one_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "000001.json").write_text(text)
    assert Snapshots(tmp_path).of(1, []) is None


def test_one_of_other_parsers_is_none_and_old_ones_go(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    for capture in (1, 2, 3):
        snapshots.keep(capture, Snapshot(0, 0, ["modbus"], []), needed=capture - 1)
    assert snapshots.of(3, ["modbus"]) is not None and snapshots.of(3, ["dnp3"]) is None
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["000002.json", "000003.json"]
