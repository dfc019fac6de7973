cimport cython

cdef class Reader:
    cdef const unsigned char[:] data
    cdef readonly Py_ssize_t start
    cdef public Py_ssize_t pos
    cdef public Py_ssize_t end
    cdef public Py_ssize_t wanted
    cdef public int narrowed

    cpdef int reset(self, const unsigned char[:] data, Py_ssize_t start, Py_ssize_t end) except -1
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
    cpdef long long u8(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef long long i8(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef long long u16(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef long long i16(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef long long u16le(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef long long i16le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef long long u24(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef long long u24le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef long long u32(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef long long i32(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef long long u32le(self) except? -1
    @cython.locals(v=cython.longlong)
    cpdef long long i32le(self) except? -1
    @cython.locals(hi=cython.longlong)
    cpdef long long u48(self) except? -1
    @cython.locals(lo=cython.longlong)
    cpdef long long u48le(self) except? -1
    cpdef object u64(self)
    cpdef object u64le(self)
    cpdef long long i64(self) except? -1
    cpdef long long i64le(self) except? -1
    cpdef double f32(self) except? -1
    cpdef double f64(self) except? -1
    cpdef double f32le(self) except? -1
    cpdef double f64le(self) except? -1
    @cython.locals(p=Py_ssize_t)
    cpdef bytes take(self, Py_ssize_t n)
    cpdef bytes slice(self, Py_ssize_t start, Py_ssize_t end)
