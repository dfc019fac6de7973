from libc.stdint cimport int64_t
from sentinel.wire.reader cimport Reader
from sentinel.wire.rows cimport Rows

cpdef int64_t objects(Reader r, Rows out, int function, long long unit) except? -1
