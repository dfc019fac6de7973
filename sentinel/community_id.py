"""Community ID 1.0 (corelight/community-id-spec): one name for a flow, whichever program saw it."""

from __future__ import annotations

import base64
import hashlib

import numpy as np

from sentinel.wire import layout as L

_ICMP_PAIRS = {
    1: {8: 0, 13: 14, 15: 16, 17: 18, 10: 9},
    58: {128: 129, 133: 134, 135: 136, 130: 131, 144: 145, 139: 140},
}
"""Request and answer types of ICMP and ICMPv6 that Community ID takes for the two ports of one conversation."""
_ICMP_OTHER = np.full((256, 256), -1, dtype=np.int64)
"""Protocol and type -> the type at the other end; -1 for a type that nothing answers, whose flow has one way."""
for _proto, _pairs in _ICMP_PAIRS.items():
    _ICMP_OTHER[_proto, list(_pairs)] = list(_pairs.values())
    _ICMP_OTHER[_proto, list(_pairs.values())] = list(_pairs)


def community_ids(flows: np.ndarray) -> list[str]:
    """Community ID 1.0, seed 0, of each flow row; empty without network addresses.

    `flows`: cells as `wire.flowrows.write_flow` writes them. All but the hash is done for whole columns, because a
    flood has millions of flows.
    """
    family, proto, icmp = flows[:, L.L_FAMILY], flows[:, L.L_PROTO] & 255, flows[:, L.L_ICMP]
    other = _ICMP_OTHER[proto, np.where(icmp >= 0, icmp >> 8 & 255, 0)]
    one_way = (icmp >= 0) & (other < 0)
    port = np.where(icmp >= 0, icmp >> 8, flows[:, L.L_CLIENT_PORT])
    far_port = np.where(icmp >= 0, np.where(one_way, icmp & 255, other), flows[:, L.L_SERVER_PORT])
    client = flows[:, (L.L_CLIENT_HIGH, L.L_CLIENT_LOW)].view(np.uint64)
    server = flows[:, (L.L_SERVER_HIGH, L.L_SERVER_LOW)].view(np.uint64)
    same = client == server
    far_first = np.where(same[:, 0], server[:, 1] < client[:, 1], server[:, 0] < client[:, 0])
    far_first = np.where(same.all(axis=1), far_port < port, far_first) & ~one_way
    hashed = np.zeros((len(flows), 40), dtype=np.uint8)  # seed, address, address, protocol, zero, port, port
    hashed[:, 2:18] = np.where(far_first[:, None], server, client).astype(">u8", order="C").view(np.uint8)
    hashed[:, 18:34] = np.where(far_first[:, None], client, server).astype(">u8", order="C").view(np.uint8)
    hashed[:, 34] = proto
    hashed[:, 36:38] = np.where(far_first, far_port, port).astype(">u2")[:, None].view(np.uint8)
    hashed[:, 38:40] = np.where(far_first, port, far_port).astype(">u2")[:, None].view(np.uint8)
    result = np.full(len(flows), "", dtype=object)
    for version, address_bytes in ((4, 4), (6, 16)):
        skipped = 16 - address_bytes
        for with_ports in (True, False):
            rows = np.flatnonzero((family == version) & ((port >= 0) == with_ports))
            places = np.r_[0:2, 2 + skipped : 18, 18 + skipped : 34, 34 : 40 if with_ports else 36]
            result[rows] = _ids_of(hashed[np.ix_(rows, places)])
    return result.tolist()


def _ids_of(hashed: np.ndarray) -> list[str]:
    """The Community ID of each row of bytes."""
    width = hashed.shape[1]
    data = hashed.tobytes()
    digests = [hashlib.sha1(data[at : at + width], usedforsecurity=False).digest() for at in range(0, len(data), width)]
    # 20 bytes and a zero are 28 characters of base64, of which the last stands where padding belongs
    text = base64.b64encode(b"".join([digest + b"\0" for digest in digests])).decode()
    return [f"1:{text[at : at + 27]}=" for at in range(0, len(text), 28)]
