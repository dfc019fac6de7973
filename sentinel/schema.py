"""The tables, declared once: name, column, type, unit, one sentence (docs/architecture.md, The nouns).

numpy dtypes, the Polars schema of the Parquet files, the SQLite tables, `docs/fields.md` and the field names that
rules may use are all derived from what stands here. A column's `ecs` is its Elastic Common Schema name where ECS has
one; every other column is `ics.<table>.<column>`, for messages `ics.<column>`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SCHEMA_VERSION = 2
"""Raised when a stored table changes its meaning; a case of a higher version is refused."""

TYPES = ("bool", "u8", "u16", "i32", "i64", "f64", "time", "text", "bytes")
"""`time` is nanoseconds since 1970-01-01 UTC; `text` is dictionary-encoded in Parquet."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `null` says that absence is possible (zero is a value).

    `via` names the table that a column is read from: it is not stored with its own, but joined when the table is read.
    """

    name: str
    type: str
    sentence: str
    unit: str = ""
    null: bool = False
    ecs: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One noun. `store`: `parquet` (machine data that only grows), `sqlite` (small, or edited by people), `none`."""

    name: str
    sentence: str
    store: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = field(default=())

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")


def _c(name: str, type_: str, sentence: str, unit: str = "", null: bool = False, ecs: str = "", via: str = "") -> Column:
    return Column(name, type_, sentence, unit, null, ecs, via)


_EVIDENCE = (
    _c("capture", "i32", "Number of the capture in the case; `captures` holds its SHA-256."),
    _c("frame", "i64", "Frame number in the capture, from 1: where the last byte of the row came from."),
    _c("time", "time", "Time stamp of that frame.", "ns", ecs="@timestamp"),
)

CAPTURES = Table(
    "captures", "One capture file or stream that was read, and how well it captured.", "sqlite",
    (
        _c("capture", "i32", "Number of the capture in the case."),
        _c("run", "text", "The analysis that read it."),
        _c("sha256", "text", "SHA-256 of the file as it lies on disk (of the stream, for standard input).", ecs="file.hash.sha256"),
        _c("content_sha256", "text", "SHA-256 of the capture behind its compression, by which a compressed copy is known; empty where it was not expanded to its end."),
        _c("path", "text", "Where it was read from.", ecs="file.path"),
        _c("format", "text", "pcap, pcapng, and the compression around it."),
        _c("state", "text", "complete, faulty (read up to a fault), interrupted, or live (a sensor writes it)."),
        _c("bytes", "i64", "Size of the file.", "byte", ecs="file.size"),
        _c("frames", "i64", "Frames read."),
        _c("first_time", "time", "Time stamp of the earliest frame.", "ns", True),
        _c("last_time", "time", "Time stamp of the latest frame.", "ns", True),
        _c("cut", "i64", "Frames of which the capture holds less than was on the wire (snap length)."),
        _c("duplicates", "i64", "Frames that were copies of an earlier one and were dropped."),
        _c("unread", "i64", "Frames of link types or protocols that are not read."),
        _c("dropped", "i64", "Frames that the capturing host says it lost.", null=True),
        _c("backwards", "i64", "Frames with a time stamp before that of the frame before."),
        _c("detail", "text", "JSON: interfaces with link type, snap length, resolution, filter; comments; per-interface statistics; link types and EtherTypes not read with their counts."),
    ),
    ("capture",),
)

FLOWS = Table(
    "flows", "Who talked to whom, both directions, the application protocol and why that label was given.", "parquet",
    (
        _c("flow", "i64", "Number of the flow in the case."),
        _c("id", "text", "Community ID 1.0 of the flow (empty where it has no network addresses).", ecs="network.community_id"),
        _c("capture", "i32", "Capture in which the flow was first seen."),
        _c("frame", "i64", "Its first frame there."),
        _c("last_frame", "i64", "Its last frame, in the capture where it ended."),
        _c("time", "time", "Time of the first frame.", "ns", ecs="event.start"),
        _c("last_time", "time", "Time of the last frame.", "ns", ecs="event.end"),
        _c("client", "text", "Address of the side that asks.", ecs="source.ip"),
        _c("server", "text", "Address of the side that answers.", ecs="destination.ip"),
        _c("client_port", "i32", "Port of the client; null where the transport has none.", null=True, ecs="source.port"),
        _c("server_port", "i32", "Port of the server; null where the transport has none.", null=True, ecs="destination.port"),
        _c("client_mac", "text", "MAC address that first sent for the client.", ecs="source.mac"),
        _c("server_mac", "text", "MAC address that first sent for, or received for, the server.", ecs="destination.mac"),
        _c("transport", "text", "tcp, udp, sctp, icmp, another IP protocol number, or eth.", ecs="network.transport"),
        _c("ethertype", "i32", "EtherType for flows without IP.", null=True),
        _c("vlan", "i32", "Innermost VLAN identifier.", null=True, ecs="network.vlan.id"),
        _c("tunnel", "text", "Tunnel stack, outermost first, as `gre/vxlan:100`."),
        _c("direction_by", "text", "Why the client is the client: handshake, payload, port or first-frame."),
        _c("packets_client", "i64", "Frames from the client.", ecs="source.packets"),
        _c("packets_server", "i64", "Frames from the server.", ecs="destination.packets"),
        _c("bytes_client", "i64", "Bytes on the wire from the client.", "byte", ecs="source.bytes"),
        _c("bytes_server", "i64", "Bytes on the wire from the server.", "byte", ecs="destination.bytes"),
        _c("payload_client", "i64", "Transport payload bytes from the client.", "byte"),
        _c("payload_server", "i64", "Transport payload bytes from the server.", "byte"),
        _c("gaps", "i64", "Places where stream bytes are missing from the capture."),
        _c("gap_bytes", "i64", "Stream bytes that are missing.", "byte"),
        _c("retransmissions", "i64", "Segments whose bytes had been seen before."),
        _c("reordered", "i64", "Segments that came before an earlier part of the stream."),
        _c("state", "text", "TCP: opening, open, closed, reset, midstream; others: empty."),
        _c("protocol", "text", "Application protocol, empty where unknown.", ecs="network.protocol"),
        _c("carrier", "text", "What carries it between transport and application, as `tpkt/cotp`."),
        _c("label_by", "text", "Why the label was given: payload of both sides, payload of one side, framing only (of messages that are all "
           "malformed), or port only (a guess)."),
        _c("confidence", "f64", "How sure the label is, 0 to 1; a guess by port is 0.2 and makes no message."),
        _c("messages", "i64", "Messages found in the flow."),
        _c("faults", "i64", "Faults found in the flow."),
        _c("end", "text", "Why the row was written: closed, idle, evicted or end of capture."),
    ),
    ("flow",),
)

MESSAGES = Table(
    "messages", "One application PDU in one direction.", "parquet",
    (
        _c("message", "i64", "Number of the message in the case."),
        *_EVIDENCE,
        _c("index", "i32", "Position of the message among those that end in the frame."),
        _c("first_frame", "i64", "Frame that brought its first byte (in the same conversation)."),
        _c("offset", "i64", "Byte offset of the message in the transport payload of the frame that brought its first byte."),
        _c("length", "i32", "Bytes of the message.", "byte"),
        _c("flow", "i64", "The flow it belongs to."),
        _c("src", "text", "Network address (MAC where there is no IP) of the sender.", ecs="source.ip"),
        _c("dst", "text", "Network address of the receiver.", ecs="destination.ip"),
        _c("sport", "i32", "Port of the sender.", null=True, ecs="source.port"),
        _c("dport", "i32", "Port of the receiver.", null=True, ecs="destination.port"),
        _c("transport", "text", "As in flows.", ecs="network.transport"),
        _c("protocol", "text", "Application protocol.", ecs="network.protocol"),
        _c("kind", "text", "request, response, exception, unsolicited, confirm, link, malformed or other."),
        _c("function", "i32", "Function or service code of the protocol.", null=True),
        _c("operation", "text", "Name of the operation, stable for rules.", ecs="event.action"),
        _c("activity", "text", "Protocol-independent verb (docs/architecture.md, The nouns)."),
        _c("unit", "i64", "Unit identifier, station or link address behind the network address.", null=True),
        _c("object", "text", "Kind of thing that is addressed, in the protocol's own terms."),
        _c("block", "i64", "Container of the address: data block, file number.", null=True),
        _c("address", "i64", "First address, zero based.", null=True),
        _c("bit", "u8", "Bit within the address.", null=True),
        _c("quantity", "i64", "How many, as the message says.", null=True),
        _c("status", "i64", "Result code of an answer.", null=True),
        _c("status_name", "text", "The standard's word for the result code."),
        _c("transaction", "i64", "Number that joins answer and request.", null=True),
        _c("name", "text", "Name of the file, block, service or program that it is about."),
        _c("fault", "text", "Why the message breaks its standard; empty where it does not."),
        _c("detail", "text", "A few words about the fault."),
        _c("pair", "i64", "The request of this answer, or the answer of this request.", null=True),
        _c("latency", "i64", "Time from request to this answer.", "ns", True),
        _c("pairing", "text", "answered, unanswered, orphan (an answer whose request was not seen), mismatch, or empty."),
    ),
    ("message",),
)

ITEMS = Table(
    "items", "One of several things that one message addresses.", "parquet",
    (
        _c("message", "i64", "The message."),
        _c("index", "i32", "Position in the message, from 0."),
        _c("object", "text", "Kind of thing, in the protocol's own terms."),
        _c("block", "i64", "Container of the address.", null=True),
        _c("address", "i64", "First address.", null=True),
        _c("bit", "u8", "Bit within the address.", null=True),
        _c("quantity", "i64", "How many.", null=True),
        _c("dtype", "text", "How its data are read."),
        _c("status", "i64", "Result code of this item.", null=True),
        _c("name", "text", "Symbolic name."),
    ),
    ("message", "index"),
)

POINTS = Table(
    "points", "One process value named by its device and address.", "parquet",
    (
        _c("message", "i64", "The message that carried it."),
        _c("capture", "i32", "Number of the capture in the case.", via="messages"),
        _c("frame", "i64", "Frame that completed the message.", via="messages"),
        _c("time", "time", "Time stamp of that frame.", "ns", ecs="@timestamp", via="messages"),
        _c("flow", "i64", "The flow it belongs to.", via="messages"),
        _c("device", "text", "Network address of the device that holds the point (the server).", ecs="destination.ip", via="messages"),
        _c("unit", "i64", "Unit identifier of the device behind that address.", null=True, via="messages"),
        _c("protocol", "text", "Application protocol.", ecs="network.protocol", via="messages"),
        _c("object", "text", "Kind of thing, in the protocol's own terms."),
        _c("block", "i64", "Container of the address.", null=True),
        _c("address", "i64", "Address, zero based."),
        _c("bit", "u8", "Bit within the address.", null=True),
        _c("value", "f64", "The value; null where it is text.", null=True),
        _c("text", "text", "The value where it is text, or bytes in hexadecimal."),
        _c("quality", "i64", "Quality flags as the protocol numbers them.", null=True),
        _c("stamp", "time", "Time stamp that the device gave to the value.", "ns", True),
        _c("access", "text", "read, write or report."),
    ),
)

FACTS = Table(
    "facts", "One thing a device said about itself or that follows from what it did.", "sqlite",
    (
        _c("fact", "text", "Content-derived id."),
        *_EVIDENCE,
        _c("flow", "i64", "The flow in which it was said.", null=True),
        _c("device", "text", "Network address (MAC where there is no IP) of the device."),
        _c("unit", "i64", "Unit identifier behind that address.", null=True),
        _c("kind", "text", "What it tells: see FACT_KINDS."),
        _c("value", "text", "What was said."),
        _c("source", "text", "Protocol and operation that said it."),
        _c("confidence", "f64", "How sure it is, 0 to 1."),
    ),
    ("fact",),
)

FACT_KINDS = {
    "vendor": "Manufacturer.",
    "model": "Product or module name.",
    "order_number": "Article or order number.",
    "hardware": "Hardware revision.",
    "firmware": "Firmware or software version.",
    "serial": "Serial number.",
    "name": "Name given by its owner: station, device or plant name.",
    "location": "Location given by its owner.",
    "mac": "MAC address seen sending for it.",
    "ip": "Network address seen in use by it.",
    "module": "A module behind it: rack, slot and what it is.",
    "state": "Operating state or mode.",
    "protection": "Access protection level.",
    "url": "Where its vendor keeps documentation.",
    "program": "A program or block it holds.",
    "role": "What it does, as far as its traffic tells.",
}

ASSETS = Table(
    "assets", "One device, with all its addresses, role and what is known of it.", "sqlite",
    (
        _c("asset", "text", "Content-derived id."),
        _c("parent", "text", "Asset behind which this one stands (gateway of a serial device), or empty."),
        _c("ips", "text", "JSON list of network addresses."),
        _c("macs", "text", "JSON list of MAC addresses."),
        _c("unit", "i64", "Unit identifier for a device behind a gateway.", null=True),
        _c("name", "text", "Name, if one was said."),
        _c("vendor", "text", "Vendor: said by the device, or by the registry of its MAC address."),
        _c("vendor_by", "text", "fact or oui."),
        _c("model", "text", "Model, if one was said."),
        _c("firmware", "text", "Firmware, if one was said."),
        _c("serial", "text", "Serial number, if one was said."),
        _c("role", "text", "plc, rtu, gateway, hmi, engineering, client, router, host, broadcast or unknown."),
        _c("role_by", "text", "Why that role."),
        _c("level", "text", "Purdue level that the role suggests, or empty."),
        _c("protocols", "text", "JSON object: protocol -> client, server or both."),
        _c("first_time", "time", "First seen.", "ns"),
        _c("last_time", "time", "Last seen.", "ns"),
        _c("packets", "i64", "Frames from or to it."),
        _c("bytes", "i64", "Bytes from or to it.", "byte"),
        _c("facts", "i64", "How many facts stand behind the row."),
        _c("evidence", "text", "JSON list of [capture, frame] that first showed it."),
    ),
    ("asset",),
)

ALERTS = Table(
    "alerts", "A claim by a rule or detector, with severity, technique, a sentence of why, and evidence.", "sqlite",
    (
        _c("alert", "text", "Content-derived id.", ecs="event.id"),
        _c("rule", "text", "Id of the rule or detector kind.", ecs="rule.id"),
        _c("name", "text", "Stable short name of the rule.", ecs="rule.name"),
        _c("title_en", "text", "Title in English."),
        _c("title_zh", "text", "Title in Chinese."),
        _c("why_en", "text", "What was seen and why it matters, in English, with the values of this alert.", ecs="message"),
        _c("why_zh", "text", "The same in Chinese."),
        _c("action_en", "text", "What to do about it, in English."),
        _c("action_zh", "text", "The same in Chinese."),
        _c("severity", "text", "informational, low, medium, high or critical.", ecs="log.level"),
        _c("techniques", "text", "JSON list of ATT&CK for ICS technique ids.", ecs="threat.technique.id"),
        _c("protocol", "text", "Application protocol.", ecs="network.protocol"),
        _c("src", "text", "Address of the side that did it.", ecs="source.ip"),
        _c("dst", "text", "Address of the side it was done to.", ecs="destination.ip"),
        _c("unit", "i64", "Unit identifier it was done to.", null=True),
        _c("count", "i64", "How many rows said the same thing about the same pair.", ecs="event.sequence"),
        _c("first_time", "time", "First of them.", "ns", ecs="event.start"),
        _c("last_time", "time", "Last of them.", "ns", ecs="event.end"),
        _c("evidence", "text", "JSON list of [capture, frame], at most 100, first and last always among them."),
        _c("flows", "text", "JSON list of flow numbers, at most 100."),
        _c("state", "text", "open, acknowledged or suppressed (a person's decision; append-only history beside it)."),
    ),
    ("alert",),
)

FAULTS = Table(
    "faults", "A place where a capture, frame, stream or message could not be read as its standard says.", "parquet",
    (
        _c("capture", "i32", "Number of the capture in the case."),
        _c("frame", "i64", "Frame number; 0 for the capture file itself."),
        _c("time", "time", "Time stamp of that frame.", "ns", True),
        _c("flow", "i64", "The flow, if it had one.", null=True),
        _c("code", "text", "Which fault: see docs/fields.md."),
        _c("count", "i64", "How often the same fault followed in the same flow without a row of its own, plus one."),
        _c("detail", "text", "A few words."),
        _c("protocol", "text", "Application protocol, if known.", ecs="network.protocol"),
        _c("offset", "i64", "Byte offset: in the file for capture faults, in the payload otherwise.", "byte"),
    ),
)

JOURNAL = Table(
    "journal", "What people and their files said: lists, zones, tickets, answers, decisions. Append-only.", "sqlite",
    (
        _c("entry", "i64", "Number of the entry, in the order in which it was made."),
        _c("kind", "text", "asset, zone, conduit, tag, ticket, answer, engagement, finding, acceptance or treatment."),
        _c("subject", "text", "What of that kind it is about; the newest entry of a subject counts."),
        _c("value", "text", "JSON of what was said; null takes the subject back."),
        _c("author", "text", "Who said it."),
        _c("time", "time", "When it was written down.", "ns"),
        _c("source", "text", "`edit`, or `import:` and the name of the file that it came from."),
    ),
    ("entry",),
)

ASSESSMENTS = Table(
    "assessments", "Frozen snapshots: what was concluded, from what, at one time.", "sqlite",
    (
        _c("assessment", "text", "Content-derived id."),
        _c("as_of", "time", "Time of the newest capture, entry or answer that went in.", "ns"),
        _c("saved", "time", "When it was saved.", "ns"),
        _c("profile", "text", "Risk profile."),
        _c("packs", "text", "JSON list of pack ids."),
        _c("content", "bytes", "The whole assessment as canonical JSON, zstd-compressed."),
    ),
    ("assessment",),
)

POLLS = Table(
    "polls", "Messages of one kind that became one row: what was asked again and again, and how often.", "parquet",
    (
        *_EVIDENCE[:1],
        _c("frame", "i64", "Frame number in the capture of the first of them."),
        _c("time", "time", "Time stamp of that frame.", "ns", ecs="@timestamp"),
        _c("last_frame", "i64", "Frame number in the capture of the last of them."),
        _c("last_time", "time", "Time stamp of that frame.", "ns"),
        _c("flow", "i64", "The flow of the first of them."),
        _c("flows", "i64", "In how many flows they were."),
        _c("src", "text", "Network address (MAC where there is no IP) of the sender.", ecs="source.ip"),
        _c("dst", "text", "Network address of the receiver.", ecs="destination.ip"),
        _c("transport", "text", "As in flows.", ecs="network.transport"),
        _c("protocol", "text", "Application protocol.", ecs="network.protocol"),
        _c("kind", "text", "As in messages."),
        _c("function", "i32", "Function or service code of the protocol.", null=True),
        _c("operation", "text", "Name of the operation.", ecs="event.action"),
        _c("activity", "text", "Protocol-independent verb."),
        _c("unit", "i64", "Unit identifier, station or link address behind the network address.", null=True),
        _c("object", "text", "Kind of thing that is addressed, in the protocol's own terms."),
        _c("block", "i64", "Container of the address: data block, file number.", null=True),
        _c("address", "i64", "First address, zero based.", null=True),
        _c("bit", "u8", "Bit within the address.", null=True),
        _c("quantity", "i64", "How many, as each of them says.", null=True),
        _c("status", "i64", "Result code of an answer.", null=True),
        _c("status_name", "text", "The standard's word for the result code."),
        _c("name", "text", "Name of the file, block, service or program that they are about."),
        _c("items", "text", "What each of them addresses where that is several things, as `db 1:0.3 x2; ...`."),
        _c("count", "i64", "How many messages the row stands for.", ecs="event.sequence"),
        _c("bytes", "i64", "Bytes of all of them.", "byte"),
        _c("answered", "i64", "How many requests of them were answered."),
        _c("unanswered", "i64", "How many requests of them were not."),
        _c("latency_min", "i64", "Shortest time from a request to one of these answers.", "ns", True),
        _c("latency_max", "i64", "Longest such time.", "ns", True),
    ),
)

TRENDS = Table(
    "trends", "Values of one point that became one row: first, last, least, greatest, and how often they changed.",
    "parquet",
    (
        *_EVIDENCE[:1],
        _c("frame", "i64", "Frame number in the capture of the first value."),
        _c("time", "time", "Time stamp of that frame.", "ns", ecs="@timestamp"),
        _c("last_frame", "i64", "Frame number in the capture of the last value."),
        _c("last_time", "time", "Time stamp of that frame.", "ns"),
        _c("device", "text", "Network address of the device that holds the point (the server).", ecs="destination.ip"),
        _c("unit", "i64", "Unit identifier of the device behind that address.", null=True),
        _c("protocol", "text", "Application protocol.", ecs="network.protocol"),
        _c("object", "text", "Kind of thing, in the protocol's own terms."),
        _c("block", "i64", "Container of the address.", null=True),
        _c("address", "i64", "Address, zero based."),
        _c("bit", "u8", "Bit within the address.", null=True),
        _c("access", "text", "read or report."),
        _c("quality", "i64", "Quality flags of all these values, as the protocol numbers them.", null=True),
        _c("count", "i64", "How many values the row stands for.", ecs="event.sequence"),
        _c("changes", "i64", "How often a value differed from the one before it."),
        _c("first", "f64", "The first value; null where it is text.", null=True),
        _c("last", "f64", "The last value.", null=True),
        _c("min", "f64", "The least value.", null=True),
        _c("max", "f64", "The greatest value.", null=True),
        _c("first_text", "text", "The first value where it is text, or bytes in hexadecimal."),
        _c("last_text", "text", "The last such value."),
    ),
)

THINNED = Table(
    "thinned", "What the case no longer holds row by row, because its room is bounded.", "sqlite",
    (
        _c("run", "i64", "The run whose rows they were."),
        _c("table", "text", "The table that held them."),
        _c("fate", "text", "counted (they became rows of polls and trends) or dropped."),
        _c("rows", "i64", "How many rows went."),
        _c("stood_for", "i64", "How many messages or values these rows stood for."),
        _c("first_time", "time", "The earliest of them.", "ns"),
        _c("last_time", "time", "The latest of them.", "ns"),
    ),
    ("run", "table", "fate"),
)

COUNTS = (POLLS.name, TRENDS.name)
"""Tables of rows that stand for many; no receiver is offered them, for it was offered those."""

TABLES = {
    t.name: t
    for t in (
        CAPTURES, FLOWS, MESSAGES, ITEMS, POINTS, FACTS, ASSETS, ALERTS, FAULTS, POLLS, TRENDS, THINNED, JOURNAL,
        ASSESSMENTS,
    )
}  # fmt: skip
