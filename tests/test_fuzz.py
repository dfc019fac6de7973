"""The fuzz targets hold on their seeds and on a few hundred seeded changes of them (`make fuzz` goes on from there)."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import wrap
from fuzz.mutate import MAX_INPUT, mutations
from fuzz.run import Current
from fuzz.targets import Broken, Target, check, targets

from sentinel.plugins import load_parsers

TARGETS = targets()
INPUTS = {"tables": 8, "engine": 60, "conversation": 60}
"""Changed inputs of the slow targets; the others take MOST."""
MOST = 200


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_target_holds_on_its_seeds_and_their_changes(target: Target) -> None:
    seeds = target.seeds()
    assert seeds
    count = INPUTS.get(target.name, MOST)
    few = random.Random(0).sample(seeds, min(count, len(seeds)))
    for data in itertools.chain(few, itertools.islice(mutations(seeds, 20), count)):
        target.run(data)


BROKE = [
    # Modbus write file record, 12 bytes of which the sub-request takes more: the reader stayed narrowed
    ("parser-modbus", "00 0016 0102 0000 0010 11 15 0c fe 0004 0007 0003 06af04be100d"),
    # IPv6 fragments 8-12 (the last), 280-296 and 0-16: what lies beyond the end kept the datagram from completing
    ("fragments", "08 0006 0001 0000006c 0c 0012 0023 000102030405060708090a0b0c0d0e0f 0c 0012 0000" + "00" * 16),
]


@pytest.mark.parametrize(("name", "data"), BROKE, ids=[name for name, _ in BROKE])
def test_inputs_that_broke_a_target_once_do_not_again(name: str, data: str) -> None:
    TARGETS[name].run(bytes.fromhex(data))


def test_every_parser_is_fuzzed() -> None:
    assert {f"parser-{p.name}" for p in load_parsers().protocols} <= set(TARGETS)


def test_pieces_and_their_input_are_each_others_inverse() -> None:
    parts = [(0, b""), (255, b"abc"), (wrap.SIDE | wrap.GAP, bytes(1000))]
    assert wrap.pieces(wrap.joined(parts)) == parts
    assert wrap.pieces(b"\x01\x00\x05ab") == [(1, b"ab")], "a piece that the input cuts off is shorter"
    assert len(wrap.pieces(bytes(3000))) == wrap.MAX_PIECES


def test_the_same_seed_gives_the_same_inputs_and_none_too_long() -> None:
    def some(seed: int) -> list[bytes]:
        return list(itertools.islice(mutations([b"abcdefgh" * 1100, b"12"], seed), 300))

    assert some(1) == some(1) != some(2)
    assert max(map(len, some(1))) <= MAX_INPUT


def test_a_broken_promise_is_seen() -> None:
    with pytest.raises(Broken, match="promise"):
        check(False, "promise")


def test_the_input_that_is_tried_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "current"
    assert Current.read(path) == (0, b"")
    current = Current(path, 32)
    current.put(b"first, the longer")
    current.put(b"second")
    assert Current.read(path) == (2, b"second")


def test_an_input_is_replayed_and_a_wrong_target_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parent / "fuzz/run.py")]
    saved = tmp_path / "input"
    saved.write_bytes(TARGETS["capture"].seeds()[0])
    done = subprocess.run([*command, "capture", "--replay", str(saved)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wrong = subprocess.run([*command, "nothing"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "no target nothing" in wrong.stderr
