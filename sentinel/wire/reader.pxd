cimport cython
from libc.stdint cimport int64_t

@cython.locals(raw=cython.uint, value=cython.float)
cdef double single(long long bits) noexcept
@cython.locals(value=cython.double)
cdef double wide(long long bits) noexcept

@cython.final
cdef class Reader:
    cdef object owner
    cdef const unsigned char[::1] data
    cdef readonly Py_ssize_t start
    cdef public Py_ssize_t pos
    cdef public Py_ssize_t end
    cdef public Py_ssize_t wanted
    cdef public int narrowed

    cpdef int reset(self, object data, Py_ssize_t start, Py_ssize_t end) except -1
    cdef int use(self, object data) except -1
    cpdef Py_ssize_t left(self) noexcept
    cpdef int fail(self, Py_ssize_t n) except -1
    cpdef int need(self, Py_ssize_t n) except -1
    @cython.locals(saved=Py_ssize_t)
    cpdef Py_ssize_t narrow(self, Py_ssize_t n) except -1
    cpdef int widen(self, Py_ssize_t saved) except -1
    cpdef int skip(self, Py_ssize_t n) except -1
    cpdef int peek(self, Py_ssize_t offset) except -2
    @cython.locals(p=Py_ssize_t)
    cpdef int peek16(self, Py_ssize_t offset) except -2
    @cython.locals(p=Py_ssize_t)
    cpdef int64_t u8(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef int64_t i8(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef int64_t u16(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef int64_t i16(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef int64_t u16le(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef int64_t i16le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef int64_t u24(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef int64_t u24le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef int64_t u32(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef int64_t i32(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef int64_t u32le(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef int64_t i32le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef int64_t u48(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef int64_t u48le(self) except? -1
    cpdef object u64(self)
    cpdef object u64le(self)
    cpdef int64_t i64(self) except? -1
    cpdef int64_t i64le(self) except? -1
    cpdef double f32(self) except? -1
    @cython.locals(high=cython.longlong)
    cpdef double f64(self) except? -1
    cpdef double f32le(self) except? -1
    @cython.locals(low=cython.longlong)
    cpdef double f64le(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef bytes take(self, Py_ssize_t n)
    @cython.locals(p=Py_ssize_t)
    cpdef int copy(self, Py_ssize_t n, bytearray target, Py_ssize_t at) except -1
    cpdef bytes slice(self, Py_ssize_t start, Py_ssize_t end)
