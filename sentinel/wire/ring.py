# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""Blocks of a packet socket's ring (TPACKET_V3) become pcapng packet blocks: what the rest of the core reads.

So a live port is one more stream of pcapng: it is recorded, hashed and analysed by the code that does so for files.
Source of the layout: linux/if_packet.h (tpacket_block_desc, tpacket_hdr_v1, tpacket3_hdr), in the machine's byte order,
which is taken to be little-endian; of the packet block: draft-ietf-opsawg-pcapng, 4.3. The kernel takes a VLAN tag out
of the frame and tells it beside; it is put back where it stood on the wire.
"""

import cython

if cython.compiled:
    from cython.cimports.libc.string import memcpy

BLOCK_HEADER = 48
"""Bytes of tpacket_block_desc with tpacket_hdr_v1; a block whose first packet lies before them is none."""
PACKET_HEADER = 48
"""Bytes of tpacket3_hdr with its padding."""
OVERHEAD = 32
"""Bytes of a packet block around its padded data."""
TAG = 4
VLAN_VALID, VLAN_TPID_VALID = 0x10, 0x40
ETHERTYPE_VLAN = 0x8100
MAX_CAPTURED = 1 << 18

# those of the loop, typed: the ones above are Python integers in the compiled build, and this loop is asked every frame
_BLOCK_HEADER = cython.declare(cython.longlong, BLOCK_HEADER)
_PACKET_HEADER = cython.declare(cython.longlong, PACKET_HEADER)
_OVERHEAD = cython.declare(cython.longlong, OVERHEAD)
_TAG = cython.declare(cython.longlong, TAG)
_VLAN_VALID = cython.declare(cython.longlong, VLAN_VALID)
_TPID_VALID = cython.declare(cython.longlong, VLAN_TPID_VALID)
_ETHERTYPE_VLAN = cython.declare(cython.longlong, ETHERTYPE_VLAN)
_MAX_CAPTURED = cython.declare(cython.longlong, MAX_CAPTURED)
_BILLION = cython.declare(cython.longlong, 1_000_000_000)
_TWO32 = cython.declare(cython.longlong, 1 << 32)
_LOW32 = cython.declare(cython.longlong, (1 << 32) - 1)


@cython.cfunc
@cython.locals(b="const unsigned char[:]", p=cython.Py_ssize_t)
@cython.returns(cython.longlong)
def _u32(b, p):
    return b[p] + b[p + 1] * 256 + b[p + 2] * 65536 + b[p + 3] * cython.cast(cython.longlong, 16777216)


@cython.cfunc
@cython.locals(b="unsigned char[:]", p=cython.Py_ssize_t, v=cython.longlong)
@cython.returns(cython.int)
@cython.exceptval(-1, check=False)  # 0 otherwise: whether something went wrong need not be asked of the interpreter
def _put(b, p, v):
    b[p] = v & 255
    b[p + 1] = (v >> 8) & 255
    b[p + 2] = (v >> 16) & 255
    b[p + 3] = (v >> 24) & 255
    return 0


@cython.cfunc
@cython.locals(
    target="unsigned char[:]", to=cython.Py_ssize_t, source="const unsigned char[:]", start=cython.Py_ssize_t,
    count=cython.Py_ssize_t,
)  # fmt: skip
@cython.returns(cython.int)
@cython.exceptval(-1, check=False)
def _copy(target, to, source, start, count):
    if count <= 0:
        return 0
    if cython.compiled:
        memcpy(cython.address(target[to]), cython.address(source[start]), count)
    else:
        target[to : to + count] = source[start : start + count]
    return 0


class Drained:
    """What became of a block: `at` is where the next packet block goes, `frames` and `bytes` count what was written."""

    def __init__(self):
        self.at = 0
        self.frames = 0
        self.bytes = 0
        self.damaged = 0
        self.left = 0


@cython.locals(
    block="const unsigned char[:]", out="unsigned char[:]", interface=cython.longlong, at=cython.Py_ssize_t,
    place=cython.Py_ssize_t, size=cython.Py_ssize_t, room=cython.Py_ssize_t, packets=cython.longlong,
    n=cython.longlong, start=cython.Py_ssize_t, kept=cython.Py_ssize_t, wire=cython.longlong, tag=cython.Py_ssize_t,
    total=cython.Py_ssize_t, stamp=cython.longlong, step=cython.longlong, status=cython.longlong, tpid=cython.longlong,
    frames=cython.longlong, octets=cython.longlong, skip=cython.longlong,
)  # fmt: skip
def drain(block, out, interface, done, skip=0):
    """Write the packets of one block, behind the first `skip`, to `out` from `done.at` on.

    Where `out` has no room for the next one, `done.left` says how many of the block wait; call again with an empty
    `out` and that many less to skip. A packet whose lengths do not fit its block ends the block: `done.damaged`.
    """
    size, room, at = len(block), len(out), done.at
    frames = 0
    octets = 0
    done.left = 0
    packets = _u32(block, 12)
    place = _u32(block, 16)
    for n in range(packets):
        if place < _BLOCK_HEADER or place + _PACKET_HEADER > size:
            done.damaged += 1
            break
        step = _u32(block, place)
        kept = _u32(block, place + 12)
        start = place + block[place + 24] + block[place + 25] * 256
        if kept > _MAX_CAPTURED or start < place + _PACKET_HEADER or start + kept > size:
            done.damaged += 1
            break
        if n >= skip:
            status = _u32(block, place + 20)
            tag = _TAG if status & _VLAN_VALID and kept >= 12 else 0
            total = _OVERHEAD + (kept + tag + 3) // 4 * 4
            if at + total > room:
                done.left = packets - n
                break
            wire = _u32(block, place + 16) + tag
            stamp = _u32(block, place + 4) * _BILLION + _u32(block, place + 8)
            _put(out, at, 6)
            _put(out, at + 4, total)
            _put(out, at + 8, interface)
            _put(out, at + 12, stamp >> 32)
            _put(out, at + 16, stamp & _LOW32)
            _put(out, at + 20, kept + tag)
            _put(out, at + 24, wire)
            if total > _OVERHEAD:
                _put(out, at + total - 8, 0)  # the padding: what `out` held before must not leak into the file
            if tag:
                tpid = _ETHERTYPE_VLAN
                if status & _TPID_VALID:
                    tpid = block[place + 36] + block[place + 37] * 256
                _copy(out, at + 28, block, start, 12)
                out[at + 40] = tpid >> 8
                out[at + 41] = tpid & 255
                out[at + 42] = block[place + 33]
                out[at + 43] = block[place + 32]
                _copy(out, at + 44, block, start + 12, kept - 12)
            else:
                _copy(out, at + 28, block, start, kept)
            _put(out, at + total - 4, total)
            at += total
            frames += 1
            octets += wire
        place += step
        if step == 0:
            break
    done.at = at
    done.frames += frames
    done.bytes += octets


@cython.locals(
    data="const unsigned char[:]", found="long long[:, :]", at=cython.Py_ssize_t, size=cython.Py_ssize_t,
    total=cython.longlong, n=cython.Py_ssize_t,
)  # fmt: skip
def places(data, found):
    """Time (ns), start and length of each packet block that `drain` wrote, to the rows of `found`; how many."""
    at, size, n = 0, len(data), 0
    while at + _OVERHEAD <= size and n < found.shape[0]:
        total = _u32(data, at + 4)
        if total < _OVERHEAD or at + total > size:
            break
        found[n, 0] = _u32(data, at + 12) * _TWO32 + _u32(data, at + 16)
        found[n, 1] = at
        found[n, 2] = total
        n += 1
        at += total
    return n


@cython.locals(
    data="const unsigned char[:]", found="long long[:, :]", out="unsigned char[:]", at=cython.Py_ssize_t,
    n=cython.Py_ssize_t, start=cython.Py_ssize_t, total=cython.Py_ssize_t,
)  # fmt: skip
def arrange(data, found, out):
    """Copy the blocks at these places to `out`, in the order of the rows; how many bytes."""
    at = 0
    for n in range(found.shape[0]):
        start = found[n, 1]
        total = found[n, 2]
        if start < 0 or start + total > len(data) or at + total > len(out):
            break
        _copy(out, at, data, start, total)
        at += total
    return at
