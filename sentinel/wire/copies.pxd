cimport cython
from sentinel.wire.decode cimport Decoder

@cython.final
cdef class Copies:
    cdef long long[::1] keys, times

    @cython.locals(key=cython.longlong, p=Py_ssize_t, n=Py_ssize_t, i=Py_ssize_t, slot=Py_ssize_t, gap=cython.longlong)
    cpdef bint seen(self, Decoder d, int kind) except -1
