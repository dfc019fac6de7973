"""The rows that a flow leaves: identity once a batch, and its own when it ends."""

from __future__ import annotations

import frames as f
import pytest
from frames import ACK, FIN, RST, START, SYN

from sentinel.wire import flowrows
from sentinel.wire import layout as L
from sentinel.wire.decode import Decoder
from sentinel.wire.flows import BY_HANDSHAKE, ENDED_CLOSED, Flow, FlowTable
from sentinel.wire.rows import Block, Rows

FRAMES = {
    4: f.ethernet(f.ipv4(f.tcp(b"", 1000, 502)), f.IPV4, 11, 12),
    6: f.ethernet(f.ipv6(f.tcp(b"", 1000, 502), src="fe80::1", dst="2001:db8::2"), f.IPV6, 11, 12),
    0: f.ethernet(b"x", 0x88B8, 11, 12),
}
MACS = tuple(int.from_bytes(f.mac(n), "big") for n in (11, 12))


def flow(family: int = 4, **values) -> Flow:
    """The flow of a frame from MAC 11 to MAC 12, with values that later frames would have given it."""
    d = Decoder()
    frame = FRAMES[family]
    d.decode(frame, 0, len(frame), 1, START, 1)
    made = FlowTable().make(d, 9)
    counted = {"packets0": 3, "packets1": 4, "bytes0": 30, "bytes1": 40, "payload0": 5, "payload1": 6}
    for name, value in {**counted, **values}.items():
        setattr(made, name, value)
    return made


def written(made: Flow, why: int = ENDED_CLOSED) -> tuple[dict[str, int], list[str]]:
    """The row of a flow by the names of its cells, and the texts of the run."""
    block, rows = Block(L.L_WIDTH), Rows()
    flowrows.write_flow(block, made, rows, why)
    assert block.n == 1
    cells = block.take()[0].tolist()
    names = {name: cell for name, cell in vars(L).items() if name.startswith("L_") and name != "L_WIDTH"}
    return {name[2:].lower(): cells[cell] for name, cell in names.items()}, rows.texts


@pytest.mark.parametrize("client", [0, 1])
def test_sides_are_turned_by_who_is_the_client(client) -> None:
    row, _ = written(flow(client=client))
    sides = {
        ("client_port", "server_port"): (1000, 502),
        ("client_mac", "server_mac"): MACS,
        ("client_low", "server_low"): (0x0A000001, 0x0A000002),
        ("packets_client", "packets_server"): (3, 4),
        ("bytes_client", "bytes_server"): (30, 40),
        ("payload_client", "payload_server"): (5, 6),
    }
    for (one, two), values in sides.items():
        assert (row[one], row[two]) == (values if client == 0 else values[::-1])
    assert (row["number"], row["end"]) == (9, ENDED_CLOSED)


@pytest.mark.parametrize(("flags", "by", "state"), [
    ((SYN, 0), BY_HANDSHAKE, flowrows.OPENING),
    ((SYN | ACK, SYN | ACK), BY_HANDSHAKE, flowrows.OPEN),
    ((FIN | ACK, SYN | ACK), BY_HANDSHAKE, flowrows.CLOSED),
    ((FIN | ACK, RST), BY_HANDSHAKE, flowrows.RESET),
    ((ACK, ACK), 0, flowrows.MIDSTREAM),
])  # fmt: skip
def test_state(flags, by, state) -> None:
    row, _ = written(flow(tcp_flags0=flags[0], tcp_flags1=flags[1], direction_by=by))
    assert row["state"] == state


def test_only_tcp_has_a_state() -> None:
    assert written(flow(0))[0]["state"] == flowrows.NO_STATE


@pytest.mark.parametrize(
    ("spoke", "confidence", "want"), [(1, 0.95, (2, 0.95)), (3, 0.95, (1, 0.99)), (3, 0.6, (1, 0.95))]
)
def test_a_label_that_both_sides_confirmed_says_so(spoke, confidence, want) -> None:
    made = flow(label=0, name="modbus", label_by=2, spoke=spoke, confidence=confidence)
    assert written(made)[0]["label_by"] == want[0]
    assert made.confidence == pytest.approx(want[1])


def test_names_are_texts_of_the_run() -> None:
    row, texts = written(flow(name="modbus"))
    assert (texts[row["name"]], row["tunnel"]) == ("modbus", 0)
    assert written(flow())[0]["name"] == 0


@pytest.mark.parametrize("client", [0, 1])
@pytest.mark.parametrize(("family", "one", "two"), [
    (0, (0, MACS[0], -1), (0, MACS[1], -1)),
    (4, (0, 0x0A000001, 1000), (0, 0x0A000002, 502)),
    (6, (0xFE80 - 0x10000 << 48, 1, 1000), (0x20010DB8 << 32, 2, 502)),
])  # fmt: skip
def test_identity(family, one, two, client) -> None:
    block = Block(L.D_WIDTH)
    block.add()
    made = flow(family, client=client)
    flowrows.write_identity(block, made, 5)
    assert (made.ident, made.ident_batch) == (1, 5)
    cells = [L.D_CLIENT_HIGH, L.D_CLIENT_LOW, L.D_CLIENT_PORT, L.D_SERVER_HIGH, L.D_SERVER_LOW, L.D_SERVER_PORT]
    assert tuple(block.take()[1, cells].tolist()) == (one + two if client == 0 else two + one)
