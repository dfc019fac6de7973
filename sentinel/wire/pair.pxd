cimport cython

cdef int M_DIRECTION, M_FLOW, M_FUNCTION, M_KIND, M_PROTOCOL, M_SHAPE, M_TIME, M_TRANSACTION, M_UNIT

cdef class Matcher:
    cdef public object waiting
    cdef long long size, used
    cdef long long[::1] keys, heads, tails
    cdef long long[:, ::1] nodes

    @cython.locals(i=Py_ssize_t, kind=cython.longlong, shape=cython.longlong, node=cython.longlong, number=cython.longlong, verdict=cython.longlong)
    cdef walk(self, long long[:, ::1] a, long long first, long long[::1] pair, long long[::1] result, list late)
    @cython.locals(key=cython.longlong)
    cdef long long mix(self, long long[:, ::1] a, Py_ssize_t i, long long direction) except? -1
    @cython.locals(at=cython.longlong)
    cdef long long slot(self, long long key) except -1
    @cython.locals(at=cython.longlong, node=cython.longlong, new=cython.longlong)
    cdef long long wait(self, long long key, long long number, long long time, long long shape) except -1
    @cython.locals(at=cython.longlong, first=cython.longlong, before=cython.longlong, node=cython.longlong)
    cdef long long take(self, long long key, long long shape) except -2
