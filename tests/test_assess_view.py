"""What checks see: rows that a test gives, or a case."""

from __future__ import annotations

import polars as pl

from sentinel.assess.model import Coverage, Site, Text, Zone
from sentinel.assess.view import MAX_FRAMES, Rows, View

SHA = "ab" * 32


def view() -> View:
    return View(
        Rows(
            captures=[{"capture": 1, "sha256": SHA}],
            alerts=[
                {"alert": "a", "evidence": "[[1, 9], [1, 4], [2, 3]]", "state": "open"},
                {"alert": "b", "evidence": "[]", "state": "suppressed"},
            ],
            flows=[{"flow": 1, "capture": 1, "frame": 3, "last_frame": 8, "client_port": None}],
        )
    )


def test_absent_columns_are_null_or_empty() -> None:
    row = view().flows.row(0, named=True)
    assert row["client_port"] is None
    assert (row["protocol"], row["payload_client"]) == ("", 0)


def test_a_table_without_rows_is_empty_with_its_columns() -> None:
    assert view().facts.height == 0
    assert "device" in view().facts.columns
    assert view().messages.select(pl.len()).collect().item() == 0


def test_suppressed_alerts_are_left_out() -> None:
    assert view().alerts["alert"].to_list() == ["a"]


def test_evidence_names_the_capture_by_its_hash() -> None:
    piece = view().frames(1, [7, 3, 3])
    assert (piece.sha256, piece.frames) == (SHA, (3, 7))
    assert view().flow_frames(view().flows.row(0, named=True)).frames == (3, 8)


def test_evidence_is_bounded_and_keeps_first_and_last() -> None:
    frames = view().frames(1, range(1, 1000)).frames
    assert len(frames) == MAX_FRAMES
    assert (frames[0], frames[-1]) == (1, 999)


def test_an_alert_gives_one_piece_for_each_capture() -> None:
    pieces = view().alert_evidence(view().alerts.row(0, named=True))
    found = [(p.kind, p.ref, p.capture, p.frames) for p in pieces]
    assert found == [("alert", "a", 1, (4, 9)), ("alert", "a", 2, (3,))]


def test_another_site_knows_the_tables_that_were_read() -> None:
    class Counted(Rows):
        asked = 0

        def scan(self, table: str) -> pl.LazyFrame:
            Counted.asked += table == "flows"
            return super().scan(table)

    first = View(Counted(flows=[{"flow": 1}]))
    assert first.flows.height == 1
    other = first.knowing(Site(zones=(Zone("z", Text("区", "z")),)), Coverage(hours=2.0))
    assert other.flows is first.flows and Counted.asked == 1
    assert (other.site.zones[0].id, other.coverage.hours, first.coverage.hours) == ("z", 2.0, 0.0)
