"""Time and ends of cited frames, out of whatever table knows them."""

from __future__ import annotations

import datetime

import fake_assessment as fake

from sentinel.assess.model import Evidence, Trace
from sentinel.assess.traces import cited, traces
from sentinel.assess.view import Rows, View

START = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
NS = 1_780_272_000_000_000_000


def at(seconds: int) -> datetime.datetime:
    return START + datetime.timedelta(seconds=seconds)


def message(number: int, frame: int, src: str, dst: str, **more: object) -> dict[str, object]:
    ends = {"src": src, "dst": dst, "sport": 4000, "dport": 502, "transport": "tcp", "protocol": "modbus"}
    return {"message": number, "capture": 1, "frame": frame, "time": at(frame), "flow": 1, **ends, **more}


FLOW = {
    "flow": 7, "id": "f", "capture": 1, "frame": 1, "last_frame": 9, "time": at(1), "last_time": at(9),
    "client": "192.0.2.1", "server": "192.0.2.2", "client_port": 4000, "server_port": 502, "transport": "tcp",
}  # fmt: skip
CAPTURE = {"capture": 1, "sha256": "aa", "first_time": at(0), "last_time": at(20)}


def made(*frames: int, **tables: list[dict[str, object]]) -> tuple[Trace, ...]:
    rows = {"captures": [CAPTURE], **tables}
    return traces(View(Rows(**rows)), [Evidence("frames", capture=1, sha256="aa", frames=frames)])


def test_a_message_gives_sender_and_receiver():
    (trace,) = made(5, messages=[message(1, 5, "192.0.2.2", "192.0.2.1"), message(2, 6, "192.0.2.1", "192.0.2.2")])
    assert trace == Trace(1, 5, NS + 5 * 10**9, "192.0.2.2", "192.0.2.1", 4000, 502, "tcp", "modbus")


def test_the_first_of_several_messages_in_a_frame_speaks_for_it():
    rows = [message(8, 5, "192.0.2.8", "192.0.2.1"), message(3, 5, "192.0.2.3", "192.0.2.1")]
    assert made(5, messages=rows)[0].src == "192.0.2.3"


def test_the_ends_of_a_flow_are_client_and_server():
    first, last = made(1, 9, flows=[FLOW])
    assert (first.src, last.dst, first.time, last.time) == ("192.0.2.1", "192.0.2.2", NS + 10**9, NS + 9 * 10**9)


def test_a_protocol_that_only_the_port_suggests_is_not_said():
    guess = {**FLOW, "protocol": "modbus", "label_by": "port only"}
    sure = {**guess, "label_by": "payload of both sides"}
    assert [made(1, flows=[flow])[0].protocol for flow in (guess, sure)] == [None, "modbus"]


def test_a_flow_that_ends_in_the_next_capture_does_not_number_its_last_frame_here():
    assert made(9, flows=[{**FLOW, "last_time": at(30)}]) == ()


def test_facts_and_faults_and_alerts_lead_to_their_flow():
    fact = {"fact": "x", "capture": 1, "frame": 3, "time": at(3), "flow": 7, "device": "192.0.2.2"}
    fault = {"capture": 1, "frame": 4, "time": at(4), "flow": 7, "code": "length"}
    times = {"first_time": at(6), "last_time": at(6)}
    alert = {"alert": "a", "evidence": "[[1, 6]]", "flows": "[7]", "state": "open", **times}
    many = {**alert, "alert": "b", "evidence": "[[1, 7]]", "flows": "[7, 8]"}
    found = made(3, 4, 6, 7, flows=[FLOW], facts=[fact], faults=[fault], alerts=[alert, many])
    assert [(t.frame, t.src, t.time) for t in found] == [(n, "192.0.2.1", NS + n * 10**9) for n in (3, 4, 6)]


def test_a_frame_that_nothing_knows_is_left_out():
    assert made(99, flows=[FLOW]) == ()
    assert traces(View(Rows()), []) == ()


def test_everything_that_is_cited_is_named_with_what_cites_it():
    uses = dict(cited(fake.full()))
    assert {"F-01", "Q-BLD-02"} <= uses.keys()
