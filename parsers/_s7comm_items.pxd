from sentinel.wire.reader cimport Reader
from sentinel.wire.rows cimport Rows

cpdef Reader closed(object data)
cpdef addresses(Reader r, Rows out, int count)
cpdef values(Reader r, Rows out, int count)
cpdef written(Reader r, Rows out, Reader specs, int count, bint answer)
cpdef value(Reader r, Rows out, bint last, int packed, bint answer)
cpdef statuses(Reader r, Rows out, int count)
cpdef tis_addresses(Reader r, Rows out, int count)
cpdef tis_written(Reader r, Rows out, Reader specs, int count, bint answer)
cpdef tis_values(Reader r, Rows out, int count)
