"""S7comm for the battery: every sample of s7comm_samples in a COTP data TPDU."""

from battery import ANSWER, ASK, Wire
from cotp_wire import OPENING, data
from s7comm_samples import SAMPLES

from parsers import s7comm
from sentinel.model import Direction
from sentinel.wire.reader import Reader


def way(pdu: bytes) -> int:
    """The direction that the PDU itself tells; what does not tell is sent by the server."""
    return ASK if s7comm.orient(Reader(pdu)) == Direction.TO_SERVER else ANSWER


WIRE = Wire(port=102, opening=OPENING, samples=[(way(pdu), data(pdu)) for pdu in SAMPLES], label="s7comm")
