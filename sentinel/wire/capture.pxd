cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class CaptureReader:
    cdef object source
    cdef object chunk
    cdef const unsigned char[::1] buf
    cdef Py_ssize_t pos, size
    cdef readonly long long base
    cdef bint eof, opened, blocks
    cdef public bint little
    cdef readonly str format
    cdef readonly long long frame, time, wire
    cdef readonly Py_ssize_t start, end
    cdef readonly int link, interface
    cdef readonly int fault
    cdef readonly long long fault_offset
    cdef readonly str fault_detail
    cdef readonly long long snaplen, skipped
    cdef long long per_second
    cdef int extra_header
    cdef readonly list interfaces
    cdef readonly dict statistics
    cdef readonly list comments
    cdef list links, units, offsets
    cdef Py_ssize_t known
    cdef int known_link
    cdef long long known_unit
    cdef int section
    cdef Py_ssize_t first_interface

    cpdef bint open(self) except -1
    cpdef bint fill(self, Py_ssize_t n) except -1
    cpdef bint next(self) except -1
    @cython.locals(low=cython.longlong, high=cython.longlong)
    cdef inline int64_t u32(self, Py_ssize_t p) except -1
    cdef inline int64_t u16(self, Py_ssize_t p) except -1
    @cython.locals(p=Py_ssize_t, head=Py_ssize_t, seconds=cython.longlong, fraction=cython.longlong, captured=cython.longlong, wire=cython.longlong)
    cdef bint next_record(self) except -1
    @cython.locals(p=Py_ssize_t, kind=cython.longlong, length=cython.longlong)
    cdef bint next_block(self) except -1
    cdef bint section_header(self) except -1
    cdef list options(self, Py_ssize_t p, Py_ssize_t end)
    cdef bint interface_description(self, Py_ssize_t p, Py_ssize_t length) except -1
    @cython.locals(number=Py_ssize_t, captured=cython.longlong, wire=cython.longlong, high=cython.longlong, low=cython.longlong, padded=cython.longlong)
    cdef bint packet(self, Py_ssize_t p, Py_ssize_t length, bint enhanced) except -1
    @cython.locals(wire=cython.longlong, captured=cython.longlong, snaplen=cython.longlong)
    cdef bint simple_packet(self, Py_ssize_t p, Py_ssize_t length) except -1
