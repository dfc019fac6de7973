cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Own:
    cdef readonly Py_ssize_t width, n, used
    cdef Py_ssize_t capacity, room
    cdef public object buffers
    cdef long long[::1] first, value
    cdef unsigned char[::1] cell
    cdef double[::1] number

    @cython.locals(n=Py_ssize_t)
    cpdef Py_ssize_t add(self) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef int put(self, Py_ssize_t cell, long long value) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef int put4(self, Py_ssize_t cell, long long a, long long b, long long c, long long d) except -1
    @cython.locals(at=Py_ssize_t)
    cpdef int put_float(self, Py_ssize_t cell, double value) except -1
    @cython.locals(at=Py_ssize_t)
    cdef Py_ssize_t place(self, Py_ssize_t cell, Py_ssize_t count) except -1
    cpdef grow_rows(self)
    cpdef grow(self)
    cpdef cut(self, Py_ssize_t n)
    cpdef clear(self)
    @cython.locals(into="long long[:, ::1]", where="long long[::1]", ever=cython.longlong, cell=Py_ssize_t, count=Py_ssize_t)
    cpdef columns(self, bint every)
    @cython.locals(at=Py_ssize_t, mask=cython.longlong)
    cdef int64_t ever(self) except? -1 nogil
    @cython.locals(row=Py_ssize_t, at=Py_ssize_t, cell=Py_ssize_t, mask=cython.longlong)
    cdef int spread(self, long long[:, ::1] into, long long[::1] where) except -1 nogil
