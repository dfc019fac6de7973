# cython: language_level=3, infer_types=True, boundscheck=True, wraparound=False, annotation_typing=True
"""One frame to addresses, tunnel stack and transport payload: link layers, VLAN, tunnels, IP, TCP, UDP, SCTP.

Nothing is copied: the result is positions in the frame's own buffer, save where a fragmented datagram was put
together. Innermost addresses win; what was around them is in `tunnel`, outermost first. A frame that breaks off or
contradicts itself gets a `fault` and keeps what was readable.

One long file because every layer may carry every other: the methods call each other in rings.

Sources: IEEE 802.3/802.1Q, RFC 791, 8200, 9293, 768, 9260, 2784/2890 (GRE), 7348 (VXLAN), 8926 (Geneve), 3032 (MPLS),
2516 (PPPoE), 1661 (PPP), 4380 (Teredo), 8086 (GRE in UDP), 3378 (EtherIP), 3GPP TS 29.281 (GTP-U), IEC 62439-3
(PRP, HSR), draft-foschiano-erspan (ERSPAN I-III), tcpdump.org link types.
"""

import cython

from sentinel.model import Fault
from sentinel.wire.fragments import Fragments

if cython.compiled:
    from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize

MAX_LAYERS = 24
"""Headers between the link layer and the transport; a frame nested deeper is a fault."""

# What a frame turned out to be: the value of `decode`.
UNREAD = 0
LINK = 1
IP = 2
TCP = 3
UDP = 4
SCTP = 5
PENDING = 6

_UNREAD = cython.declare(cython.int, UNREAD)
_LINK = cython.declare(cython.int, LINK)
_IP = cython.declare(cython.int, IP)
_TCP = cython.declare(cython.int, TCP)
_UDP = cython.declare(cython.int, UDP)
_SCTP = cython.declare(cython.int, SCTP)
_PENDING = cython.declare(cython.int, PENDING)
_MAX_LAYERS = cython.declare(cython.int, MAX_LAYERS)

LINK_TYPES = {
    0: "BSD loopback",
    1: "Ethernet",
    9: "PPP",
    12: "raw IP",
    14: "raw IP",
    50: "PPP in HDLC framing",
    51: "PPPoE",
    101: "raw IP",
    104: "Cisco HDLC",
    105: "IEEE 802.11",
    108: "OpenBSD loopback",
    113: "Linux cooked v1",
    119: "Prism + 802.11",
    127: "radiotap + 802.11",
    163: "AVS + 802.11",
    228: "raw IPv4",
    229: "raw IPv6",
    276: "Linux cooked v2",
}
"""Link types that are read: number (tcpdump.org/linktypes.html) -> name."""


class Decoder:
    """Decodes frames one at a time; the attributes hold the result of the last `decode`."""

    def __init__(self):
        self.fragments = Fragments()
        self.data = b""
        self.buf = b""
        self.size = 0
        self.p = 0
        self.end = 0
        self.layers = 0
        self.mac_at = -1
        self.ethertype = -1
        self.vlan = -1
        self.family = 0
        self.src = 0
        self.dst = 0
        self.sender = 0
        self.receiver = 0
        self.proto = -1
        self.sport = -1
        self.dport = -1
        self.payload = 0
        self.payload_end = 0
        self.declared = 0
        self.seq = 0
        self.ack = 0
        self.flags = 0
        self.window = 0
        self.ip_id = 0
        self.tunnel = ""
        self.prp = False
        self.fault = 0
        self.fault_detail = ""
        self.unread = ""
        self.time = 0
        self.frame = 0
        self.first_frame = 0

    def decode(self, data, start, end, link, time, frame):
        """Decode `data[start:end]` of a link type; returns UNREAD, LINK, IP, TCP, UDP, SCTP or PENDING (a fragment)."""
        if data is not self.data:
            self.use(data)
        self.p = start
        self.end = end
        self.layers = 0
        self.mac_at = -1
        self.ethertype = -1
        self.vlan = -1
        self.family = 0
        self.proto = -1
        self.sport = -1
        self.dport = -1
        self.payload = end
        self.payload_end = end
        self.declared = 0
        self.flags = 0
        self.ip_id = 0
        self.fault = 0
        if self.tunnel is not None:
            self.tunnel = None
        if self.unread is not None:
            self.unread = None
        self.prp = False
        self.time = time
        self.frame = frame
        self.first_frame = frame
        if link == 1:
            return self.ethernet()
        return self.other_link(link)

    def use(self, data):
        """Read in another buffer from now on; taking a view of one costs as much as decoding a frame."""
        self.data = data
        self.buf = data
        self.size = len(data)
        return 0

    def piece(self, start, end):
        """A copy of the bytes between two positions of the buffer.

        A slice of the view would do, but the compiled build then clears room for one at each entry of the function
        that holds it, taken or not.
        """
        if end <= start:
            return b""
        if start < 0 or end > self.size:
            raise IndexError("outside the buffer")
        if cython.compiled:
            return PyBytes_FromStringAndSize(cython.cast(cython.p_char, cython.address(self.buf[start])), end - start)
        return bytes(self.buf[start:end])

    def bad(self, detail):
        """Note that the frame breaks off or contradicts itself."""
        if self.fault == 0:
            self.fault = int(Fault.FRAME_MALFORMED)
            self.fault_detail = detail
        return self.settle()

    def settle(self):
        """The kind of a frame that could be read no further."""
        self.payload = self.p
        self.payload_end = self.end
        if self.payload > self.payload_end:
            self.payload = self.payload_end
        self.declared = self.payload_end - self.payload
        if self.family != 0:
            return _IP
        if self.mac_at >= 0:
            return _LINK
        if self.unread is None:
            whole = self.ethertype >= 0 and self.fault == 0
            self.unread = f"EtherType 0x{self.ethertype:04x}" if whole else "truncated frame"
        return _UNREAD

    def skip_unread(self, what):
        """A frame whose link type or payload is not read; `what` is counted."""
        self.unread = what
        return self.settle()

    def enter(self, name):
        """Note one more tunnel around what follows; the ports around it are none of what is inside."""
        self.sport = -1
        self.dport = -1
        self.tunnel = name if self.tunnel is None else self.tunnel + "/" + name

    @cython.boundscheck(False)  # one check for both bytes
    def u16(self, p):
        """Big-endian 16 bits at a position that was checked."""
        if p < 0 or p + 2 > self.size:
            raise IndexError("outside the buffer")
        return self.buf[p] << 8 | self.buf[p + 1]

    @cython.boundscheck(False)  # one check for all four bytes
    def u32(self, p):
        """Big-endian 32 bits at a position that was checked."""
        if p < 0 or p + 4 > self.size:
            raise IndexError("outside the buffer")
        high = self.buf[p] << 8 | self.buf[p + 1]
        return high * 65536 + (self.buf[p + 2] << 8 | self.buf[p + 3])

    # -- link layers ------------------------------------------------------------------------------------------

    def ethernet(self):
        """An Ethernet II or 802.3 frame."""
        p = self.p
        if self.end - p < 14:
            return self.bad("shorter than an Ethernet header")
        self.mac_at = p
        self.p = p + 14
        return self.network(self.u16(p + 12))

    def other_link(self, link):
        """Every link type but Ethernet."""
        p = self.p
        left = self.end - p
        if link == 113:
            if left < 16:
                return self.bad("shorter than a Linux cooked header")
            self.p = p + 16
            return self.network(self.u16(p + 14))
        if link == 276:
            if left < 20:
                return self.bad("shorter than a Linux cooked v2 header")
            self.p = p + 20
            return self.network(self.u16(p))
        if link == 101 or link == 12 or link == 14 or link == 228 or link == 229:
            if left < 1:
                return self.bad("empty frame")
            return self.network(0x0800 if self.buf[p] >> 4 == 4 else 0x86DD)
        if link == 0 or link == 108:
            if left < 5:
                return self.bad("shorter than a loopback header")
            self.p = p + 4
            # the address family is in the byte order of the capturing host; the IP version tells as well
            return self.network(0x0800 if self.buf[p + 4] >> 4 == 4 else 0x86DD)
        if link == 9 or link == 50:
            if left >= 4 and (self.buf[p] == 0xFF or link == 50) and self.buf[p + 1] == 3:
                self.p = p + 2
            return self.ppp()
        if link == 104:
            if left < 4:
                return self.bad("shorter than a Cisco HDLC header")
            self.p = p + 4
            return self.network(self.u16(p + 2))
        if link == 51:
            return self.pppoe()
        if link == 127 or link == 119 or link == 163 or link == 105:
            return self.wireless(link)
        return self.skip_unread(f"link type {link}")

    def ppp(self):
        """A PPP protocol field (RFC 1661, 2) and what follows."""
        p = self.p
        if self.end - p < 2:
            return self.bad("shorter than a PPP protocol field")
        if self.buf[p] & 1:
            kind = cython.cast(cython.int, self.buf[p])
            self.p = p + 1
        else:
            kind = self.u16(p)
            self.p = p + 2
        if kind == 0x21:
            return self.network(0x0800)
        if kind == 0x57:
            return self.network(0x86DD)
        if kind == 0x0281:
            return self.network(0x8847)
        return self.skip_unread(f"PPP protocol 0x{kind:04x}")

    def pppoe(self):
        """A PPPoE session header (RFC 2516, 4)."""
        p = self.p
        if self.end - p < 8 or self.buf[p] != 0x11:
            return self.bad("not a PPPoE session header")
        length = self.u16(p + 4)
        if length < self.end - p - 6:
            self.end = p + 6 + length
        self.p = p + 6
        self.ethertype = 0x8864
        self.enter("pppoe")
        return self.ppp()

    def wireless(self, link):
        """IEEE 802.11 data frames, with or without a capture header before them."""
        p = self.p
        if link == 127:
            if self.end - p < 8:
                return self.bad("shorter than a radiotap header")
            skip = self.buf[p + 2] | self.buf[p + 3] << 8
        elif link == 119:
            skip = 144
        elif link == 163:
            if self.end - p < 8:
                return self.bad("shorter than an AVS header")
            skip = self.u16(p + 6)
        else:
            skip = 0
        p += skip
        if self.end - p < 24:
            return self.skip_unread("802.11 control or short frame")
        control = self.buf[p]
        flags = self.buf[p + 1]
        if control & 0x0C != 0x08 or control & 0x40:
            return self.skip_unread("802.11 without data")
        if flags & 0x40:
            return self.skip_unread("802.11 encrypted")
        header = 24
        if flags & 3 == 3:
            header += 6
        if control & 0x80:
            if self.end - p < header + 2:
                return self.bad("802.11 header cut off")
            if self.buf[p + header] & 0x80:
                return self.skip_unread("802.11 A-MSDU")
            header += 2
            if flags & 0x80:
                header += 4
        self.p = p + header
        return self.llc()

    def llc(self):
        """An 802.2 LLC header, with SNAP where it says so."""
        p = self.p
        if self.end - p < 3:
            return self.bad("shorter than an LLC header")
        if self.buf[p] == 0xAA and self.buf[p + 1] == 0xAA and self.buf[p + 2] == 3 and self.end - p >= 8:
            oui = self.u16(p + 3) << 8 | self.buf[p + 5]
            kind = self.u16(p + 6)
            if oui == 0 or oui == 0x0000F8:
                self.p = p + 8
                return self.network(kind)
            self.ethertype = 0x10000 | kind
            self.p = p + 8
            return self.settle()
        self.ethertype = self.buf[p]
        return self.settle()

    # -- between link and network -----------------------------------------------------------------------------

    def network(self, kind):
        """What an EtherType announces, tags and labels stripped."""
        while True:
            self.layers += 1
            if self.layers > _MAX_LAYERS:
                self.fault = int(Fault.TUNNEL_DEPTH)
                self.fault_detail = "more headers inside each other than are read"
                return self.settle()
            p = self.p
            left = self.end - p
            if kind == 0x0800:
                return self.ipv4()
            if kind == 0x86DD:
                return self.ipv6()
            if kind == 0x8100 or kind == 0x88A8 or kind == 0x9100 or kind == 0x9200:
                if left < 4:
                    return self.bad("VLAN tag cut off")
                self.vlan = self.u16(p) & 0x0FFF
                kind = self.u16(p + 2)
                self.p = p + 4
            elif kind == 0x892F:
                # HSR tag, IEC 62439-3 5.7: path and size, sequence, the EtherType of what follows
                if left < 6:
                    return self.bad("HSR tag cut off")
                self.prp = True
                kind = self.u16(p + 4)
                self.p = p + 6
            elif kind == 0x8926:
                if left < 6:
                    return self.bad("VN tag cut off")
                kind = self.u16(p + 4)
                self.p = p + 6
            elif kind == 0x8847 or kind == 0x8848:
                return self.mpls()
            elif kind == 0x8864:
                return self.pppoe()
            elif kind == 0x8903:
                # Cisco FabricPath: a two-byte tag, then a whole Ethernet frame
                if left < 2:
                    return self.bad("FabricPath tag cut off")
                self.p = p + 2
                self.enter("fabricpath")
                return self.ethernet()
            elif kind == 0x88E7:
                # provider backbone bridging (IEEE 802.1Q, 9.7): a service tag of four bytes, then the customer's frame
                if left < 4:
                    return self.bad("backbone service tag cut off")
                self.p = p + 4
                self.enter("pbb")
                return self.inner_ethernet()
            elif kind == 0x6558:
                return self.ethernet()
            elif kind < 0x0600:
                # an 802.3 length, not a type (IEEE 802.3, 3.2.6)
                if kind < left:
                    self.end = p + kind
                return self.llc()
            else:
                self.ethertype = kind
                if self.family != 0:
                    return self.skip_unread(f"EtherType 0x{kind:04x} in a tunnel")
                if self.end - p >= 6 and self.u16(self.end - 2) == 0x88FB and self.redundancy_trailer():
                    self.end -= 6
                return self.settle()

    def redundancy_trailer(self):
        """Whether the frame ends in a PRP redundancy control trailer (IEC 62439-3, 4.2.7.3)."""
        lan = self.buf[self.end - 4] >> 4
        size = self.u16(self.end - 4) & 0x0FFF
        # the LSDU size counts from behind the tags to the end of the trailer
        if (lan == 0xA or lan == 0xB) and size == self.end - self.p:
            self.prp = True
            return True
        return False

    def frame_type(self, p):
        """Whether the EtherType at a checked position is one that an Ethernet frame in a pseudowire commonly has."""
        kind = self.u16(p)
        return kind == 0x0800 or kind == 0x86DD or kind == 0x0806 or kind == 0x8100 or kind == 0x88A8

    def mpls(self):
        """A label stack (RFC 3032) and what its first nibble says follows."""
        p = self.p
        count = 0
        while True:
            if self.end - p < 4:
                return self.bad("MPLS label cut off")
            count += 1
            if count > _MAX_LAYERS:
                self.fault = int(Fault.TUNNEL_DEPTH)
                self.fault_detail = "more MPLS labels than are read"
                return self.settle()
            bottom = self.buf[p + 2] & 1
            p += 4
            if bottom:
                break
        self.p = p
        self.ethertype = 0x8847
        self.enter("mpls")
        if p >= self.end:
            return self.bad("nothing behind the MPLS labels")
        nibble = self.buf[p] >> 4
        if nibble == 4:
            return self.network(0x0800)
        if nibble == 6:
            return self.network(0x86DD)
        if nibble == 0 and self.end - p >= 18 and not self.frame_type(p + 12):
            # a pseudowire control word (RFC 4385), then Ethernet; without one, a MAC address may begin with zero too
            self.p = p + 4
        return self.ethernet()

    # -- network layer ----------------------------------------------------------------------------------------

    def ipv4(self):
        """An IPv4 header (RFC 791) and what it carries."""
        p = self.p
        left = self.end - p
        if left < 20 or self.buf[p] >> 4 != 4:
            return self.bad("not an IPv4 header")
        header = (self.buf[p] & 15) * 4
        total = self.u16(p + 2)
        if header < 20 or header > left:
            return self.bad("IPv4 header length")
        declared = total - header
        if total == 0:
            # segmentation offload: the length was not known when the host captured its own frame
            declared = left - header
        elif total < header:
            return self.bad("IPv4 total length below its header")
        elif total < left:
            if left - total == 6 and self.u16(self.end - 2) == 0x88FB:
                self.prp = True
            self.end = p + total
        self.family = 4
        self.src = p + 12
        self.dst = p + 16
        self.sender = self.u32(p + 12)
        self.receiver = self.u32(p + 16)
        self.proto = self.buf[p + 9]
        self.ip_id = self.u16(p + 4)
        self.p = p + header
        fragment = self.u16(p + 6)
        if fragment & 0x3FFF:
            if self.declared_missing(declared):
                self.cut("a fragment is cut")
            whole = self.fragments.add4(self.buf, p, self.p, self.end, self.time, self.frame)
            return self.reassembled(whole, 0x0800)
        return self.carried(declared)

    def ipv6(self):
        """An IPv6 header (RFC 8200), its extension headers, and what it carries."""
        p = self.p
        left = self.end - p
        if left < 40 or self.buf[p] >> 4 != 6:
            return self.bad("not an IPv6 header")
        declared = self.u16(p + 4)
        if declared == 0:
            declared = left - 40
        elif declared < left - 40:
            if left - 40 - declared == 6 and self.u16(self.end - 2) == 0x88FB:
                self.prp = True
            self.end = p + 40 + declared
        self.family = 6
        self.src = p + 8
        self.dst = p + 24
        self.ip_id = 0
        following = cython.cast(cython.int, self.buf[p + 6])
        at = p + 40
        count = 0
        while (
            following == 0
            or following == 43
            or following == 60
            or following == 51
            or following == 44
            or following == 135
        ):
            count += 1
            self.proto = following
            if count > 16:
                self.p = at
                return self.bad("too many IPv6 extension headers")
            if self.end - at < 8:
                self.p = at
                return self.bad("IPv6 extension header cut off")
            if following == 44:
                offset = self.u16(at + 2)
                if offset & 0xFFF9:
                    self.proto = self.buf[at]
                    self.p = at + 8
                    if self.declared_missing(declared - (self.p - p - 40)):
                        self.cut("a fragment is cut")
                    whole = self.fragments.add6(self.buf, p, at, self.p, self.end, self.time, self.frame)
                    return self.reassembled(whole, 0x86DD)
                length = 8
            elif following == 51:
                length = (self.buf[at + 1] + 2) * 4
            else:
                length = (self.buf[at + 1] + 1) * 8
            following = self.buf[at]
            if length > self.end - at:
                self.p = at
                return self.bad("IPv6 extension header longer than the packet")
            at += length
        self.proto = following
        self.p = at
        return self.carried(declared - (at - p - 40))

    def declared_missing(self, declared):
        """Whether the frame holds less than the header declares."""
        return declared > self.end - self.p

    def cut(self, detail):
        """Note that the capture holds less of the frame than was sent."""
        if self.fault == 0:
            self.fault = int(Fault.FRAME_CUT)
            self.fault_detail = detail

    def reassembled(self, whole, kind):
        """Go on with a datagram that was put together, or wait for its other fragments."""
        trouble = self.fragments.fault
        if trouble and self.fault == 0:
            self.fault = trouble
            self.fault_detail = self.fragments.fault_detail
        if whole is None:
            self.payload = self.end
            self.payload_end = self.end
            return _PENDING
        self.first_frame = self.fragments.first_frame
        mac = self.mac_at
        macs = b""
        if mac >= 0:
            macs = bytes(self.buf[mac : mac + 12])
            self.mac_at = 0
        self.use(macs + whole)
        self.p = len(macs)
        self.end = len(macs) + len(whole)
        return self.network(kind)

    def carried(self, declared):
        """What the IP protocol number announces; `declared` bytes, of which the frame may hold fewer."""
        self.layers += 1
        if self.layers > _MAX_LAYERS:
            self.fault = int(Fault.TUNNEL_DEPTH)
            self.fault_detail = "more headers inside each other than are read"
            return self.settle()
        proto = self.proto
        p = self.p
        left = self.end - p
        if proto == 6:
            return self.tcp(declared)
        if proto == 17:
            return self.udp(declared)
        if proto == 132:
            if left < 12:
                return self.bad("SCTP header cut off")
            self.sport = self.u16(p)
            self.dport = self.u16(p + 2)
            self.p = p + 12
            self.payload = self.p
            self.payload_end = self.end
            self.declared = declared - 12
            return _SCTP
        if proto == 4 or proto == 94:
            self.enter("ipip")
            return self.network(0x0800)
        if proto == 41:
            self.enter("6in4" if self.family == 4 else "6in6")
            return self.network(0x86DD)
        if proto == 47:
            return self.gre()
        if proto == 97:
            if left < 2:
                return self.bad("EtherIP header cut off")
            self.p = p + 2
            self.enter("etherip")
            return self.ethernet()
        if proto == 137:
            return self.network(0x8847)
        if proto == 51 and self.family == 4:
            # an authentication header (RFC 4302) leaves what it protects in clear
            if left < 12:
                return self.bad("AH cut off")
            length = (self.buf[p + 1] + 2) * 4
            if length > left:
                return self.bad("AH longer than the packet")
            self.proto = self.buf[p]
            self.p = p + length
            return self.carried(declared - length)
        self.payload = p
        self.payload_end = self.end
        self.declared = declared
        return _IP

    # -- tunnels over IP --------------------------------------------------------------------------------------

    def gre(self):
        """A GRE header, versions 0 (RFC 2784, 2890) and 1 (RFC 2637), with ERSPAN inside."""
        p = self.p
        left = self.end - p
        if left < 4:
            return self.bad("GRE header cut off")
        flags = self.u16(p)
        kind = self.u16(p + 2)
        version = flags & 7
        header = 4
        if version == 0:
            if flags & 0xC000:
                header += 4
            if flags & 0x2000:
                header += 4
            if flags & 0x1000:
                header += 4
            if flags & 0x4000:
                # source routes (RFC 1701): a list that ends with an empty entry
                at = p + header
                count = 0
                while True:
                    count += 1
                    if self.end - at < 4 or count > 16:
                        return self.bad("GRE source route")
                    length = self.buf[at + 3]
                    if self.buf[at] == 0 and self.buf[at + 1] == 0 and length == 0:
                        header = at + 4 - p
                        break
                    at += 4 + length
        elif version == 1:
            if kind != 0x880B:
                return self.bad("GRE version 1 without PPP")
            header = 8
            if flags & 0x1000:
                header += 4
            if flags & 0x0080:
                header += 4
        else:
            return self.bad("GRE version")
        if header > left:
            return self.bad("GRE header cut off")
        self.p = p + header
        if version == 1:
            self.enter("pptp")
            if self.p + 2 <= self.end and self.buf[self.p] == 0xFF and self.buf[self.p + 1] == 3:
                self.p += 2
            return self.ppp()
        if kind == 0x88BE:
            # ERSPAN: type I has no header and no sequence number, type II an 8-byte header
            if flags & 0x1000 and self.end - self.p >= 8 and self.buf[self.p] >> 4 == 1:
                self.enter("erspan2")
                self.p += 8
            else:
                self.enter("erspan1")
            return self.inner_ethernet()
        if kind == 0x22EB:
            if self.end - self.p < 12:
                return self.bad("ERSPAN III header cut off")
            optional = self.buf[self.p + 11] & 1
            self.p += 12
            if optional:
                self.p += 8
            if self.p > self.end:
                return self.bad("ERSPAN III header cut off")
            self.enter("erspan3")
            return self.inner_ethernet()
        self.enter("gre")
        if kind >= 0x8200 and kind <= 0x8210 or kind == 0x9000:
            # Aruba: 802.11 frames as they were on the air
            return self.wireless(105)
        if kind == 0x6558:
            return self.inner_ethernet()
        return self.network(kind)

    def inner_ethernet(self):
        """An Ethernet frame inside a tunnel: its VLAN is the one that counts."""
        self.vlan = -1
        return self.ethernet()

    def udp(self, declared):
        """A UDP header (RFC 768), and the tunnels that run over it."""
        p = self.p
        left = self.end - p
        if left < 8:
            return self.bad("UDP header cut off")
        self.sport = self.u16(p)
        self.dport = self.u16(p + 2)
        length = self.u16(p + 4)
        if length >= 8 and length <= declared:
            declared = length - 8
        else:
            declared -= 8
        if length >= 8 and length < left:
            self.end = p + length
        self.p = p + 8
        if self.declared_missing(declared):
            self.cut("UDP datagram is cut")
        port = self.dport
        if (
            port == 4789 or port == 4790 or port == 6081 or port == 2152 or port == 3544 or port == 4754 or port == 8472
            or port == 37008
        ):  # fmt: skip
            kind = self.udp_tunnel(port)
            if kind >= 0:
                return kind
        elif self.sport == 2152 or self.sport == 3544 or port == 5072 or self.sport == 5072:
            kind = self.udp_tunnel(5072 if port == 5072 or self.sport == 5072 else self.sport)
            if kind >= 0:
                return kind
        self.payload = self.p
        self.payload_end = self.end
        self.declared = declared
        return _UDP

    def udp_tunnel(self, port):
        """The tunnel that a UDP port announces, if the bytes agree; -1 where they do not."""
        p = self.p
        left = self.end - p
        if port == 4789 or port == 8472:
            if left < 22 or self.buf[p] & 0x08 == 0 or self.buf[p] & 0x33:
                return -1
            self.enter(f"vxlan:{self.u32(p + 4) >> 8}")
            self.p = p + 8
            return self.inner_ethernet()
        if port == 4790:
            if left < 8 or self.buf[p] & 0x3C != 0x0C or self.buf[p + 3] == 0 or self.buf[p + 3] > 3:
                return -1
            inner = self.buf[p + 3]
            self.enter(f"vxlan-gpe:{self.u32(p + 4) >> 8}")
            self.p = p + 8
            if inner == 1:
                return self.network(0x0800)
            if inner == 2:
                return self.network(0x86DD)
            return self.inner_ethernet()
        if port == 6081:
            if left < 8 or self.buf[p] >> 6 != 0:
                return -1
            header = 8 + (self.buf[p] & 0x3F) * 4
            kind = self.u16(p + 2)
            if header > left or (kind != 0x6558 and kind != 0x0800 and kind != 0x86DD and kind != 0x0806):
                return -1
            self.enter(f"geneve:{self.u32(p + 4) >> 8}")
            self.p = p + header
            if kind == 0x6558:
                return self.inner_ethernet()
            return self.network(kind)
        if port == 2152:
            return self.gtp_u()
        if port == 4754:
            if left < 4 or self.u16(p) & 0x0FFF:
                return -1
            return self.gre()
        if port == 3544:
            return self.teredo()
        if port == 37008:
            return self.tzsp()
        # AYIYA (draft-massar-v6ops-ayiya): lengths in the first bytes, IPv6 behind
        if left < 48 or self.buf[p + 3] != 41:
            return -1
        header = 8 + (1 << (self.buf[p] >> 4)) + (self.buf[p + 1] >> 4) * 4
        if header + 40 > left or self.buf[p + header] >> 4 != 6:
            return -1
        self.enter("ayiya")
        self.p = p + header
        return self.network(0x86DD)

    def gtp_u(self):
        """A GTPv1-U T-PDU (TS 29.281, 5.1) with its extension headers; -1 where it is none."""
        p = self.p
        left = self.end - p
        if left < 8 or self.buf[p] & 0xF0 != 0x30 or self.buf[p + 1] != 0xFF:
            return -1
        header = 8
        if self.buf[p] & 0x07:
            header = 12
            if left < 12:
                return -1
            following = self.buf[p + 11] if self.buf[p] & 0x04 else 0
            count = 0
            while following != 0:
                count += 1
                if header + 4 > left or count > 16:
                    return -1
                length = self.buf[p + header] * 4
                if length == 0 or header + length > left:
                    return -1
                following = self.buf[p + header + length - 1]
                header += length
        if header >= left:
            return -1
        version = self.buf[p + header] >> 4
        if version != 4 and version != 6:
            return -1
        self.enter("gtp-u")
        self.p = p + header
        return self.network(0x0800 if version == 4 else 0x86DD)

    def tzsp(self):
        """A received frame in TaZmen Sniffer Protocol, version 1, behind its tagged fields; -1 where it is none."""
        p = self.p
        if self.end - p < 5 or self.u16(p) != 0x0100:
            return -1
        inner = self.u16(p + 2)
        at = p + 4
        while True:
            if at >= self.end:
                return -1
            tag = self.buf[at]
            at += 1
            if tag == 1:  # the last one; it and padding (0) have no length
                break
            if tag != 0:
                if at >= self.end:
                    return -1
                at += 1 + self.buf[at]
        if at >= self.end or (inner != 1 and inner != 18 and inner != 119 and inner != 127):
            return -1
        self.enter("tzsp")
        self.p = at
        if inner == 1:
            return self.inner_ethernet()
        self.vlan = -1
        if inner == 18:
            return self.wireless(105)
        return self.wireless(119 if inner == 119 else 163)  # behind a Prism, or an AVS header

    def teredo(self):
        """IPv6 in UDP with the optional authentication and origin headers (RFC 4380, 5.1.1); -1 where it is none."""
        p = self.p
        if self.end - p >= 4 and self.u16(p) == 1:
            p += 13 + self.buf[p + 2] + self.buf[p + 3]
        if self.end - p >= 8 and self.u16(p) == 0:
            p += 8
        if self.end - p < 40 or self.buf[p] >> 4 != 6 or self.u16(p + 4) > self.end - p - 40:
            return -1
        self.enter("teredo")
        self.p = p
        return self.network(0x86DD)

    # -- transport --------------------------------------------------------------------------------------------

    def tcp(self, declared):
        """A TCP header (RFC 9293, 3.1)."""
        p = self.p
        left = self.end - p
        if left < 20:
            return self.bad("TCP header cut off")
        header = (self.buf[p + 12] >> 4) * 4
        if header < 20:
            return self.bad("TCP header length below its minimum")
        self.sport = self.u16(p)
        self.dport = self.u16(p + 2)
        self.seq = self.u32(p + 4)
        self.ack = self.u32(p + 8)
        self.flags = self.buf[p + 13]
        self.window = self.u16(p + 14)
        if header > declared:
            return self.bad("TCP header longer than the packet")
        if header > left:
            # the options are cut off by the snap length; the payload is all missing
            header = left
        self.p = p + header
        self.payload = self.p
        self.payload_end = self.end
        self.declared = declared - header
        if self.declared_missing(self.declared):
            self.cut("TCP segment is cut")
        return _TCP
