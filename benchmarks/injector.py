"""Frames that an interface receives as from a card: the kernel's receive path is handed them in batches, at a rate.

A program in the kernel (XDP) writes each frame and counts it; BPF_PROG_TEST_RUN with live frames runs it so many times
and hands what it wrote to the interface as a driver's poll does (Linux 5.18 or later). There is no sending side, no
queue between the two, and no place on the way where a frame could vanish uncounted: a million frames take some 0.4
seconds of a processor, the copy into a packet socket's ring included. Sent through a cable (PACKET_TX_RING, veth) they
took 1.9, which bounded the rate at 529,000 a second.

The frames are Modbus/TCP polling of CONNECTIONS connections: a request, its answer, with sequence numbers,
acknowledgements and transactions that go on as real ones do, so each is a message.
Source: linux/bpf.h; Documentation/bpf/bpf_prog_run.rst; the instruction set: RFC 9669.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import socket
import struct
import time

CONNECTIONS = 256
REQUEST, ANSWER = 12, 29
"""Bytes of TCP payload."""
FIRST_SEQUENCE = 1000
SEQUENCE_AT, ACKNOWLEDGEMENT_AT, TRANSACTION_AT = 38, 42, 54
TEMPLATES, CELL, WRITTEN = 2 * CONNECTIONS, 96, 88
"""Frames that differ by more than numbers, bytes of the place of each, and how many of these are copied."""
BATCH = 64
"""Frames that are handed over at once: as many as a driver's poll takes."""
MAP_CREATE, PROG_LOAD, PROG_TEST_RUN, LINK_CREATE = 0, 5, 10, 28
ATTACH_XDP, GENERIC = 37, 2
MAP_TYPE_ARRAY, MMAPABLE, PROG_TYPE_XDP, LIVE_FRAMES = 2, 1 << 10, 6, 2
ADJUST_TAIL, PASS, ABORTED = 65, 2, 0
SYSCALL = {"x86_64": 321, "aarch64": 280}
_libc = ctypes.CDLL(None, use_errno=True)


def frame(client: bool, connection: int) -> bytes:
    """A read request of ten registers, or its answer."""
    host = 2 + connection % 200
    here, there = bytes([10, 9, 0, host]), bytes([10, 9, 1, 1 + connection % 50])
    ports = (40000 + connection, 502)
    if client:
        payload = struct.pack(">HHHBBHH", 0, 0, 6, 1, 3, 100, 10)
    else:
        here, there, ports = there, here, ports[::-1]
        payload = struct.pack(">HHHBBB", 0, 0, 23, 1, 3, 20) + bytes(range(20))
    tcp = struct.pack(">HHIIBBHHH", *ports, 0, 0, 0x50, 0x18, 8192, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, here, there)
    macs = bytes([2, 0, 0, 0, 1, there[3]]) + bytes([2, 0, 0, 0, 0, here[3]])
    return macs + b"\x08\x00" + ip + tcp + payload


def _program(table: int) -> bytes:
    """Write the frame whose number the table begins with, count it, and let it pass. `table`: descriptor of the map."""
    r0, r1, r2, r3, r6, r7, r8, r9 = 0, 1, 2, 3, 6, 7, 8, 9
    move, move_to, add, add_to, multiply, shift, mask = 0xBF, 0xB7, 0x0F, 0x07, 0x27, 0x77, 0x57
    word, double, put_half, put_word, put_double = 0x61, 0x79, 0x6B, 0x63, 0x7B
    big_endian, if_greater, if_set, call, leave, address = 0xDC, 0x2D, 0x55, 0x85, 0x95, 0x18
    from_table = 2

    def one(code: int, to: int = 0, of: int = 0, offset: int = 0, value: int = 0) -> bytes:
        return struct.pack("<BBhi", code, to | of << 4, offset, value)

    def let_pass(length: int) -> list[bytes]:
        cut = [one(move, r1, r6), one(move_to, r2, value=length - WRITTEN), one(call, value=ADJUST_TAIL)]
        return [*cut, one(move_to, r0, value=PASS), one(leave)]

    def numbers(sequence: int, acknowledgement: int) -> list[bytes]:
        return [
            one(big_endian, sequence, value=32), one(put_word, r7, sequence, SEQUENCE_AT),
            one(big_endian, acknowledgement, value=32), one(put_word, r7, acknowledgement, ACKNOWLEDGEMENT_AT),
        ]  # fmt: skip

    request = numbers(r2, r3) + let_pass(54 + REQUEST)
    answer = [one(add_to, r2, value=REQUEST), *numbers(r3, r2), *let_pass(54 + ANSWER)]
    body = [
        one(address, r8, from_table, value=table), one(0),
        one(double, r9, r8), one(move, r1, r9), one(add_to, r1, value=1), one(put_double, r8, r1),  # r9: its number
        one(move, r1, r9), one(mask, r1, value=TEMPLATES - 1), one(multiply, r1, value=CELL), one(add, r8, r1),
        *(part for at in range(0, WRITTEN, 8) for part in (one(double, r2, r8, 8 + at), one(put_double, r7, r2, at))),
        one(move, r1, r9), one(shift, r1, value=TEMPLATES.bit_length() - 1),  # exchanges of its connection before it
        one(move, r2, r1), one(multiply, r2, value=REQUEST), one(add_to, r2, value=FIRST_SEQUENCE),
        one(move, r3, r1), one(multiply, r3, value=ANSWER), one(add_to, r3, value=FIRST_SEQUENCE),
        one(big_endian, r1, value=16), one(put_half, r7, r1, TRANSACTION_AT),
        one(mask, r9, value=1), one(if_set, r9, offset=len(request)), *request, *answer,
    ]  # fmt: skip
    head = [
        one(move, r6, r1), one(word, r7, r6, 0), one(word, r2, r6, 4), one(move, r3, r7),
        one(add_to, r3, value=WRITTEN), one(if_greater, r3, r2, len(body)),
    ]  # fmt: skip
    return b"".join([*head, *body, one(move_to, r0, value=ABORTED), one(leave)])


def _bpf(command: int, attributes: bytes) -> int:
    held = ctypes.create_string_buffer(attributes, len(attributes))
    number = SYSCALL.get(platform.machine(), -1)
    answer = _libc.syscall(number, command, held, len(attributes))
    if answer < 0:
        raise OSError(code := ctypes.get_errno(), f"bpf: {os.strerror(code)}")
    return answer


class Injector:
    """Lets an interface of this thread's network namespace receive frames, and counts them."""

    def __init__(self, interface: str, idle: str):
        """`idle`: another interface, at which nothing arrives. The program is attached there, since the kernel else
        prepares itself for it anew with each call, and waits 40 ms for all processors to have seen it. OSError where
        the kernel has no such programs or refuses them."""
        size = 8 + TEMPLATES * CELL
        self._table = _bpf(MAP_CREATE, struct.pack("IIIII48x", MAP_TYPE_ARRAY, 4, size, 1, MMAPABLE))
        self._held = mmap.mmap(self._table, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
        for n in range(TEMPLATES):
            data = frame(n % 2 == 0, n // 2)
            self._held[8 + n * CELL : 8 + n * CELL + len(data)] = data
        code = _program(self._table)
        text, licence, said = (ctypes.create_string_buffer(one, len(one)) for one in (code, b"GPL\0", bytes(1 << 16)))
        places = [ctypes.addressof(one) for one in (text, licence, said)]
        try:
            self._program = _bpf(
                PROG_LOAD,
                struct.pack("IIQQIIQ80x", PROG_TYPE_XDP, len(code) // 8, *places[:2], 1, len(said), places[2]),
            )
        except OSError as error:
            raise SystemExit(f"the kernel refuses the program that writes frames: {error}; {said.value!r}") from error
        at = socket.if_nametoindex(idle)
        self._link = _bpf(LINK_CREATE, struct.pack("IIII48x", self._program, at, ATTACH_XDP, GENERIC))
        self._data = ctypes.create_string_buffer(WRITTEN)
        context = struct.pack("IIIIII", 0, WRITTEN, 0, socket.if_nametoindex(interface), 0, 0)
        self._context = ctypes.create_string_buffer(context, len(context))

    @property
    def sent(self) -> int:
        """Frames that the interface was given, as the program counted them."""
        return struct.unpack_from("Q", self._held)[0]

    def some(self, n: int) -> None:
        """Let it receive the next n frames."""
        end = self.sent + n
        while (left := end - self.sent) > 0:
            data, context = ctypes.addressof(self._data), ctypes.addressof(self._context)
            order = (self._program, 0, WRITTEN, 0, data, 0, left, 0, len(self._context), 0, context, 0)
            try:
                _bpf(PROG_TEST_RUN, struct.pack("IIIIQQIIIIQQIII4x", *order, LIVE_FRAMES, 0, min(BATCH, left)))
            except OSError as error:
                if error.errno != errno.EINTR:
                    raise

    def run(self, rate: int, seconds: float) -> None:
        """Go on at that rate for so long, in bursts of a hundredth of a second at most; late ones are not made good."""
        began = now = time.perf_counter()
        done = 0
        while now - began < seconds:
            due = int((now - began) * rate) - done
            if due > 0:
                n = min(due, rate // 100 + 1)
                self.some(n)
                done += n
                if due > rate // 10:
                    done += due - rate // 10  # the machine stood still: do not flood to catch up
            else:
                time.sleep(0.001)
            now = time.perf_counter()

    def close(self) -> None:
        """Give the program and its table back."""
        self._held.close()
        os.close(self._link)
        os.close(self._program)
        os.close(self._table)
