cimport cython
from sentinel.wire.capture cimport CaptureReader
from sentinel.wire.copies cimport Copies
from sentinel.wire.decode cimport Decoder
from sentinel.wire.flows cimport Flow, FlowTable
from sentinel.wire.reader cimport Reader
from sentinel.wire.rows cimport Block, Carrier, Rows
from sentinel.wire.streams cimport Stream

cdef int D_WIDTH, L_WIDTH, M_LENGTH

cdef class Onward(Carrier):
    cdef Engine engine

    cpdef bint carry(self, Reader r, Py_ssize_t n, str name) except -1

@cython.final
cdef class Engine:
    cdef readonly list protocols
    cdef readonly object identifier
    cdef list parsers, probes, caps, extras
    cdef readonly Rows rows
    cdef Reader reader
    cdef readonly Decoder decoder
    cdef readonly FlowTable table
    cdef readonly Block flow_rows, idents
    cdef readonly Copies copies
    cdef public long long batch_messages, batch_flows, batch_points, batch_heap
    cdef public long long flow_number
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
    cdef int depth
    cdef bint layer2
    cdef readonly dict arps

    @cython.locals(count=cython.longlong)
    cpdef bint read(self, CaptureReader source, long long limit) except -1
    @cython.locals(rows=Rows)
    cpdef bint full(self) except -1
    @cython.locals(time=cython.longlong, d=Decoder, kind=cython.int, table=FlowTable, f=Flow, side=cython.int, payload=Py_ssize_t)
    cdef frame(self, CaptureReader source)
    cpdef note_lost(self)
    cdef note_frame(self, long long frame, long long time, int code, str detail)
    cpdef note_capture(self, int code, str detail, long long offset)
    cdef note(self, int code, str detail, long long offset)
    @cython.locals(table=FlowTable, d=Decoder, f=Flow, gone=Flow)
    cdef Flow new_flow(self)
    cdef bint restarts(self, Flow f, int side) except -1
    @cython.locals(d=Decoder, flags=cython.int, s=Stream, other=Stream, declared=cython.longlong, ahead=cython.longlong, fresh=cython.longlong, missing=cython.longlong, before=cython.longlong)
    cdef tcp(self, Flow f, int side)
    @cython.locals(d=Decoder, data=bytes, waited=bytes, again=bytes, size=Py_ssize_t, done=cython.longlong, room=cython.longlong, stop=cython.longlong, missing=cython.longlong)
    cdef overtaken(self, Flow f, int side, Stream s)
    @cython.locals(rows=Rows, seq=cython.longlong, ahead=cython.longlong, declared=cython.longlong, start=cython.longlong)
    cdef drain(self, Flow f, int side, Stream s, long long time, bint skip)
    cdef gap(self, Flow f, int side, Stream s, long long n, long long frame, long long time)
    cdef drop_slot(self, Flow f, int side)
    cdef over_cap(self, Flow f, int side, long long frame, long long time)
    cdef drop_tail(self, Stream s)
    @cython.locals(d=Decoder, at=cython.longlong)
    cdef deliver(self, Flow f, int side, Stream s, Py_ssize_t start, Py_ssize_t end)
    cdef deliver_bytes(self, Flow f, int side, Stream s, bytes data, Py_ssize_t start, long long frame, long long time)
    @cython.locals(d=Decoder)
    cdef datagram(self, Flow f, int side)
    cdef undecided(self, Flow f, int side, Stream s, bytes data, long long since, long long frame, long long time, long long offset)
    cdef object framed(self, Flow f, str transport)
    cdef forget_backlog(self, Flow f)
    cdef turn_by_port(self, Flow f, str transport)
    @cython.locals(s=Stream, side=cython.int, since=cython.longlong, frame=cython.longlong, time=cython.longlong, offset=cython.longlong, holes=cython.longlong)
    cdef label(self, Flow f, object decision)
    cdef turn(self, Flow f, object protocol, list backlog)
    @cython.locals(opener=cython.int, other=cython.int)
    cdef turn_caller(self, Flow f, object protocol, list backlog)
    cdef int told(self, object protocol, bytes data) except -2
    @cython.locals(rows=Rows)
    cdef stand(self, Flow f, int side, long long since, long long frame, long long time, long long offset)
    @cython.locals(joined=bytes, since=cython.longlong, at=cython.longlong, wanted=cython.longlong, left=Py_ssize_t)
    cdef run_tail(self, Flow f, int side, Stream s, bytes data, long long frame, long long time, long long offset)
    cdef keep_tail(self, Flow f, int side, Stream s, bytes data, long long wanted, long long since, long long offset, long long frame, long long time)
    @cython.locals(rows=Rows, r=Reader, label=cython.int, at=Py_ssize_t, messages=Py_ssize_t, items=Py_ssize_t, points=Py_ssize_t, faults=Py_ssize_t, heap=Py_ssize_t, slot=dict, here=cython.longlong)
    cdef run(self, Flow f, int side, Stream s, object data, Py_ssize_t start, Py_ssize_t end, long long since, long long frame, long long time, long long offset, Py_ssize_t seam, long long behind)
    cdef account(self, Flow f, int side)
    cdef tuple complaint(self, object error, int label, long long frame)
    cdef count_faults(self, Flow f, Py_ssize_t first)
    @cython.locals(rows=Rows)
    cdef malformed(self, Flow f, Py_ssize_t messages, int code, object detail, long long offset)
    @cython.locals(end=Py_ssize_t, first=Py_ssize_t, verdict=cython.int)
    cdef bint resync(self, Flow f, int side, Stream s, Reader r, Py_ssize_t at, bint whole) except -1
    @cython.locals(f=Flow, rows=Rows, outer=cython.int, inner=cython.int, saved=Py_ssize_t, stop=Py_ssize_t, messages=Py_ssize_t, at=Py_ssize_t, row=Py_ssize_t)
    cpdef bint carry(self, Reader r, Py_ssize_t n, str name) except -1
    cdef note_stranger(self, Flow f)
    @cython.locals(s=Stream, side=cython.int, seq=cython.longlong, ahead=cython.longlong)
    cdef end(self, Flow f, int why)
