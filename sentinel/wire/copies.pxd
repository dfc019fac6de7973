cimport cython
from libc.stdint cimport int64_t
from sentinel.wire.decode cimport Decoder

@cython.final
cdef class Copies:
    cdef long long[:, ::1] slots, pairs

    @cython.locals(key=cython.longlong, p=Py_ssize_t, n=Py_ssize_t, i=Py_ssize_t, slot=Py_ssize_t, gap=cython.longlong)
    cpdef bint seen(self, Decoder d, int kind) except -1
    @cython.locals(key=cython.longlong, n=Py_ssize_t, i=Py_ssize_t, at=Py_ssize_t)
    cdef int64_t between(self, Decoder d) except -1
