# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""The rows that a flow leaves: who its two sides are (for the messages of a batch), and what it was (when it ends)."""

import cython

from sentinel.wire.layout import (
    D_CLIENT_HIGH,
    D_CLIENT_LOW,
    D_CLIENT_PORT,
    D_FAMILY,
    D_NUMBER,
    D_PROTO,
    D_SERVER_HIGH,
    D_SERVER_LOW,
    D_SERVER_PORT,
    L_BYTES_CLIENT,
    L_BYTES_SERVER,
    L_CAPTURE,
    L_CLIENT_HIGH,
    L_CLIENT_LOW,
    L_CLIENT_MAC,
    L_CLIENT_PORT,
    L_CONFIDENCE,
    L_DIRECTION_BY,
    L_END,
    L_ETHERTYPE,
    L_FAMILY,
    L_FAULTS,
    L_FRAME,
    L_GAP_BYTES,
    L_GAPS,
    L_ICMP,
    L_INNER,
    L_LABEL,
    L_LABEL_BY,
    L_LAST_FRAME,
    L_LAST_TIME,
    L_MESSAGES,
    L_NAME,
    L_NUMBER,
    L_PACKETS_CLIENT,
    L_PACKETS_SERVER,
    L_PAYLOAD_CLIENT,
    L_PAYLOAD_SERVER,
    L_PROTO,
    L_REORDERED,
    L_RETRANSMISSIONS,
    L_SERVER_HIGH,
    L_SERVER_LOW,
    L_SERVER_MAC,
    L_SERVER_PORT,
    L_STATE,
    L_TIME,
    L_TUNNEL,
    L_VLAN,
)

if cython.compiled:
    from cython.cimports.sentinel.wire.flows import Flow
    from cython.cimports.sentinel.wire.rows import Block, Rows
else:
    from sentinel.wire.flows import Flow
    from sentinel.wire.rows import Block, Rows

# What the state column of a flow row says.
NO_STATE = 0
OPENING = 1
OPEN = 2
CLOSED = 3
RESET = 4
MIDSTREAM = 5


def write_identity(block: Block, f: Flow, batch):
    """Write down who the two sides of a flow are, once a batch."""
    n = block.add()
    f.ident = n
    f.ident_batch = batch
    block.a[n, D_NUMBER] = f.number
    block.a[n, D_FAMILY] = f.family
    block.a[n, D_PROTO] = f.proto
    if f.family == 0:
        block.a[n, D_CLIENT_LOW] = f.mac0 if f.client == 0 else f.mac1
        block.a[n, D_SERVER_LOW] = f.mac1 if f.client == 0 else f.mac0
    elif f.client == 0:
        block.a[n, D_CLIENT_HIGH] = f.high0
        block.a[n, D_CLIENT_LOW] = f.low0
        block.a[n, D_SERVER_HIGH] = f.high1
        block.a[n, D_SERVER_LOW] = f.low1
    else:
        block.a[n, D_CLIENT_HIGH] = f.high1
        block.a[n, D_CLIENT_LOW] = f.low1
        block.a[n, D_SERVER_HIGH] = f.high0
        block.a[n, D_SERVER_LOW] = f.low0
    block.a[n, D_CLIENT_PORT] = f.port0 if f.client == 0 else f.port1
    block.a[n, D_SERVER_PORT] = f.port1 if f.client == 0 else f.port0


def write_flow(block: Block, f: Flow, rows: Rows, why):
    """The row of a flow that ended; `why` is one of the ENDED constants of flows.py."""
    n = block.add()
    c = f.client
    block.a[n, L_NUMBER] = f.number
    block.a[n, L_CAPTURE] = f.capture
    block.a[n, L_FRAME] = f.first_frame
    block.a[n, L_LAST_FRAME] = f.last_frame
    block.a[n, L_TIME] = f.first_time
    block.a[n, L_LAST_TIME] = f.last_time
    block.a[n, L_FAMILY] = f.family
    block.a[n, L_PROTO] = f.proto
    block.a[n, L_ETHERTYPE] = f.ethertype
    block.a[n, L_CLIENT_HIGH] = f.high0 if c == 0 else f.high1
    block.a[n, L_CLIENT_LOW] = f.low0 if c == 0 else f.low1
    block.a[n, L_SERVER_HIGH] = f.high1 if c == 0 else f.high0
    block.a[n, L_SERVER_LOW] = f.low1 if c == 0 else f.low0
    block.a[n, L_CLIENT_PORT] = f.port0 if c == 0 else f.port1
    block.a[n, L_SERVER_PORT] = f.port1 if c == 0 else f.port0
    block.a[n, L_CLIENT_MAC] = f.mac0 if c == 0 else f.mac1
    block.a[n, L_SERVER_MAC] = f.mac1 if c == 0 else f.mac0
    block.a[n, L_VLAN] = f.vlan
    block.a[n, L_TUNNEL] = rows.text(f.tunnel) if f.tunnel is not None else 0
    block.a[n, L_DIRECTION_BY] = f.direction_by
    block.a[n, L_PACKETS_CLIENT] = f.packets0 if c == 0 else f.packets1
    block.a[n, L_PACKETS_SERVER] = f.packets1 if c == 0 else f.packets0
    block.a[n, L_BYTES_CLIENT] = f.bytes0 if c == 0 else f.bytes1
    block.a[n, L_BYTES_SERVER] = f.bytes1 if c == 0 else f.bytes0
    block.a[n, L_PAYLOAD_CLIENT] = f.payload0 if c == 0 else f.payload1
    block.a[n, L_PAYLOAD_SERVER] = f.payload1 if c == 0 else f.payload0
    block.a[n, L_GAPS] = f.gaps
    block.a[n, L_GAP_BYTES] = f.gap_bytes
    block.a[n, L_RETRANSMISSIONS] = f.retransmissions
    block.a[n, L_REORDERED] = f.reordered
    flags = f.tcp_flags0 | f.tcp_flags1
    if f.proto != 6:
        state = NO_STATE
    elif flags & 4:
        state = RESET
    elif flags & 1:
        state = CLOSED
    elif f.direction_by != 3:
        state = MIDSTREAM
    elif f.tcp_flags0 & 16 and f.tcp_flags1 & 16:
        state = OPEN
    else:
        state = OPENING
    block.a[n, L_STATE] = state
    block.a[n, L_LABEL] = f.label
    block.a[n, L_INNER] = f.inner
    block.a[n, L_NAME] = rows.text(f.name) if f.name is not None else 0
    if f.label >= 0 and f.spoke == 3 and f.label_by == 2:
        # decided by what one side sent, and then the other side's bytes were messages of it too
        f.label_by = 1
        f.confidence = 0.99 if f.confidence >= 0.95 else 0.95
    block.a[n, L_LABEL_BY] = f.label_by
    block.f[n, L_CONFIDENCE] = f.confidence
    block.a[n, L_MESSAGES] = f.messages
    block.a[n, L_FAULTS] = f.faults
    block.a[n, L_ICMP] = f.icmp
    block.a[n, L_END] = why
