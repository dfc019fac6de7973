cimport cython
from libc.stdint cimport int64_t
from sentinel.wire.own cimport Own
from sentinel.wire.reader cimport Reader

cdef int M_FRAME, M_FIRST_FRAME, M_TIME, M_FLOW, M_DIRECTION, M_PROTOCOL, M_KIND, M_FUNCTION, M_OPERATION, M_UNIT, M_OBJECT, M_BLOCK, M_ADDRESS, M_BIT, M_QUANTITY, M_STATUS, M_TRANSACTION, M_DTYPE, M_STEP, M_DATA, M_DATA_LENGTH, M_NAME, M_FAULT, M_DETAIL, M_OFFSET, M_LENGTH, M_INDEX, M_EXT, M_SHAPE, M_IDENT, M_CAPTURE, M_WIDTH, I_MESSAGE, I_INDEX, I_OBJECT, I_BLOCK, I_ADDRESS, I_BIT, I_QUANTITY, I_DTYPE, I_STEP, I_DATA, I_DATA_LENGTH, I_STATUS, I_NAME, I_WIDTH, P_MESSAGE, P_OBJECT, P_BLOCK, P_ADDRESS, P_BIT, P_VALUE, P_TEXT, P_QUALITY, P_STAMP, P_ACCESS, P_ITEM, P_WIDTH, F_FRAME, F_TIME, F_FLOW, F_CODE, F_COUNT, F_DETAIL, F_PROTOCOL, F_OFFSET, F_CAPTURE, F_WIDTH
cdef int MAX_ITEMS, MAX_POINTS

@cython.final
cdef class Block:
    cdef readonly Py_ssize_t width
    cdef public Py_ssize_t n
    cdef readonly Py_ssize_t capacity
    cdef readonly object cells
    cdef public object buffers
    cdef long long[:, ::1] a
    cdef double[:, ::1] f

    @cython.locals(n=Py_ssize_t)
    cpdef Py_ssize_t add(self) except -1
    cpdef int put(self, Py_ssize_t row, Py_ssize_t cell, long long value) except -1
    cpdef grow(self)
    cpdef clear(self)
    @cython.locals(into="long long[:, ::1]")
    cpdef take(self)
    @cython.locals(start=Py_ssize_t, stop=Py_ssize_t, row=Py_ssize_t, column=Py_ssize_t)
    cdef int turn(self, long long[:, ::1] into) except -1 nogil

cdef class Carrier:
    cpdef bint carry(self, Reader r, Py_ssize_t n, str name) except -1

@cython.final
cdef class Rows:
    cdef readonly Block messages
    cdef readonly Block items
    cdef readonly Block points
    cdef readonly Block faults
    cdef public dict extras
    cdef public Own extra
    cdef readonly object heap_bytes
    cdef unsigned char[::1] heap
    cdef readonly Py_ssize_t heap_n
    cdef readonly list texts
    cdef dict text_ids
    cdef public list facts
    cdef set fact_keys
    cdef readonly long long facts_dropped, texts_dropped, text_size
    cdef public long long kept, grown
    cdef public int capture
    cdef public long long frame
    cdef public long long since
    cdef public long long time
    cdef public long long flow
    cdef public long long ident
    cdef public int direction
    cdef public int protocol
    cdef public int index
    cdef public long long offset
    cdef public Py_ssize_t row
    cdef Py_ssize_t item_row
    cdef readonly long long item_count
    cdef readonly long long point_count
    cdef public dict slot
    cdef public dict shared
    cdef public bint oriented
    cdef public object carrier
    cdef public int batch

    cpdef int at(self, long long frame, long long since, long long time, long long flow, long long ident, int direction, long long offset) except -1
    cpdef int use(self, int protocol, Own extra) except -1
    @cython.locals(n=Py_ssize_t, block=Block)
    cpdef Py_ssize_t message(self, long long kind, long long function, long long operation) except -1
    cpdef int unit(self, long long value) except -1
    cpdef int kind(self, long long value) except -1
    cpdef int operation(self, long long key) except -1
    cpdef int status(self, long long value) except -1
    cpdef int transaction(self, long long value) except -1
    cpdef int shape(self, long long value) except -1
    @cython.locals(row=Py_ssize_t, mask=cython.longlong)
    cpdef int pairing(self, long long unit, long long transaction, long long shape) except -1
    cpdef int name(self, object text) except -1
    @cython.locals(n=Py_ssize_t, mask=cython.longlong)
    cpdef int target(self, long long object, long long address, long long quantity) except -1
    cpdef int block(self, long long value) except -1
    cpdef int bit(self, long long value) except -1
    cpdef int dtype(self, long long dtype, long long step) except -1
    @cython.locals(at=Py_ssize_t, row=Py_ssize_t, block=Block, mask=cython.longlong)
    cpdef int values(self, Reader r, Py_ssize_t n, long long dtype, long long step) except -1
    cpdef int length(self, long long n) except -1
    cpdef int fault(self, long long code, object detail=*) except -1
    @cython.locals(n=Py_ssize_t, block=Block)
    cpdef int trouble(self, long long code, object detail, long long offset) except -1
    @cython.locals(n=Py_ssize_t, items=Block, mask=cython.longlong)
    cpdef bint item(self, long long object, long long block, long long address, long long quantity) except -1
    cpdef int item_bit(self, long long value) except -1
    cpdef int item_status(self, long long value) except -1
    cpdef int item_name(self, object text) except -1
    cpdef int item_dtype(self, long long dtype, long long step) except -1
    @cython.locals(n=Py_ssize_t, items=Block, mask=cython.longlong)
    cpdef bint variable(self, long long object, long long block, long long address, long long bit, long long quantity, long long dtype, long long step) except -1
    @cython.locals(at=Py_ssize_t, row=Py_ssize_t, items=Block, mask=cython.longlong)
    cpdef int item_values(self, Reader r, Py_ssize_t n, long long dtype, long long step) except -1
    @cython.locals(n=Py_ssize_t, points=Block)
    cpdef bint point(self, long long object, long long address, double value) except -1
    @cython.locals(n=Py_ssize_t, points=Block, mask=cython.longlong)
    cpdef bint measured(self, long long object, long long address, double value, long long access, long long quality) except -1
    @cython.locals(n=Py_ssize_t, points=Block)
    cpdef bint point_text(self, long long object, long long address, object text) except -1
    cpdef int point_quality(self, long long value) except -1
    cpdef int point_time(self, long long value) except -1
    cpdef int point_bit(self, long long value) except -1
    cpdef int point_access(self, long long value) except -1
    @cython.locals(extra=Own)
    cdef Own own(self)
    cpdef int ext(self, Py_ssize_t column, long long value) except -1
    cpdef int ext4(self, Py_ssize_t column, long long a, long long b, long long c, long long d) except -1
    cpdef int ext_text(self, Py_ssize_t column, object text) except -1
    cpdef int ext_float(self, Py_ssize_t column, double value) except -1
    @cython.locals(said=tuple)
    cpdef fact(self, str kind, object value, long long unit=*, double confidence=*, bint about_peer=*)
    cpdef tuple place(self)
    cpdef int grow(self, long long n) except -1
    cpdef bint hand(self, Reader r, Py_ssize_t n, str protocol) except -1
    @cython.locals(p=Py_ssize_t, at=Py_ssize_t)
    cpdef Py_ssize_t keep(self, Reader r, Py_ssize_t n) except -1
    cpdef heap_grow(self, Py_ssize_t n)
    cpdef int64_t text(self, object value) except -1
    @cython.locals(n=Py_ssize_t, extra=Own)
    cpdef int rollback(self, Py_ssize_t messages, Py_ssize_t items, Py_ssize_t points, Py_ssize_t faults, Py_ssize_t heap) except -1
