cimport cython

cdef int I_ADDRESS, I_BIT, I_BLOCK, I_DATA, I_DATA_LENGTH, I_DTYPE, I_INDEX, I_MESSAGE, I_OBJECT, I_QUANTITY, I_STEP, M_ADDRESS, M_BIT, M_BLOCK, M_DATA, M_DATA_LENGTH, M_DTYPE, M_KIND, M_OBJECT, M_QUANTITY, M_STEP, P_ACCESS, P_ADDRESS, P_BIT, P_BLOCK, P_MESSAGE, P_OBJECT, P_QUALITY, P_STAMP, P_TEXT, P_VALUE, S_ACCESS, S_ADDRESS, S_BIT, S_BLOCK, S_COUNT, S_DATA, S_DTYPE, S_LENGTH, S_OBJECT, S_ROW, S_SOURCE, S_STEP, S_WIDTH

cdef class Spans:
    cdef long long[:, :] messages, items, points, before_messages, before_items
    cdef long long[:, ::1] spans, forms
    cdef double[:, :] numbers
    cdef const unsigned char[::1] heap
    cdef long long[::1] pair, result
    cdef long long first, before_first
    cdef object table
    cdef float[::1] singles
    cdef int[::1] single_bits
    cdef double[::1] doubles
    cdef long long[::1] double_bits
    cdef long long[::1] places
    cdef Py_ssize_t n
    cdef readonly Py_ssize_t texts
    cdef readonly bint direct
    cdef bint mixed

    @cython.locals(i=Py_ssize_t, row=Py_ssize_t, point=Py_ssize_t, item=Py_ssize_t, start=Py_ssize_t)
    cdef int collect_rows(self) except -1 nogil
    @cython.locals(s=Py_ssize_t, valid=cython.longlong, object=cython.longlong, block=cython.longlong, bit=cython.longlong, access=cython.longlong)
    cdef int collect_point(self, Py_ssize_t i, Py_ssize_t row) except -1 nogil
    @cython.locals(asked=Py_ssize_t)
    cdef int collect_message(self, Py_ssize_t i) except -1 nogil
    @cython.locals(asked=Py_ssize_t, place=Py_ssize_t)
    cdef int collect_item(self, Py_ssize_t i, Py_ssize_t row) except -1 nogil
    @cython.locals(s=Py_ssize_t, at=Py_ssize_t, k=Py_ssize_t, cell=cython.longlong)
    cdef int sort_row(self, Py_ssize_t start) except -1 nogil
    @cython.locals(source=cython.longlong, dtype=cython.longlong, text=cython.longlong)
    cdef long long turn(self, Py_ssize_t s) except? -1 nogil
    @cython.locals(partner=cython.longlong)
    cdef Py_ssize_t request(self, Py_ssize_t row) except? -1 nogil
    @cython.locals(low=Py_ssize_t, high=Py_ssize_t, middle=Py_ssize_t)
    cdef Py_ssize_t item_of(self, long long[:, :] cells, long long row, long long index) except? -1 nogil
    @cython.locals(s=Py_ssize_t, valid=cython.longlong, dtype=cython.longlong)
    cdef int message_span(self, long long[:, :] cells, Py_ssize_t k, Py_ssize_t row, long long data, long long length) except -1 nogil
    @cython.locals(s=Py_ssize_t, valid=cython.longlong, dtype=cython.longlong)
    cdef int item_span(self, long long[:, :] cells, Py_ssize_t k, Py_ssize_t row, long long data, long long length) except -1 nogil
    @cython.locals(n=Py_ssize_t)
    cdef Py_ssize_t add(self, Py_ssize_t row, int source, long long dtype) except -1 nogil
    cdef bint wordy(self, long long dtype) except -1 nogil
    @cython.locals(kind=cython.longlong)
    cdef int implied_access(self, Py_ssize_t row) except -1 nogil
    @cython.locals(held=cython.longlong, width=cython.longlong)
    cdef long long count(self, long long dtype, long long length, long long quantity) except? -1 nogil

    @cython.locals(a="long long[:, ::1]", w="unsigned int[::1]", m="long long[::1]", p="long long[::1]", v="double[::1]")
    cpdef fill(self, object spans, object which, object message, object address, object value)
    @cython.locals(s=Py_ssize_t, k=Py_ssize_t, at=Py_ssize_t, count=Py_ssize_t, number=cython.longlong)
    cdef int fill_places(self, long long[:, ::1] spans, unsigned int[::1] which, long long[::1] message) except -1 nogil
    @cython.locals(heap="const unsigned char[::1]", s=Py_ssize_t, k=Py_ssize_t, at=Py_ssize_t, count=Py_ssize_t, start=Py_ssize_t, dtype=cython.longlong, first=cython.longlong, step=cython.longlong, width=Py_ssize_t, little=cython.bint, form=cython.int)
    cdef int fill_numbers(self, long long[:, ::1] spans, long long[::1] address, double[::1] value) except -1 nogil
    @cython.locals(high=cython.longlong, low=cython.longlong, octet=cython.longlong, i=Py_ssize_t)
    cdef double number(self, Py_ssize_t at, Py_ssize_t width, bint little, int form) except? -1 nogil
    @cython.locals(size=Py_ssize_t, n=Py_ssize_t, a="long long[:, ::1]", w="long long[::1]", k="long long[::1]", h="long long[::1]")
    cpdef distinct(self, object spans, object word)
    @cython.locals(n=Py_ssize_t, s=Py_ssize_t, at=Py_ssize_t, tries=cython.int)
    cdef Py_ssize_t find_distinct(self, long long[:, ::1] spans, long long[::1] word, long long[::1] kept, long long[::1] heads) except -1 nogil
    @cython.locals(start=Py_ssize_t, length=Py_ssize_t, i=Py_ssize_t, key=cython.longlong, four=cython.longlong)
    cdef long long hash(self, long long[:, ::1] spans, Py_ssize_t s) except -1 nogil
    @cython.locals(length=Py_ssize_t, one=Py_ssize_t, two=Py_ssize_t)
    cdef bint alike(self, long long[:, ::1] spans, Py_ssize_t s, Py_ssize_t other) except -1 nogil
    @cython.locals(seen=cython.int, a="long long[:, ::1]", q="long long[::1]", t="long long[::1]", x="long long[::1]", h="unsigned char[::1]")
    cpdef int details(self, object spans, object quality, object stamp, object text, object has_value) except -1
    @cython.locals(seen=cython.int, s=Py_ssize_t, k=Py_ssize_t, i=Py_ssize_t, at=Py_ssize_t, count=Py_ssize_t, start=Py_ssize_t, valid=cython.longlong)
    cdef int fill_details(self, long long[:, ::1] spans, long long[::1] quality, long long[::1] stamp, long long[::1] text, unsigned char[::1] has_value) except -1 nogil
