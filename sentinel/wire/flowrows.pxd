cimport cython
from sentinel.wire.flows cimport Flow
from sentinel.wire.rows cimport Block, Rows

cdef int D_CLIENT_HIGH, D_CLIENT_LOW, D_CLIENT_PORT, D_FAMILY, D_NUMBER, D_PROTO, D_SERVER_HIGH, D_SERVER_LOW, D_SERVER_PORT, L_BYTES_CLIENT, L_BYTES_SERVER, L_CAPTURE, L_CLIENT_HIGH, L_CLIENT_LOW, L_CLIENT_MAC, L_CLIENT_PORT, L_CONFIDENCE, L_DIRECTION_BY, L_END, L_ETHERTYPE, L_FAMILY, L_FAULTS, L_FRAME, L_GAP_BYTES, L_GAPS, L_ICMP, L_INNER, L_LABEL, L_LABEL_BY, L_LAST_FRAME, L_LAST_TIME, L_MESSAGES, L_NAME, L_NUMBER, L_PACKETS_CLIENT, L_PACKETS_SERVER, L_PAYLOAD_CLIENT, L_PAYLOAD_SERVER, L_PROTO, L_REORDERED, L_RETRANSMISSIONS, L_SERVER_HIGH, L_SERVER_LOW, L_SERVER_MAC, L_SERVER_PORT, L_STATE, L_TIME, L_TUNNEL, L_VLAN

@cython.locals(n=Py_ssize_t)
cpdef write_identity(Block block, Flow f, int batch)
@cython.locals(n=Py_ssize_t, c=cython.int, flags=cython.int, state=cython.int)
cpdef write_flow(Block block, Flow f, Rows rows, int why)
