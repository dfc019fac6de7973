"""What a receiver has not had yet of a case."""

from __future__ import annotations

import pytest
from store_rows import SHA_A, SHA_B, SHA_C, alert, analyse

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
