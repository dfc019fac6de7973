"""TCP streams: order, holes, overlap, wrap-around, caps, copies; what a stream says is the same however it came."""

from __future__ import annotations

import random

import frames as f
import pytest
from battery import Seen, conversations, see
from frames import MS, SECOND, Talk
from hypothesis import given, settings
from hypothesis import strategies as st
from modbus_samples import mbap

from sentinel.wire.streams import MAX_HELD, MAX_HELD_BYTES, MAX_WAIT, REORDER_GRACE, Stream, after


def ask(n: int) -> bytes:
    """A request whose transaction and address are n."""
    return mbap(b"\x03" + n.to_bytes(2, "big") + b"\0\x01", transaction=n)


def told(seen: Seen) -> list[int]:
    """The transactions of the requests that were read, in order."""
    return [row["transaction"] for row in seen.rows("messages") if row["kind"] == "request"]


def requests(n: int, first: int = 0) -> list[bytes]:
    return [ask(k) for k in range(first, first + n)]


def started(**options) -> Talk:
    return Talk(**options).open()


def numbered(talk: Talk, count: int) -> list[bytes]:
    """Frames of `count` requests in a row, not yet in the capture."""
    made = []
    for k in range(count):
        made.append(talk.packet(0, ask(k)))
        talk.seq[0] += 12
    return made


# -- the class -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b", "want"), [
    (5, 3, 2), (3, 5, -2), (0, 0xFFFFFFFF, 1), (0xFFFFFFFF, 0, -1), (1 << 31, 0, -(1 << 31)),
    (0x7FFFFFFF, 0, 0x7FFFFFFF),
])  # fmt: skip
def test_sequence_numbers_are_compared_around_the_end(a, b, want) -> None:
    assert after(a, b) == want
    stream = Stream()
    stream.next = b
    assert stream.distance(a) == want


def test_hold_keeps_order_and_drops_copies() -> None:
    stream = Stream()
    stream.next = 0xFFFFFFF0
    for seq in (20, 0xFFFFFFFA, 8):
        assert stream.hold(seq, b"x" * 4, 4, 1, 0, 1)
    assert not stream.hold(8, b"x" * 4, 4, 2, 5, 1)
    assert stream.hold(8, b"x" * 6, 6, 2, 5, 1), "longer than the one that is kept"
    assert [held[0] for held in stream.held] == [0xFFFFFFFA, 8, 8, 20]
    assert stream.held_bytes == 18
    assert stream.pop(9)[0] == 0xFFFFFFFA and stream.held_bytes == 14


def test_hopeless() -> None:
    stream = Stream()
    stream.next = 100
    assert not stream.hopeless(0)
    stream.hold(200, b"x" * 10, 10, 1, 1000, 1)
    assert not stream.hopeless(1000 + MAX_WAIT)
    assert stream.hopeless(1001 + MAX_WAIT), "time has passed"
    assert stream.hopeless(999), "time runs backwards"
    stream.acknowledge(150)
    assert not stream.hopeless(1000 + REORDER_GRACE)
    assert stream.hopeless(1001 + REORDER_GRACE), "acknowledged, and not seen"
    stream.acknowledge(90)
    assert stream.acked == 150, "an acknowledgement does not go back"


@pytest.mark.parametrize(("count", "size"), [(MAX_HELD, 1), (2, MAX_HELD_BYTES // 2)])
def test_what_waits_is_capped(count, size) -> None:
    stream = Stream()
    stream.next = 0
    for n in range(count):
        assert not stream.hopeless(0)
        stream.hold(1000 + n * size, bytes(size), size, 1, 0, 1)
    assert stream.hopeless(0)


# -- through the engine ----------------------------------------------------------------------------------------------


def test_in_order() -> None:
    talk = started()
    for data in requests(5):
        talk.send(0, data)
    seen = see(talk.records)
    flow = seen.flow()
    assert told(seen) == list(range(5))
    assert (flow["retransmissions"], flow["reordered"], flow["gaps"], seen.faults()) == (0, 0, 0, {})


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1), (2, 0, 3, 1)])
def test_reordered_segments(order) -> None:
    talk = started()
    made = numbered(talk, 4)
    for k in order:
        talk.add(made[k])
    seen = see(talk.records)
    assert told(seen) == [0, 1, 2, 3]
    assert seen.flow()["reordered"] > 0 and seen.flow()["gaps"] == 0


def test_retransmission_is_counted_and_gives_no_second_message() -> None:
    talk = started()
    talk.send(0, ask(1))
    talk.time += 300 * MS
    talk.add(talk.packet(0, ask(1), seq=talk.seq[0] - 12))
    talk.send(0, ask(2))
    seen = see(talk.records)
    assert (told(seen), seen.flow()["retransmissions"], seen.engine.duplicates) == ([1, 2], 1, 0)


def test_overlapping_segment_gives_only_what_is_new() -> None:
    talk = started()
    stream = b"".join(requests(4))
    for start, end in ((0, 20), (10, 30), (5, 12), (24, 48)):
        talk.add(talk.packet(0, stream[start:end], seq=1001 + start))
    seen = see(talk.records)
    assert (told(seen), seen.flow()["retransmissions"], seen.flow()["gaps"]) == ([0, 1, 2, 3], 3, 0)


def test_first_bytes_stay_where_a_retransmission_differs() -> None:
    talk = started().send(0, ask(0)).send(0, ask(1))
    talk.add(talk.packet(0, ask(9) + ask(2), seq=talk.seq[0] - 12))
    seen = see(talk.records)
    assert (told(seen), seen.faults()) == ([0, 1, 2], {"stream-overlap": 1})


def test_first_bytes_stay_where_they_waited_behind_a_hole() -> None:
    """The policy of streams.py: the bytes that came first stay."""
    talk = started()
    talk.add(talk.packet(0, ask(2), seq=1001 + 12))
    talk.add(talk.packet(0, ask(1) + ask(9), seq=1001))
    assert told(see(talk.records)) == [1, 2]


def test_overlap_with_what_waits_is_a_fault() -> None:
    talk = started()
    talk.add(talk.packet(0, ask(2), seq=1001 + 12))
    talk.add(talk.packet(0, ask(1) + ask(9), seq=1001))
    assert "stream-overlap" in see(talk.records).faults()


LOST = {
    "acknowledged, three more segments": lambda talk: talk.lose(0, 12).send(0, ask(1)).send(0, ask(2)).send(0, ask(3)),
    "acknowledged, time": lambda talk: (
        talk.lose(0, 12).send(0, ask(1)),
        setattr(talk, "time", talk.time + 20 * MS),
        talk.send(0, ask(2)).send(0, ask(3)),
    ),
    "time alone": lambda talk: (
        talk.seq.__setitem__(0, talk.seq[0] + 12),
        talk.send(0, ask(1)),
        setattr(talk, "time", talk.time + 2 * SECOND),
        talk.send(0, ask(2)).send(0, ask(3)),
    ),
    "the end of the capture": lambda talk: (
        talk.seq.__setitem__(0, talk.seq[0] + 12),
        talk.send(0, ask(1)).send(0, ask(2)).send(0, ask(3)),
    ),
}


@pytest.mark.parametrize("how", LOST)
def test_a_hole_is_given_up(how) -> None:
    talk = started().send(0, ask(0))
    talk.send(1, mbap("03020001", transaction=0))
    LOST[how](talk)
    seen = see(talk.records)
    assert told(seen) == [0, 1, 2, 3]
    assert (seen.flow()["gaps"], seen.flow()["gap_bytes"]) == (1, 12)
    assert seen.faults()["stream-gap"] == 1


def test_a_hole_is_given_up_when_a_window_waits_behind_it() -> None:
    talk = started().send(0, ask(0))
    talk.send(1, mbap("03020001", transaction=0))
    talk.step = 1000
    talk.seq[0] += 12
    for n in range(1, MAX_HELD + 9):
        talk.send(0, ask(n))
    frames_before_the_end = len(talk.records)
    seen = see(talk.records)
    assert told(seen) == list(range(MAX_HELD + 9))
    assert frames_before_the_end < MAX_HELD + 20 and seen.faults()["stream-gap"] == 1


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_hole_inside_a_message(cut) -> None:
    """What began before the hole is given up; what begins behind it is found."""
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0))
    talk.send(0, ask(1)[:cut]).lose(0, 12 - cut).send(0, ask(2)).send(0, ask(3))
    seen = see(talk.records)
    assert told(seen) == [0, 2, 3]


def test_a_hole_in_the_first_message_of_a_flow() -> None:
    talk = started().lose(0, 7).send(0, ask(1)).send(1, mbap("03020001", transaction=1)).send(0, ask(2))
    assert told(see(talk.records)) == [1, 2]


def test_a_hole_before_the_label_is_known() -> None:
    talk = started(dport=47000).send(0, ask(0) + ask(1)[:5])
    talk.seq[0] += 7 + 6
    for n in range(2, 7):
        talk.send(0, ask(n))
        talk.time += 2 * SECOND
    assert told(see(talk.records)) == [0, 2, 3, 4, 5, 6]


def test_midstream_pick_up() -> None:
    talk = Talk()
    for n in range(3):
        talk.send(0, ask(n)).send(1, mbap("03020001", transaction=n))
    seen = see(talk.records)
    assert told(seen) == [0, 1, 2]
    assert (seen.flow()["state"], seen.flow()["server_port"]) == ("midstream", 502)


def test_midstream_pick_up_inside_a_message() -> None:
    talk = Talk()
    talk.send(0, ask(0)[5:]).send(1, mbap("03020001", transaction=0))
    for n in range(1, 4):
        talk.send(0, ask(n)).send(1, mbap("03020001", transaction=n))
    assert told(see(talk.records)) == [1, 2, 3]


@pytest.mark.parametrize("side", [0, 1])
def test_one_sided_capture(side) -> None:
    talk = started()
    for n in range(4):
        talk.send(0, ask(n)).send(1, mbap("03020001", transaction=n))
    sender = f.mac(1 + side)
    seen = see([record for record in talk.records if record[1][6:12] == sender])
    messages = seen.rows("messages", "kind")
    assert messages == ["request" if side == 0 else "response"] * 4
    flow = seen.flow()
    assert (flow["server_port"], flow["label_by"]) == (502, "payload of one side")
    assert set(seen.rows("messages", "pairing")) == {"unanswered" if side == 0 else "orphan"}


def test_sequence_numbers_wrap_around() -> None:
    talk = Talk(seq=[0xFFFFFFF0, 0xFFFFFFFA]).open()
    for n in range(4):
        talk.send(0, ask(n), (5,)).send(1, mbap("03020001", transaction=n), (3,))
    seen = see(talk.records)
    assert told(seen) == [0, 1, 2, 3] and seen.faults() == {}


def test_reordered_around_the_wrap() -> None:
    talk = Talk(seq=[0xFFFFFFF0, 5]).open()
    made = numbered(talk, 4)
    for k in (0, 2, 1, 3):
        talk.add(made[k])
    assert sorted(told(see(talk.records))) == [0, 1, 2, 3]


def test_segments_cut_by_the_snap_length_are_gaps() -> None:
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0))
    talk.send(0, ask(1) + b"".join(requests(20, 2))).send(0, ask(50)).send(0, ask(51))
    seen = see(f.pcap(talk.records, snaplen=80))
    assert told(seen) == [0, 1, 2, 50, 51]
    assert (seen.flow()["gaps"], seen.engine.cut) == (1, 1)
    assert seen.flow()["gap_bytes"] == 21 * 12 - (80 - 54)


def test_payload_that_is_all_cut_off_is_a_gap() -> None:
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0)).send(0, b"x" * 600).send(0, ask(2))
    seen = see(f.pcap(talk.records, snaplen=66))
    assert seen.flow()["gap_bytes"] == 600 - 12 and told(seen)[-1] == 2


def test_the_end_of_a_stream_inside_a_message_is_told() -> None:
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0)).send(0, ask(1)[:7]).close()
    seen = see(talk.records)
    assert (told(seen), seen.faults()) == ([0], {"stream-tail": 1})


def test_keep_alive_and_zero_window_probes_change_nothing() -> None:
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0))
    talk.time += SECOND
    talk.add(talk.packet(0, b"", flags=16, seq=talk.seq[0] - 1)).add(
        talk.packet(0, b"\0", flags=16, seq=talk.seq[0] - 1)
    )
    talk.add(talk.packet(1, b"", flags=16))
    talk.send(0, ask(1))
    seen = see(talk.records)
    assert (told(seen), seen.faults()) == ([0, 1], {})


@pytest.mark.parametrize("jump", [-(1 << 30), -(1 << 20)])
def test_a_connection_that_began_anew_without_its_handshake(jump) -> None:
    """The mirror lost the new SYN: numbers far behind the window are a new connection, not a retransmission."""
    talk = started()
    for n in range(3):
        talk.send(0, ask(n)).send(1, mbap("03020001", transaction=n))
    talk.seq = [(talk.seq[0] + jump) & 0xFFFFFFFF, (talk.seq[1] + jump) & 0xFFFFFFFF]
    talk.time += 20 * SECOND
    for n in range(3, 6):
        talk.send(0, ask(n)).send(1, mbap("03020001", transaction=n))
    assert told(see(talk.records)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("jump", [1 << 30, 1 << 20])
def test_a_jump_ahead_is_a_gap(jump) -> None:
    talk = started().send(0, ask(0)).send(1, mbap("03020001", transaction=0))
    talk.seq[0] += jump
    talk.time += 20 * SECOND
    talk.send(0, ask(1)).send(0, ask(2))
    seen = see(talk.records)
    assert (told(seen), seen.flow()["gap_bytes"]) == ([0, 1, 2], jump)


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_order_cut_and_repetition_gives_the_same_rows(rng: random.Random) -> None:
    """Segments cut anywhere, shuffled a little, some sent twice: the conversation stays what it was."""
    stream = b"".join(requests(20))
    want = conversations(see(Talk().open().send(0, stream).records))[0]
    talk = Talk(step=1000).open()
    cuts = sorted({0, len(stream), *(rng.randrange(len(stream)) for _ in range(rng.randrange(30)))})
    pieces = [(a, min(len(stream), b + rng.choice((0, 0, 7)))) for a, b in zip(cuts, cuts[1:], strict=False)]
    pieces += [rng.choice(pieces) for _ in range(rng.randrange(4))]
    keyed = sorted(enumerate(pieces), key=lambda item: item[0] + rng.uniform(0, 3))
    for _, (start, end) in keyed:
        talk.add(talk.packet(0, stream[start:end], seq=1001 + start))
    got = conversations(see(talk.records))[0]
    assert sorted(got, key=lambda row: row["transaction"]) == want
