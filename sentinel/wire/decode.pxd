cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Decoder:
    cdef readonly object fragments
    cdef object data
    cdef const unsigned char[::1] buf
    cdef Py_ssize_t size
    cdef readonly Py_ssize_t p, end
    cdef int layers
    cdef readonly Py_ssize_t mac_at
    cdef readonly int ethertype, vlan, family
    cdef readonly Py_ssize_t src, dst
    cdef readonly long long sender, receiver
    cdef readonly int proto, sport, dport
    cdef readonly Py_ssize_t payload, payload_end
    cdef readonly long long declared
    cdef readonly long long seq, ack
    cdef readonly int flags, window, ip_id
    cdef readonly str tunnel
    cdef readonly bint prp
    cdef readonly int fault
    cdef readonly str fault_detail
    cdef readonly str unread
    cdef readonly long long time, frame, first_frame

    cpdef int decode(self, object data, Py_ssize_t start, Py_ssize_t end, int link, long long time, long long frame) except -2
    cdef int use(self, object data) except -2
    cpdef bytes piece(self, Py_ssize_t start, Py_ssize_t end)
    cdef int bad(self, str detail) except -2
    cdef int settle(self) except -2
    cdef int skip_unread(self, str what) except -2
    cdef int enter(self, str name) except -2
    cdef inline int u16(self, Py_ssize_t p) except -2
    @cython.locals(high=cython.longlong)
    cdef inline int64_t u32(self, Py_ssize_t p) except -2
    @cython.locals(p=Py_ssize_t)
    cdef int ethernet(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t)
    cdef int other_link(self, int link) except -2
    @cython.locals(p=Py_ssize_t, kind=cython.int)
    cdef int ppp(self) except -2
    @cython.locals(p=Py_ssize_t, length=cython.int)
    cdef int pppoe(self) except -2
    @cython.locals(p=Py_ssize_t, skip=cython.int, control=cython.int, flags=cython.int, header=cython.int)
    cdef int wireless(self, int link) except -2
    @cython.locals(p=Py_ssize_t, oui=cython.int, kind=cython.int)
    cdef int llc(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t)
    cdef int network(self, int kind) except -2
    @cython.locals(kind=cython.int)
    cdef bint frame_type(self, Py_ssize_t p) except -1
    @cython.locals(lan=cython.int, size=cython.int)
    cdef bint redundancy_trailer(self) except -1
    @cython.locals(p=Py_ssize_t, count=cython.int, bottom=cython.int, nibble=cython.int)
    cdef int mpls(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, header=cython.int, total=cython.int, declared=cython.longlong, fragment=cython.int)
    cdef int ipv4(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, at=Py_ssize_t, declared=cython.longlong, following=cython.int, count=cython.int, length=cython.int, offset=cython.int)
    cdef int ipv6(self) except -2
    cdef bint declared_missing(self, long long declared) except -1
    cdef int cut(self, str detail) except -2
    cdef int reassembled(self, object whole, int kind) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, proto=cython.int, length=cython.int)
    cdef int carried(self, long long declared) except -2
    @cython.locals(p=Py_ssize_t, at=Py_ssize_t, left=Py_ssize_t, flags=cython.int, kind=cython.int, version=cython.int, header=cython.int, count=cython.int, length=cython.int, optional=cython.int)
    cdef int gre(self) except -2
    cdef int inner_ethernet(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, length=cython.int, port=cython.int, kind=cython.int)
    cdef int udp(self, long long declared) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, inner=cython.int, header=cython.int, kind=cython.int)
    cdef int udp_tunnel(self, int port) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, header=cython.int, following=cython.int, count=cython.int, length=cython.int, version=cython.int)
    cdef int gtp_u(self) except -2
    @cython.locals(p=Py_ssize_t, at=Py_ssize_t, inner=cython.int, tag=cython.int)
    cdef int tzsp(self) except -2
    @cython.locals(p=Py_ssize_t)
    cdef int teredo(self) except -2
    @cython.locals(p=Py_ssize_t, left=Py_ssize_t, header=cython.int)
    cdef int tcp(self, long long declared) except -2
