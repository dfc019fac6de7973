cimport cython
from libc.stdint cimport int64_t

cdef int M_DIRECTION, M_FLOW, M_FUNCTION, M_KIND, M_PROTOCOL, M_SHAPE, M_TIME, M_TRANSACTION, M_UNIT

@cython.final
cdef class Matcher:
    cdef public object waiting
    cdef long long first, base, size, most, filled, used, capacity
    cdef long long[::1] pair, result
    cdef long long[:, :] cells
    cdef long long[:, ::1] table, nodes, late

    @cython.locals(most=cython.longlong)
    cdef int make_room(self, Py_ssize_t n) except -1
    @cython.locals(at=cython.longlong)
    cdef int clear(self) except -1 nogil
    @cython.locals(base=cython.longlong, size=cython.longlong, old=cython.longlong, at=cython.longlong)
    cdef int grow(self) except -1 nogil
    @cython.locals(last=cython.longlong, hole=cython.longlong, at=cython.longlong, home=cython.longlong)
    cdef int leave(self, long long place) except -1 nogil
    @cython.locals(first=cython.longlong, i=Py_ssize_t, count=Py_ssize_t, kind=cython.longlong, shape=cython.longlong, node=cython.longlong, number=cython.longlong, verdict=cython.int)
    cdef Py_ssize_t walk(self) except -1 nogil
    @cython.locals(key=cython.longlong, valid=cython.longlong)
    cdef int64_t mix(self, Py_ssize_t i, long long direction) except? -1 nogil
    @cython.locals(at=cython.longlong)
    cdef int64_t slot(self, long long key) except -1 nogil
    @cython.locals(at=cython.longlong, node=cython.longlong, new=cython.longlong)
    cdef int wait(self, long long key, long long number, long long time, long long shape) except -1 nogil
    @cython.locals(at=cython.longlong, first=cython.longlong, before=cython.longlong, node=cython.longlong)
    cdef int64_t take(self, long long key, long long shape) except -2 nogil
