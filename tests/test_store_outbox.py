"""What a receiver has not had yet of a case."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import polars as pl
import pytest
from store_rows import SHA_A, SHA_B, SHA_C, alert, analyse, frame, messages
from waiting import PATIENCE

from sentinel.errors import CaseError, Sentence
from sentinel.store import outbox
from sentinel.store.case import Case
from sentinel.store.outbox import Counts, Outbox


@pytest.fixture
def case(tmp_path):
    with Case.open(tmp_path / "c") as opened:
        analyse(opened, SHA_A, 5, alerts=[alert("a")])
        analyse(opened, SHA_B, 3)
        yield opened


def everything(box: Outbox, table: str, limit: int = 2) -> list[int]:
    found = []
    while (offer := box.offer(table, limit)) is not None:
        assert 0 < len(offer.rows) <= limit
        found += [row["message"] for row in offer.rows]
        box.done(offer)
    return found


def test_rows_come_once_and_in_order_over_all_runs(case):
    with Outbox(case, "es") as box:
        found = everything(box, "messages")
        assert found == sorted(found)
        assert len(found) == len(set(found)) == 8
        assert box.offer("messages", 2) is None


def test_rows_of_a_later_run_follow(case):
    with Outbox(case, "es") as box:
        everything(box, "messages")
        analyse(case, SHA_C, 4)
        assert len(everything(box, "messages")) == 4


def test_what_was_not_done_is_offered_again(case):
    with Outbox(case, "es") as box:
        first = box.offer("messages", 2)
    with Outbox(case, "es") as box:
        assert box.offer("messages", 2) == first
        box.done(first)
        assert box.offer("messages", 2) != first


def test_receivers_do_not_know_of_each_other(case):
    with Outbox(case, "es") as one, Outbox(case, "syslog") as other:
        assert everything(one, "messages") == everything(other, "messages")


def test_a_row_that_changed_is_offered_again(case):
    with Outbox(case, "es") as box:
        offer = box.offer("alerts", 10)
        assert [row["count"] for row in offer.rows] == [1]
        box.done(offer)
        assert box.offer("alerts", 10) is None
        analyse(case, SHA_C, 1, alerts=[alert("a", count=4)])
        again = box.offer("alerts", 10)
        assert [row["count"] for row in again.rows] == [5]


def test_the_sums_agree(case):
    with Outbox(case, "es") as box:
        offer = box.offer("messages", 3)
        box.done(offer, [(str(offer.rows[0]["message"]), "mapping", {"a": 1})])
        assert box.counts()["messages"] == Counts(sent=2, refused=1, waiting=5)
        assert box.counts()["alerts"] == Counts(waiting=1)
        (refused,) = box.refused()
        assert (refused["table"], refused["reason"], refused["document"]) == ("messages", "mapping", {"a": 1})
        everything(box, "messages")
        assert box.counts()["messages"] == Counts(sent=7, refused=1)


def test_refused_rows_are_kept_up_to_a_cap(case, monkeypatch):
    monkeypatch.setattr(outbox, "MAX_REFUSED", 1)
    with Outbox(case, "es") as box:
        offer = box.offer("messages", 3)
        box.done(offer, [(str(row["message"]), "no", {}) for row in offer.rows])
        assert box.counts()["messages"].refused == 3
        assert len(box.refused()) == 1


def test_points_bring_what_their_messages_say(case):
    assert Outbox(case, "es").offer("points", 5) is None
    assert set(case.scan_run("points", 1).collect_schema()) >= {"device", "time", "value"}


def test_a_case_that_is_only_read_keeps_its_places_elsewhere(case, tmp_path):
    with Outbox(case, "es", tmp_path) as box:
        everything(box, "messages")
    assert (tmp_path / outbox.FILE).exists()
    assert not (case.path / outbox.FILE).exists()


def test_points_of_one_message_are_numbered_across_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(outbox, "WINDOW", 4)
    with Case.open(tmp_path / "c") as case:
        with case.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}]) as run:
            run.write("messages", messages(run, 3))
            owner = pl.Series([run.base] * 2 + [run.base + 1] * 11 + [run.base + 2], dtype=pl.Int64)
            run.write("points", frame("points", 14, message=owner))
            run.finish([dict(capture) for capture in run.captures], [], [], [], {})
        found = []
        with Outbox(case, "es") as box:
            while (offer := box.offer("points", 3)) is not None:
                found += [(row["message"] - run.base, row["_nth"]) for row in offer.rows]
                box.done(offer)
    assert found == [(0, 0), (0, 1), *((1, n) for n in range(11)), (2, 0)]


def test_rows_that_the_case_gave_up_are_counted(case, monkeypatch):
    with Outbox(case, "es") as box:
        box.done(box.offer("messages", 2))
        assert box.counts()["messages"] == Counts(sent=2, waiting=6)
        monkeypatch.setattr(case, "runs_of", lambda table: [(2, 3)] if table == "messages" else [])
        assert box.counts()["messages"] == Counts(sent=2, dropped=3, waiting=3)
        assert box.counts()["messages"] == Counts(sent=2, dropped=3, waiting=3)


def test_two_do_not_send_to_one_receiver(case):
    with Outbox(case, "es"), pytest.raises(CaseError, match="is sending this case to es already"):
        Outbox(case, "es")
    with Outbox(case, "es"), Outbox(case, "es", look_only=True) as look:
        assert look.counts()["messages"].waiting == 8


def test_receivers_that_begin_at_one_moment_wait_for_each_other(case, monkeypatch):
    """SQLite refuses to change the journal at once while somebody is about to write, whatever its time limit."""
    with closing(sqlite3.connect(case.path / outbox.FILE, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(outbox, "PATIENCE", 0.05)
        with pytest.raises(CaseError, match="another program holds"):
            Outbox(case, "b")
        monkeypatch.setattr(outbox, "PATIENCE", PATIENCE)
        let_go = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        let_go.start()
        with Outbox(case, "b") as box:
            assert len(box.offer("messages", 100).rows) > 0
        let_go.join()


def test_why_nothing_goes_out_is_kept_for_others_to_see(case):
    with Outbox(case, "es") as box:
        box.want(["alerts"])
        assert box.problem() is None
        box.note(Sentence("{uri}: no", uri="es"))
    assert outbox.receivers(case.path) == ["es"]
    with Outbox(case, "es", look_only=True) as look:
        problem, since = look.problem()
        assert str(problem) == "es: no"
        assert since > 0
        assert set(look.counts()) == {"alerts"}
        look.note(None)
        assert look.problem() is None
