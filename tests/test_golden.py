"""The golden tables: this project's captures and samples read as they were when a person last looked."""

from __future__ import annotations

import json
import re

import golden_update
import oracles
import pytest
from conftest import ROOT

WRITE = "differs: look at what `python tests/golden_update.py` changes, and commit it if it is right"
CAPTURES = [path.name for path in sorted((ROOT / "pcaps").glob("*.pcap*"))]


def test_every_golden_table_is_what_is_read_now():
    for path, text in golden_update.files().items():
        assert path.read_text(encoding="utf-8").splitlines() == text.splitlines(), f"{path.relative_to(ROOT)} {WRITE}"


def test_no_golden_table_is_left_over():
    written = {path.name for path in golden_update.files()}
    assert {path.name for path in golden_update.GOLDEN.glob("*.json*")} <= written


@pytest.mark.parametrize("name", CAPTURES)
def test_a_generated_capture_is_read_without_a_gap(name):
    head = golden_update.golden_table(golden_update.sources()[name])[0]
    assert head["messages"]
    assert not any("stream-gap" in fault or "parser" in fault for fault in head["faults"])


def test_operations_are_counted_once_for_each_message():
    counted = json.loads((golden_update.GOLDEN / "operations.json").read_text(encoding="utf-8"))
    messages = [m for tables in golden_update.sources().values() for m in golden_update.messages_of(tables)]
    assert sum(sum(names.values()) for names in counted.values()) == sum("operation" in m for m in messages)


def test_every_difference_is_explained_and_every_explanation_used():
    headings = set(re.findall(r"^### (.+)$", golden_update.PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert headings == {d.reason for d in oracles.differences()}
    assert {d.right for d in oracles.differences()} <= {"ours", "theirs", "both", "neither"}


def test_tables_stay_small():
    for path in golden_update.GOLDEN.glob("*.jsonl"):
        assert path.stat().st_size < 128 << 10, path.name
