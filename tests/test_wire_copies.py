"""Frames that a mirror port delivered twice are counted once; what only looks alike is kept."""

from __future__ import annotations

import frames as f
import pytest
from battery import conversations, see
from frames import MS, SECOND, START, Talk, tagged
from modbus_samples import mbap

from sentinel.wire.copies import WINDOW
from sentinel.wire.decode import Decoder


def conversation(**options) -> Talk:
    talk = Talk(step=MS, **options).open()
    for n in range(4):
        talk.send(0, mbap("0300000001", transaction=n)).send(1, mbap("03020001", transaction=n))
    return talk.close()


def twice(records, change=lambda frame: frame, delay: int = 1000):
    """Every frame and, a moment later, its copy."""
    return sorted([*records, *((time + delay, change(frame)) for time, frame in records)], key=lambda record: record[0])


def routed(frame: bytes) -> bytes:
    """The frame behind a router: other MAC addresses, one hop fewer, another header checksum."""
    return f.mac(7) + f.mac(8) + frame[12:22] + bytes([frame[22] - 1]) + frame[23:24] + b"\xab\xcd" + frame[26:]


CHANGES = {
    "equal": lambda frame: frame,
    "with VLAN tag": lambda frame: tagged(frame, 5),
    "behind a router": routed,
    "PRP": lambda frame: f.prp(frame, 0xB),
}


@pytest.mark.parametrize("name", CHANGES)
def test_copies_are_counted_and_change_nothing(name) -> None:
    records = conversation().records
    seen = see(twice(records, CHANGES[name]))
    assert seen.engine.duplicates == len(records)
    assert conversations(seen) == conversations(see(records))
    flow = seen.flow()
    assert (flow["packets_client"] + flow["packets_server"], flow["retransmissions"]) == (len(records), 0)


def test_copies_of_ipv6() -> None:
    """IPv6 has no identification: acknowledgements without data cannot be told from repeated ones and stay."""
    records = conversation(addresses=(f.CLIENT6, f.SERVER6)).records
    seen = see(twice(records))
    assert seen.engine.duplicates == len(records) - 1
    assert conversations(seen) == conversations(see(records))


def test_copies_over_udp_and_without_ip() -> None:
    packets = [f.ethernet(f.ipv4(f.udp(b"data", ident), f.UDP, ident=ident)) for ident in (1, 2, 3)]
    packets += [f.ethernet(b"goose" + bytes([n]), 0x88B8) for n in range(3)]
    records = [(START + n * MS, frame) for n, frame in enumerate(packets)]
    assert see(twice(records)).engine.duplicates == 6
    assert see(twice(records, lambda frame: tagged(frame, 9))).engine.duplicates == 6


def test_prp_copies_of_layer_2_frames() -> None:
    frame = f.ethernet(b"g" * 50, 0x88B8)
    records = [(START, f.prp(frame, 0xA, 5)), (START + 1000, f.prp(frame, 0xB, 5))]
    seen = see(records)
    assert seen.engine.duplicates == 1
    assert seen.flow()["packets_client"] == 1


def decided(*frames: tuple[int, bytes]) -> list[bool]:
    """What `Copies.seen` says of each frame."""
    from sentinel.wire.copies import Copies

    copies, decoder, answers = Copies(), Decoder(), []
    for time, frame in frames:
        kind = decoder.decode(frame, 0, len(frame), 1, time, 1)
        answers.append(copies.seen(decoder, kind))
    return answers


def tcp_frame(ident: int = 1, **options) -> bytes:
    return f.ethernet(f.ipv4(f.tcp(b"data", **options), ident=ident))


FIRST = tcp_frame(seq=100)
ALIKE = {
    "later than the window": (WINDOW + 1, FIRST),
    "before the first": (-1, FIRST),
    "retransmission": (1000, tcp_frame(ident=2, seq=100)),
    "other sequence number": (1000, tcp_frame(seq=101)),
    "other acknowledgement": (1000, tcp_frame(seq=100, ack=5)),
    "other flags": (1000, tcp_frame(seq=100, flags=16)),
    "other ports": (1000, tcp_frame(seq=100, sport=9)),
    "other window": (1000, tcp_frame(seq=100, window=0)),
    "other direction": (1000, f.ethernet(f.ipv4(f.tcp(b"data", seq=100), src=f.SERVER, dst=f.CLIENT, ident=1))),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_only_looks_alike_is_no_copy(name) -> None:
    delay, frame = ALIKE[name]
    assert decided((START, FIRST), (START + delay, frame)) == [False, False]


@pytest.mark.parametrize("delay", [0, 1, WINDOW])
def test_within_the_window_it_is(delay) -> None:
    assert decided((START, FIRST), (START + delay, FIRST)) == [False, True]


def test_the_window_counts_from_the_first() -> None:
    times = (0, WINDOW - 1, WINDOW + 1, 2 * WINDOW)
    assert decided(*((START + time, FIRST) for time in times)) == [False, True, False, True]


def test_long_payloads_that_differ_late_are_told_apart_by_their_identification() -> None:
    long = [f.ethernet(f.ipv4(f.udp(b"x" * 500 + bytes([n])), f.UDP, ident=n + 1)) for n in range(2)]
    assert decided((START, long[0]), (START + 1, long[1])) == [False, False]


def test_long_payloads_that_differ_late_are_no_copies() -> None:
    long = [f.ethernet(f.ipv4(f.udp(b"x" * 500 + bytes([n])), f.UDP)) for n in range(2)]
    assert decided((START, long[0]), (START + 1, long[1])) == [False, False]


def test_an_empty_acknowledgement_that_repeats_is_no_copy() -> None:
    frame = f.ethernet(f.ipv4(f.tcp(b"", flags=16)))
    assert decided((START, frame), (START + 1, frame)) == [False, False]


def test_a_retransmission_is_not_a_duplicate() -> None:
    talk = Talk().open().send(0, mbap("0300000001"))
    talk.time += SECOND
    talk.add(talk.packet(0, mbap("0300000001"), seq=talk.seq[0] - 12))
    seen = see(talk.records)
    assert (seen.engine.duplicates, seen.flow()["retransmissions"]) == (0, 1)


def test_copies_of_fragments_make_one_message() -> None:
    packet = f.udp(mbap("0300000001"), 40000, 502)
    records = [
        (START + at, f.ethernet(f.ipv4(packet[at : at + 8], f.UDP, ident=1, more=at < 16, offset=at)))
        for at in (0, 8, 16)
    ]
    seen = see(twice(records, delay=100))
    assert len(seen.rows("messages")) == 1
