"""Before anything starts: the rules, and segments whose writer was killed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sentinel.errors import RuleError, UsageError
from sentinel.sensor.config import Config
from sentinel.sensor.loop import Orders
from sentinel.sensor.start import hash_again, rules_of, run
from sentinel.store.case import Case


def test_rules_come_with_those_of_the_configuration(tmp_path: Path) -> None:
    config = Config()
    shipped = rules_of(config)
    assert len(shipped.rules) > 20
    config.rules = [str(tmp_path / "none")]
    with pytest.raises(RuleError, match="none"):
        rules_of(config)
    (tmp_path / "bad.yml").write_text("title: [")
    config.rules = [str(tmp_path)]
    with pytest.raises(RuleError, match="bad.yml"):
        rules_of(config)


def test_no_port_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="-i INTERFACE"):
        run(Config, tmp_path / "case", Orders())
    assert not (tmp_path / "case").exists()


def test_segments_of_a_killed_sensor_are_hashed(tmp_path: Path) -> None:
    segment = tmp_path / "a.pcapng"
    segment.write_bytes(b"some blocks")
    rows = [{"path": str(segment)}, {"path": "live:eth1"}, {"path": str(tmp_path / "gone.pcapng")}]
    case = Case.open(tmp_path / "case")
    case.begin_run(rows).checkpoint([{**row, "capture": n, "state": "live"} for n, row in enumerate(rows, start=1)])
    case._lock.release()  # what the kernel does for a killed program
    with Case.open(tmp_path / "case") as after:
        hash_again(after)
        digest = hashlib.sha256(b"some blocks").hexdigest()
        assert after.captures()["sha256"].to_list() == [digest, "", ""]
        assert after.captures()["bytes"].to_list() == [11, 0, 0]
