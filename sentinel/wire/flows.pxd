cimport cython
from libc.stdint cimport int64_t
from sentinel.wire.decode cimport Decoder
from sentinel.wire.streams cimport Stream

@cython.final
cdef class Flow:
    # what every frame reads or writes stands first, so that it shares few cache lines: flows are many
    cdef readonly int proto, port0, port1
    cdef bint low_first
    cdef readonly long long low0, low1
    cdef readonly long long last_time, linked_time
    cdef public long long last_frame
    cdef public long long packets0, packets1, bytes0, bytes1, payload0, payload1
    cdef public int tcp_flags0, tcp_flags1, client, label
    cdef public bint settled, oriented
    cdef public int ident_batch
    cdef public long long ident
    cdef readonly long long number
    cdef public Stream stream0, stream1
    cdef public dict slot0, slot1, shared
    cdef public long long messages
    cdef public int spoke
    cdef readonly int family
    # what only some frames need
    cdef bytes key
    cdef Py_ssize_t place
    cdef readonly int ethertype, vlan, icmp
    cdef readonly long long high0, high1, mac0, mac1
    cdef readonly str tunnel
    cdef readonly long long first_time, first_frame
    cdef public int capture
    cdef public int direction_by
    cdef public long long syn_seq
    cdef public long long gaps, gap_bytes, retransmissions, reordered, faults, malformed
    cdef public int inner, label_by
    cdef public double confidence
    cdef public str name
    cdef public dict scores
    cdef public list backlog
    cdef public long long backlog_bytes
    cdef public long long slot_bytes0, slot_bytes1
    cdef Flow newer, older

cdef list state_of(Flow f)
@cython.locals(f=Flow)
cdef Flow from_state(list row)

@cython.final
cdef class FlowTable:
    cdef public long long limit
    cdef readonly dict flows
    cdef list recent
    cdef object scratch
    cdef unsigned char[::1] key_bytes
    cdef Flow newest, oldest
    cdef readonly long long count, evictions
    cdef readonly bint from_low
    cdef public list out

    @cython.locals(f=Flow, place=Py_ssize_t)
    cpdef Flow find(self, Decoder d)
    @cython.locals(k="unsigned char[::1]", buf="const unsigned char[::1]", n=cython.int, a=Py_ssize_t, b=Py_ssize_t, i=Py_ssize_t, low=cython.bint, decided=cython.bint, p=cython.int, q=cython.int, at=cython.int, key=bytes)
    cdef bytes key(self, Decoder d)
    @cython.locals(f=Flow)
    cpdef Flow make(self, Decoder d, long long number)
    @cython.locals(value=cython.longlong, octet=cython.longlong, i=Py_ssize_t)
    cdef int64_t integer(self, Decoder d, Py_ssize_t at, int n) except? -1
    cdef push(self, Flow f)
    cdef unlink(self, Flow f)
    cpdef touch(self, Flow f, long long time)
    cpdef remove(self, Flow f)
    @cython.locals(f=Flow)
    cpdef evict(self)
    @cython.locals(f=Flow)
    cpdef list state(self, Py_ssize_t most)
    @cython.locals(f=Flow)
    cpdef restore(self, list rows)
    @cython.locals(f=Flow, silent=cython.longlong)
    cpdef expire(self, long long time)
