cimport cython
from sentinel.wire.capture cimport CaptureReader
from sentinel.wire.decode cimport Decoder
from sentinel.wire.flows cimport Flow, FlowTable
from sentinel.wire.reader cimport Reader
from sentinel.wire.rows cimport Block, Rows
from sentinel.wire.streams cimport Stream

cdef int D_CLIENT_HIGH, D_CLIENT_LOW, D_CLIENT_PORT, D_FAMILY, D_NUMBER, D_PROTO, D_SERVER_HIGH, D_SERVER_LOW, D_SERVER_PORT, D_WIDTH, L_BYTES_CLIENT, L_BYTES_SERVER, L_CAPTURE, L_CLIENT_HIGH, L_CLIENT_LOW, L_CLIENT_MAC, L_CLIENT_PORT, L_CONFIDENCE, L_DIRECTION_BY, L_END, L_ETHERTYPE, L_FAMILY, L_FAULTS, L_FRAME, L_GAP_BYTES, L_GAPS, L_INNER, L_LABEL, L_LABEL_BY, L_LAST_FRAME, L_LAST_TIME, L_MESSAGES, L_NAME, L_NUMBER, L_PACKETS_CLIENT, L_PACKETS_SERVER, L_PAYLOAD_CLIENT, L_PAYLOAD_SERVER, L_PROTO, L_REORDERED, L_RETRANSMISSIONS, L_SERVER_HIGH, L_SERVER_LOW, L_SERVER_MAC, L_SERVER_PORT, L_STATE, L_TIME, L_TUNNEL, L_VLAN, L_WIDTH, M_LENGTH

cdef class Engine:
    cdef readonly list protocols
    cdef readonly object identifier
    cdef list parsers, probes, caps, extras
    cdef readonly Rows rows
    cdef Reader reader
    cdef readonly Decoder decoder
    cdef readonly FlowTable table
    cdef readonly Block flow_rows, idents
    cdef bint keep_copies
    cdef object copy_keys, copy_times
    cdef long long[::1] copy_key, copy_time
    cdef readonly long long flow_number
    cdef readonly int capture
    cdef readonly long long frames, bytes, duplicates, cut, backwards, unread_frames
    cdef readonly dict unread, fault_counts
    cdef dict fault_rows
    cdef long long last_time
    cdef readonly long long first_time, latest_time
    cdef Flow flow
    cdef int side, current
    cdef Py_ssize_t segment
    cdef readonly list defects
    cdef readonly dict arps

    @cython.locals(rows=Rows, count=cython.longlong)
    cpdef bint read(self, CaptureReader source, long long limit) except -1
    @cython.locals(time=cython.longlong, d=Decoder, kind=cython.int, table=FlowTable, f=Flow, side=cython.int, payload=Py_ssize_t)
    cdef frame(self, CaptureReader source)
    cpdef note_lost(self)
    cdef note_frame(self, long long frame, long long time, int code, str detail)
    cpdef note_capture(self, int code, str detail, long long offset)
    cdef note(self, int code, str detail, long long offset)
    @cython.locals(table=FlowTable, d=Decoder, f=Flow, gone=Flow)
    cdef Flow new_flow(self)
    @cython.locals(d=Decoder, buf="const unsigned char[:]", key=cython.longlong, p=Py_ssize_t, n=Py_ssize_t, i=Py_ssize_t, slot=Py_ssize_t, gap=cython.longlong)
    cdef bint copy(self, int kind) except -1
    cdef bint restarts(self, Flow f, int side) except -1
    @cython.locals(d=Decoder, flags=cython.int, s=Stream, other=Stream, declared=cython.longlong, ahead=cython.longlong, fresh=cython.longlong, missing=cython.longlong)
    cdef tcp(self, Flow f, int side)
    @cython.locals(seq=cython.longlong, ahead=cython.longlong, declared=cython.longlong, start=cython.longlong)
    cdef drain(self, Flow f, int side, Stream s, long long time, bint skip)
    cdef gap(self, Flow f, int side, Stream s, long long n, long long frame, long long time)
    @cython.locals(d=Decoder)
    cdef deliver(self, Flow f, int side, Stream s, Py_ssize_t start, Py_ssize_t end)
    cdef deliver_bytes(self, Flow f, int side, Stream s, bytes data, Py_ssize_t start, long long frame, long long time)
    @cython.locals(d=Decoder)
    cdef datagram(self, Flow f, int side)
    cdef undecided(self, Flow f, int side, bint synced, bytes data, long long frame, long long time, long long offset)
    cdef forget_backlog(self, Flow f)
    cdef turn_by_port(self, Flow f, str transport)
    @cython.locals(s=Stream, side=cython.int, frame=cython.longlong, time=cython.longlong, offset=cython.longlong)
    cdef label(self, Flow f, object decision)
    cdef turn(self, Flow f, object protocol, list backlog)
    @cython.locals(rows=Rows)
    cdef stand(self, Flow f, int side, long long since, long long frame, long long time, long long offset)
    @cython.locals(block=Block, n=Py_ssize_t)
    cdef identify(self, Flow f)
    @cython.locals(old=Py_ssize_t, joined=bytes, since=cython.longlong, at=cython.longlong)
    cdef run_tail(self, Flow f, int side, Stream s, bytes data, long long frame, long long time, long long offset)
    @cython.locals(rows=Rows, r=Reader, label=cython.int, at=Py_ssize_t, messages=Py_ssize_t, items=Py_ssize_t, points=Py_ssize_t, faults=Py_ssize_t, heap=Py_ssize_t, slot=dict)
    cdef run(self, Flow f, int side, Stream s, const unsigned char[:] buf, Py_ssize_t start, Py_ssize_t end, long long since, long long frame, long long time, long long offset)
    cdef count_faults(self, Flow f, Py_ssize_t first)
    @cython.locals(rows=Rows)
    cdef malformed(self, Flow f, Py_ssize_t messages, int code, object detail, long long offset)
    @cython.locals(end=Py_ssize_t, first=Py_ssize_t, verdict=cython.int)
    cdef bint resync(self, Flow f, int side, Stream s, Reader r, Py_ssize_t at, bint whole) except -1
    @cython.locals(f=Flow, rows=Rows, outer=cython.int, inner=cython.int, saved=Py_ssize_t, stop=Py_ssize_t, messages=Py_ssize_t, at=Py_ssize_t)
    cpdef bint carry(self, Reader r, Py_ssize_t n, str name) except -1
    @cython.locals(s=Stream, side=cython.int, seq=cython.longlong, ahead=cython.longlong)
    cdef end(self, Flow f, int why)
    @cython.locals(block=Block, n=Py_ssize_t, c=cython.int, flags=cython.int, state=cython.int)
    cdef write(self, Flow f, int why)
