"""`sentinel case`: merge, check, info and compact, as a person meets them."""

from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner
from store_rows import SHA_A, SHA_B, T0, analyse, frame

from sentinel.cli.main import cli
from sentinel.store.case import Case


def run(*args, code: int = 0):
    result = CliRunner().invoke(cli, ["--lang", "en", *map(str, args)])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def two(tmp_path):
    for name, sha256 in (("a", SHA_A), ("b", SHA_B)):
        with Case.open(tmp_path / name) as case:
            analyse(case, sha256)
            case.record([("zone", name, 1)], "ann")
    return tmp_path / "a", tmp_path / "b"


def test_merge_says_what_it_added(tmp_path, two):
    said = run("case", "merge", tmp_path / "out", *two).stdout
    assert "2 runs over 2 captures added; 0 captures were known." in said
    assert "2 entries of the journal, 0 decisions about alerts and 0 assessments added." in said
    again = json.loads(run("case", "merge", tmp_path / "out", *two, "--json").stdout)
    assert (again["runs"], again["known"], again["entries"]) == (0, 2, 0)
    assert run("-q", "case", "merge", tmp_path / "out", *two).stdout == ""


def test_bad_arguments_end_before_anything_is_made(tmp_path, two):
    assert "the same case is given twice" in run("case", "merge", tmp_path / "out", two[0], two[0], code=2).output
    assert "the same case is given twice" in run("case", "merge", two[0], two[0], code=2).output
    assert "there is no case here" in run("case", "merge", tmp_path / "out", two[0], tmp_path / "no", code=4).output
    assert not (tmp_path / "out").exists()


def test_check_names_what_is_damaged(two):
    assert "as it was written" in run("case", "check", two[0]).stdout
    (part,) = (two[0] / "messages").iterdir()
    part.unlink()
    said = run("case", "check", two[0], code=1)
    assert part.name in said.output
    assert "1 files of the case are not as they were written" in said.output


def test_info_tells_rows_bytes_and_origins(tmp_path, two):
    run("case", "merge", tmp_path / "out", *two)
    said = run("case", "info", tmp_path / "out").stdout
    assert "Run 1 came from a" in said
    content = json.loads(run("case", "info", tmp_path / "out", "--json").stdout)
    assert content["rows"]["messages"] == 6
    assert content["bytes"]["messages"] > 0
    assert [origin["source"] for origin in content["origins"]] == ["a", "b"]


@pytest.fixture
def polled(tmp_path):
    """A case of ten reads and one write."""
    with Case.open(tmp_path / "c") as case, case.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}]) as one:
        number = pl.Series([one.base + n for n in range(11)], dtype=pl.Int64)
        activity = pl.Series(["read"] * 10 + ["write"])
        row = number - one.base
        one.write("messages", frame("messages", 11, message=number, capture=1, frame=row, kind="request",
                                    activity=activity))  # fmt: skip
        one.finish([{**one.captures[0], "last_time": T0}], [], [], [], {})
    return tmp_path / "c"


def test_compact_counts_reads_and_says_what_went(polled):
    kept = run("case", "compact", polled, "--before", "2000-01-01").stdout
    assert "0 messages are counts now, 0 counts and flows are gone" in kept
    found = json.loads(run("case", "compact", polled, "--json").stdout)
    assert (found["counted"], found["dropped"], found["stuck"]) == (10, 0, False)
    rows = json.loads(run("case", "info", polled, "--json").stdout)["rows"]
    assert (rows["messages"], rows["polls"]) == (1, 1)
    assert "as it was written" in run("case", "check", polled).stdout
    assert "10" in run("show", "polls", "--case", polled, "--columns", "count").stdout
    assert run("-q", "case", "compact", polled).stdout == ""


def test_compact_keeps_to_a_size_or_says_that_it_cannot(polled):
    roomy = json.loads(run("case", "compact", polled, "--keep", "1.5 GiB", "--json").stdout)
    assert (roomy["counted"], roomy["dropped"]) == (0, 0)
    said = run("case", "compact", polled, "--keep", "1K", code=1).output
    assert "nothing is left in the case that may be given up" in said
    rows = json.loads(run("case", "info", polled, "--json").stdout)["rows"]
    assert (rows["messages"], rows["polls"]) == (1, 0)


def test_compact_refuses_what_it_does_not_understand(tmp_path, polled):
    assert "is no size" in run("case", "compact", polled, "--keep", "much", code=2).output
    assert "is no time" in run("case", "compact", polled, "--before", "yesterday", code=2).output
    assert "there is no case here" in run("case", "compact", tmp_path / "none", code=4).output
    assert not (tmp_path / "none").exists()
