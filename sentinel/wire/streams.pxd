cimport cython
from sentinel.wire.decode cimport Decoder
from libc.stdint cimport int64_t

@cython.final
cdef class Stream:
    # what every segment reads or writes stands first
    cdef public long long next
    cdef public long long acked
    cdef readonly list held
    cdef public bytes tail
    cdef readonly long long last_seq
    cdef readonly bytearray last
    cdef Py_ssize_t last_size
    cdef public bint synced
    cdef public long long skipped
    cdef readonly long long held_bytes
    cdef readonly long long hole_time
    cdef public Py_ssize_t wanted
    cdef public long long tail_frame, tail_offset, tail_capture, holes

    @cython.locals(d=cython.longlong)
    cpdef int64_t distance(self, long long seq) except? -1
    cpdef int advance(self, long long n) except -1
    @cython.locals(d=cython.longlong)
    cpdef int acknowledge(self, long long ack) except -1
    cpdef bint hold(self, long long seq, bytes data, long long declared, long long frame, long long time, int capture) except -1
    @cython.locals(waited=cython.longlong)
    cpdef bint hopeless(self, long long time) except -1
    cpdef tuple pop(self, long long time)
    @cython.locals(start=Py_ssize_t, size=Py_ssize_t)
    cpdef int remember(self, Decoder d) except -1
    @cython.locals(shift=cython.longlong, first=cython.longlong, stop=cython.longlong)
    cpdef bint differs(self, Decoder d) except -1
