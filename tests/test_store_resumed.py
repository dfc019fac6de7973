"""A run that was left live is finished in one transaction, or stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_rows import alert, asset, fact, messages

from sentinel.store.case import Case
from sentinel.store.resumed import Resumed, give_up, left

PLACE = [1, 5, 0, 0]
MARKS = dict.fromkeys(("stored", "late", "now", "summed", "counted"), PLACE)


def a_left_case(folder: Path) -> None:
    """A run that was killed after a checkpoint."""
    with Case.open(folder) as case:
        run = case.begin_run([{"path": "/x/a.pcapng"}])
        run.write("messages", messages(run, 3))
        run.checkpoint(run.captures, [alert("a1", 2)], [fact("x")], [asset("d")], {"frames": 5}, marks=MARKS)
        run.abort()


def test_what_is_added_stands_behind_what_was_there(tmp_path: Path) -> None:
    a_left_case(tmp_path / "case")
    with Case.open(tmp_path / "case", keep_open=True) as case:
        old = left(case)
        assert old is not None and old.marks == MARKS and old.summary == {"frames": 5}
        before = case.scan("messages").collect()
        with Resumed(case, old) as run:
            run.write("messages", messages(run, 2))
            row = {**old.captures[0], "state": "complete", "frames": 9}
            run.complete([row], [fact("x"), fact("y")], [asset("d")], [alert("a1", 3), alert("a2")], {"frames": 9})
        assert left(case) is None and case.check() == []
        assert case.scan("messages").collect().head(3).equals(before)
        assert case.scan("messages").collect().height == 5
        assert dict(case.alerts().select("alert", "count").iter_rows()) == {"a1": 5, "a2": 1}
        assert case.facts().height == 2 and case.assets()["packets"].to_list() == [2]
        (summary,) = case.summary()["runs"]
        assert (summary["run"], summary["state"]) == (1, "complete")
        assert summary["summary"] == {"frames": 9, "facts": 2, "assets": 1, "alerts": {"": 2}}
        assert case.captures()["frames"].to_list() == [9]


def test_whatever_goes_wrong_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    a_left_case(tmp_path / "case")
    for _ in range(2):
        with Case.open(tmp_path / "case", keep_open=True) as case:
            old = left(case)
            assert old is not None
            with pytest.raises(ZeroDivisionError), Resumed(case, old) as run:
                run.write("messages", messages(run, 2))
                raise ZeroDivisionError
            assert case.scan("messages").collect().height == 3 and case.check() == []
            assert len(list((tmp_path / "case" / "messages").iterdir())) == 1


def test_a_run_that_cannot_be_finished_is_given_up_once(tmp_path: Path) -> None:
    a_left_case(tmp_path / "case")
    with Case.open(tmp_path / "case", keep_open=True) as case:
        old = left(case)
        assert old is not None
        give_up(case, old, [{**old.captures[0], "detail": '{"sensor": {"lost_seconds": 4}}'}])
        assert left(case) is None
        assert case.summary()["runs"][0]["state"] == "interrupted"
        assert "lost_seconds" in case.captures()["detail"][0]


def test_a_run_that_ended_is_nobodys_to_finish(tmp_path: Path) -> None:
    with Case.open(tmp_path / "case") as case:
        assert left(case) is None
        run = case.begin_run([{"path": "/x/a.pcapng"}])
        run.checkpoint(run.captures, summary={}, marks=MARKS)
        assert left(case) is not None
        run.finish(run.captures, [], [], [], {})
        assert left(case) is None
