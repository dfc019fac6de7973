from libc.stdint cimport int64_t
from sentinel.wire.reader cimport Reader
from sentinel.wire.rows cimport Rows

cpdef int64_t index(Reader r, int prefix) except? -1
cpdef int64_t fixed(Reader r, Rows out, int object, long long layout, long long count, long long start, int prefix, long long common, int access) except? -2
cpdef int64_t controls(Reader r, Rows out, int object, long long count, long long start, int prefix, int access, bint first, bint answer) except? -2
