"""Modbus for the battery: every sample of modbus_samples behind an MBAP header."""

from battery import ANSWER, ASK, Wire
from modbus_samples import SAMPLES, mbap

READ = [(ASK, mbap("0300000002", transaction=1)), (ANSWER, mbap("030400010002", transaction=1))]
WIRE = Wire(
    port=502,
    opening=READ * 2,
    samples=[(way, mbap(pdu)) for pdu, way, _, _ in SAMPLES],
    label="modbus",
    transports=("tcp", "udp"),
)
