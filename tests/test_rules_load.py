"""Finding, compiling and caching rule files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rule_files import COUNTING, GOOD, write

from sentinel.rules import load
from sentinel.rules.load import RuleSet, find


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SENTINEL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sentinel"


def test_finds_files_and_folders_once_in_a_stable_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, two = write(tmp_path / "b", "one", GOOD), write(tmp_path, "two", COUNTING)
    (tmp_path / "b" / "notes.txt").write_text("no rule")
    assert find([tmp_path, one]) == [one, two]


def test_a_warm_start_reads_the_cache_and_gives_the_same(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path, "stopped", GOOD)
    cold = RuleSet.load([path])
    assert len(list(cache.glob("rules-*.json"))) == 1
    assert RuleSet.load([path]).rules == cold.rules
    code = (
        "import sys; from pathlib import Path; from sentinel.rules.load import RuleSet; "
        "print(len(RuleSet.load([Path(sys.argv[1])]).rules), [m for m in ('sigma', 'yaml') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1 []"


def test_changed_content_is_compiled_again(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path, "stopped", GOOD)
    RuleSet.load([path])
    write(tmp_path, "stopped", GOOD.replace("level: high", "level: low"))
    assert RuleSet.load([path]).rules[0].kind.level == "low"
    assert len(list(cache.glob("rules-*.json"))) == 2


def test_the_cache_is_kept_small(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "CACHE_FILES", 2)
    for number in range(5):
        RuleSet.load([write(tmp_path, f"stopped{number}", GOOD)])
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_is_made_again(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path, "stopped", GOOD)
    RuleSet.load([path])
    (kept,) = cache.glob("rules-*.json")
    for damage in (b"{", b"[{}]", b"\xff", b"[1]"):
        kept.write_bytes(damage)
        assert [rule.name for rule in RuleSet.load([path]).rules] == ["stopped"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert len(RuleSet.load([write(tmp_path, "stopped", GOOD)]).rules) == 1


def test_a_relative_cache_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the XDG base directory specification: a relative path is invalid and is not used
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    RuleSet.load([write(tmp_path, "stopped", GOOD)])
    assert (tmp_path / ".cache" / "sentinel").is_dir() and not Path("here").exists()


def test_the_cache_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path / "mine"))
    RuleSet.load([write(tmp_path, "stopped", GOOD)])
    assert len(list((tmp_path / "mine").glob("rules-*.json"))) == 1


def test_files_that_cannot_be_read_are_problems_and_the_others_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "MAX_FILE", 2000)
    good, large = write(tmp_path, "stopped", GOOD), write(tmp_path, "large", "#" * 3000)
    ruleset = RuleSet.load([good, large, tmp_path / "missing.yml"])
    assert [rule.name for rule in ruleset.rules] == ["stopped"]
    assert [(Path(p.path).name, p.message) for p in ruleset.problems] == [
        ("large.yml", "larger than 2000 bytes"),
        ("missing.yml", os.strerror(2)),
    ]


def test_sets_with_problems_are_not_cached(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path, "stopped", GOOD.replace("event.action", "event.nothing"))
    for _ in range(2):
        assert len(RuleSet.load([path]).problems) == 1
    assert not cache.exists()


def test_only_takes_what_a_correlation_counts_with_it(tmp_path: Path) -> None:
    ruleset = RuleSet.load([write(tmp_path, "many", COUNTING), write(tmp_path, "stopped", GOOD)])
    assert [rule.name for rule in ruleset.only(["many"]).rules] == ["many_read", "many"]
    with pytest.raises(KeyError):
        ruleset.only(["nothing"])


def test_needed_columns(tmp_path: Path) -> None:
    ruleset = RuleSet.load([write(tmp_path, "many", COUNTING), write(tmp_path, "stopped", GOOD)])
    subject = {"capture", "frame", "time", "flow", "src", "dst", "unit", "protocol"}
    assert ruleset.needed_columns("messages") == subject | {"activity", "operation", "kind"}
    assert ruleset.needed_columns("points") == set()
