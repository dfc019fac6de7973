"""The loop between a case and a receiver: order, filters, rates, failures, and sums that agree."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sink_documents import a_case, add, an_alert
from store_rows import SHA_B, SHA_C, asset, messages
from waiting import PATIENCE, until

from sentinel.errors import CaseError, SinkError
from sentinel.sinks import deliver
from sentinel.sinks.base import Sent, Sink, Target, Unavailable, parse
from sentinel.sinks.deliver import Backoff, Courier, Delivery, Wishes
from sentinel.sinks.documents import HELD, Document
from sentinel.store.case import Case
from sentinel.store.outbox import OFFERED, Counts, Outbox


class Fake(Sink):
    """Takes what it is sent, unless it was told to do otherwise: `answers` are raised or returned, in order."""

    TABLES = OFFERED
    BATCH = 2
    REFRESH = 0.0

    def __init__(self, answers: Sequence[Any] = ()) -> None:
        self.answers = list(answers)
        self.got: list[Document] = []
        self.expected: list[Mapping[str, Mapping[str, str]]] = []
        self.wait = 0.0
        self.closed = threading.Event()

    def expect(self, extensions: Mapping[str, Mapping[str, str]]) -> None:
        self.expected.append(extensions)

    def send(self, documents: Sequence[Document]) -> Sent:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, int):  # refuse so many
            refused = [(d.id, "no", d.body) for d in documents[:answer]]
            self.got += documents[answer:]
            return Sent(len(documents) - len(refused), refused)
        self.got += documents
        return Sent(len(documents))

    def due(self) -> float:
        return self.wait

    def close(self) -> None:
        self.closed.set()

    def tables(self) -> list[str]:
        return [document.table for document in self.got]


def wishes(**options: str) -> Wishes:
    return Wishes.of(Target("fake", "h", None, "", options), Fake)


@pytest.fixture
def case(tmp_path) -> Path:
    levels = ("low", "high", "critical")
    return a_case(tmp_path / "c", 5, alerts=[an_alert(level, severity=level) for level in levels])


class Open:
    """A delivery over an open case, with a clock of its own."""

    def __init__(self, folder: Path, sink: Fake, wanted: Wishes, patient: bool = False) -> None:
        self.now = 0.0
        self.case = Case.open(folder, "read")
        self.outbox = Outbox(self.case, "fake", refresh=wanted.refresh)
        self.delivery = Delivery(self.case, self.outbox, sink, wanted, "tap", patient, lambda: self.now)

    def __enter__(self) -> Open:
        return self

    def __exit__(self, *_: object) -> None:
        self.outbox.close()
        self.case.close()

    def all(self) -> dict[str, Counts]:
        while self.delivery.turn():
            pass
        return self.delivery.counts()


def test_everything_goes_out_in_order_and_once(case) -> None:
    sink = Fake()
    with Open(case, sink, wishes()) as one:
        counts = one.all()
        assert [d.row["message"] & 0xFF for d in sink.got if d.table == "messages"] == [0, 1, 2, 3, 4]
        assert counts["messages"] == Counts(sent=5)
        assert counts["alerts"] == Counts(sent=3)
        assert sink.tables()[0] == "alerts"  # what is urgent goes first
        assert not one.delivery.turn()


def test_a_row_of_a_sensor_keeps_its_id_when_the_segment_is_hashed_and_compressed(tmp_path) -> None:
    """A batch that nobody confirmed is sent again, perhaps by another process: it must not become other documents."""
    ids = []

    def offered(folder: Path) -> None:
        sink = Fake()
        with Case.open(folder, "read") as case, Outbox(case, f"r{len(ids)}") as outbox:
            Delivery(case, outbox, sink, wishes(tables="messages"), "tap").turn()
        ids.append([document.id for document in sink.got])

    with Case.open(tmp_path / "c") as case:
        row = {"path": "/s/1.pcapng", "format": "pcapng", "first_time": 5, "detail": '{"sensor": {}}', "frames": 3}
        with case.begin_run([row]) as run:
            numbers = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("frame")
            run.write("messages", messages(run, 3).with_columns(numbers))
            run.checkpoint(run.captures, summary={})
            offered(tmp_path / "c")
            run.finish([{**one, "sha256": SHA_B} for one in run.captures], [], [], [], {})
        offered(tmp_path / "c")
        case.amend_capture(1, {"path": "/s/1.pcapng.zst", "sha256": SHA_C})
        offered(tmp_path / "c")
    assert ids[0] == ids[1] == ids[2] and len(set(ids[0])) == Fake.BATCH


def test_no_table_waits_for_the_end_of_another(case) -> None:
    sink = Fake()
    with Open(case, sink, wishes()) as one:
        one.delivery.turn()
        assert set(sink.tables()) == {"alerts", "messages"}


def test_only_the_tables_that_were_wished_for(case) -> None:
    sink = Fake()
    with Open(case, sink, wishes(tables="alerts,points")) as one:
        assert set(one.all()) == {"alerts", "points"}
        assert set(sink.tables()) == {"alerts"}


def test_alerts_that_are_not_severe_enough_are_left_out_and_counted(case) -> None:
    sink = Fake()
    with Open(case, sink, wishes(severity="high", tables="alerts,messages")) as one:
        assert one.all()["alerts"] == Counts(sent=2, left_out=1)
        assert one.all()["messages"] == Counts(sent=5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"severity": "loud"}, "is none of"),
        ({"tables": "alerts,everything"}, "everything is none of"),
        ({"rate": "many"}, "is no rate"),
        ({"rate": "0/s"}, "is no rate"),
    ],
)
def test_wishes_that_make_no_sense(options, why) -> None:
    with pytest.raises(SinkError, match=why):
        wishes(**options)


def test_what_exceeds_the_rate_is_held_and_told_in_a_summary(case) -> None:
    sink = Fake()
    with Open(case, sink, wishes(tables="alerts", rate="1/m")) as one:
        assert one.all()["alerts"] == Counts(sent=1, held=2)
        assert sink.tables() == ["alerts"]
        one.now = 61.0
        one.delivery.turn()
        assert sink.tables() == ["alerts", HELD]
        assert sink.got[-1].body["message"].startswith("2 held back by the rate limit: 1 x plc_stop")
        one.now = 122.0
        one.delivery.turn()
        assert sink.tables() == ["alerts", HELD]  # said once


def test_a_summary_that_did_not_arrive_is_told_again_after_a_restart(case) -> None:
    with Open(case, Fake([None, Unavailable("{uri}: no", uri="x")]), wishes(tables="alerts", rate="1/m")) as one:
        one.all()
        with pytest.raises(Unavailable):
            one.delivery.summarise()
    sink = Fake()
    with Open(case, sink, wishes(tables="alerts", rate="1/m")) as one:
        one.delivery.summarise()
        assert sink.tables() == [HELD]


def test_refused_documents_are_kept_with_their_reason(case) -> None:
    with Open(case, Fake([1]), wishes(tables="messages")) as one:
        assert one.all()["messages"] == Counts(sent=4, refused=1)
        assert one.outbox.refused()[0]["reason"] == "no"
        assert one.delivery.refused == 1


def test_a_failure_moves_nothing_on_and_uses_up_no_rate(case) -> None:
    sink = Fake([Unavailable("{uri}: no", uri="x")])
    with Open(case, sink, wishes(tables="alerts", rate="2/m")) as one:
        with pytest.raises(Unavailable):
            one.delivery.turn()
        assert one.delivery.counts()["alerts"] == Counts(waiting=3)
        assert one.all()["alerts"] == Counts(sent=2, held=1)


def test_a_table_that_is_not_taken_holds_up_no_other_one(case) -> None:
    blocked = Unavailable("{uri}: blocked", uri="x")
    blocked.of_table = True
    sink = Fake([blocked])
    with Open(case, sink, wishes(tables="alerts,messages")) as one:
        with pytest.raises(Unavailable, match="blocked") as caught:
            one.delivery.turn()
        assert caught.value.progressed and set(sink.tables()) == {"messages"}
        counts = one.all()
        assert (counts["alerts"], counts["messages"]) == (Counts(sent=3), Counts(sent=5))
        assert [d.row["message"] & 0xFF for d in sink.got if d.table == "messages"] == [0, 1, 2, 3, 4]


def test_what_went_out_before_a_failure_is_progress(case) -> None:
    with Open(case, Fake([None, Unavailable("{uri}: no", uri="x")]), wishes(tables="alerts,messages")) as one:
        with pytest.raises(Unavailable) as caught:
            one.delivery.turn()
        assert caught.value.progressed


def test_a_sink_that_loses_count_is_a_defect(case) -> None:
    class Wrong(Fake):
        def send(self, documents: Sequence[Document]) -> Sent:
            return Sent(0)

    with Open(case, Wrong(), wishes()) as one, pytest.raises(ValueError, match="does not account"):
        one.delivery.turn()


def test_a_sink_that_is_not_due_is_left_alone(case) -> None:
    sink = Fake()
    sink.wait = 5.0
    with Open(case, sink, wishes(), patient=True) as one:
        assert not one.delivery.turn()
        assert one.delivery.counts()["alerts"].waiting == 3


def test_a_row_that_changed_in_passing_waits_for_its_turn(tmp_path) -> None:
    folder = a_case(tmp_path / "c", 1, assets=[asset("x", packets=1)])
    with Open(folder, Fake(), wishes(refresh="1h")) as one:
        one.all()
    with Case.open(folder) as case:
        add(case, SHA_B, 1, assets=[asset("x", packets=9)])
    with Open(folder, Fake(), wishes(refresh="1h")) as one:
        assert one.all()["assets"] == Counts(sent=1)
    with Open(folder, Fake(), wishes(refresh="0")) as one:
        assert one.all()["assets"] == Counts(sent=2)
    with Case.open(folder) as case:
        add(case, SHA_C, 1, assets=[asset("x", packets=1, role="plc")])
    with Open(folder, Fake(), wishes(refresh="1h")) as one:
        assert one.all()["assets"] == Counts(sent=3)


def test_waiting_doubles_with_jitter_up_to_a_limit() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    waits = [backoff.wait() for _ in range(40)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(waits) == deliver.LONGEST_WAIT
    assert backoff.wait(120.0) == 120.0
    assert backoff.wait(1e9) == deliver.LONGEST_ASKED
    backoff.reset()
    assert Backoff(chance=lambda: 0.0).wait() == 0.25
    assert backoff.wait() == 0.5


# -- the thread ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch) -> Fake:
    """The sink that every courier of the test gets."""
    sink = Fake()
    monkeypatch.setattr(deliver, "open_sink", lambda target: sink)
    monkeypatch.setattr(deliver, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(deliver, "POLL", 0.01)
    return sink


def ended(courier: Courier) -> Courier:
    courier.start()
    courier.join(PATIENCE)
    assert not courier.is_alive()
    return courier


def test_a_courier_ends_when_everything_was_sent(case, fake) -> None:
    courier = ended(Courier(case, "fake://h"))
    assert courier.error is None
    assert courier.state.counts["messages"] == Counts(sent=5)
    assert fake.closed.is_set()


def test_a_courier_goes_on_after_an_outage(case, fake) -> None:
    fake.answers = [Unavailable("{uri}: no", uri="x")] * 3
    courier = ended(Courier(case, "fake://h"))
    assert courier.error is None
    assert courier.state.counts["messages"] == Counts(sent=5)


def test_a_courier_is_patient_with_a_receiver_that_takes_some(case, fake, monkeypatch) -> None:
    monkeypatch.setattr(deliver, "FIRST_WAIT", 0.05)
    waits: list[int] = []
    wait = Backoff.wait
    monkeypatch.setattr(Backoff, "wait", lambda self, asked=None: waits.append(self.failures) or wait(self, asked))
    for _ in range(20):
        some = Unavailable("{uri}: busy", uri="x")
        some.progressed = True
        fake.answers.append(some)
    courier = ended(Courier(case, "fake://h", patience=0.001))
    assert courier.error is None and courier.state.counts["messages"] == Counts(sent=5)
    assert waits == [0] * 20


def test_a_courier_gives_up_when_its_patience_ends(case, fake) -> None:
    fake.answers = [Unavailable("{uri}: no", uri="x")] * 100
    courier = ended(Courier(case, "fake://h", patience=0.05))
    assert isinstance(courier.error, Unavailable)
    assert courier.state.counts["messages"] == Counts(waiting=5)
    with Case.open(case, "read") as opened, Outbox(opened, "fake://h", look_only=True) as outbox:
        problem, since = outbox.problem()
        assert (str(problem), since > 0) == ("x: no", True)


def test_a_wrong_key_ends_a_courier_at_once_but_not_one_that_follows(case, fake) -> None:
    fake.answers = [SinkError("{uri}: wrong key", uri="x")]
    assert str(ended(Courier(case, "fake://h")).error) == "x: wrong key"
    fake.answers = [SinkError("{uri}: wrong key", uri="x"), RuntimeError("a defect of a client")]
    courier = Courier(case, "fake://h", follow=True)
    courier.start()
    until(lambda: len(fake.got) == 8)
    courier.stop()
    courier.join(PATIENCE)
    assert courier.error is None


def test_a_courier_that_follows_sends_what_is_added(case, fake) -> None:
    courier = Courier(case, "fake://h", follow=True)
    courier.start()
    until(lambda: len(fake.got) == 8)
    with Case.open(case) as opened:
        add(opened, SHA_B, 4)
    until(lambda: len(fake.got) == 12)
    courier.stop()
    courier.join(PATIENCE)
    assert courier.state.counts["messages"] == Counts(sent=9)


def test_two_couriers_do_not_serve_one_receiver(case, fake) -> None:
    with Case.open(case, "read") as opened, Outbox(opened, "fake://h"):
        courier = ended(Courier(case, "fake://h"))
    assert isinstance(courier.error, CaseError)
    assert "is sending this case to fake://h already" in str(courier.error)


def test_a_courier_touches_nothing_before_it_starts(tmp_path) -> None:
    with pytest.raises(SinkError, match="no scheme"):
        Courier(tmp_path / "no-case", "nowhere://h")
    with pytest.raises(SinkError, match="no option"):
        Courier(tmp_path / "no-case", "syslog://h?what=1")
    courier = ended(Courier(tmp_path / "no-case", "syslog://h"))
    assert isinstance(courier.error, CaseError)


def test_a_killed_courier_sends_again_what_was_not_marked(case, fake) -> None:
    with Open(case, fake, wishes()) as one:
        offer = one.outbox.offer("messages", 2)
        fake.send(one.delivery._writer.documents(offer))  # and then it is killed, before `done`
    second = Fake()
    with Open(case, second, wishes()) as one:
        one.all()
    assert fake.got[0].id == next(d.id for d in second.got if d.table == "messages")


def test_the_receivers_place_does_not_depend_on_its_filters() -> None:
    assert parse("syslog://h?severity=high").receiver == parse("syslog://h?format=leef").receiver
