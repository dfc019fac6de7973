"""Raw cells to the tables of the schema, as Polars frames: the columns that people, rules and stores see."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from sentinel import points as points_module
from sentinel.community_id import community_ids
from sentinel.identify import LABEL_BY
from sentinel.model import Access, Activity, Fault, Kind
from sentinel.pairing import NAMES as PAIRING_NAMES
from sentinel.pairing import Batch
from sentinel.plugins import Protocol
from sentinel.schema import FACTS, POINTS
from sentinel.wire import layout as L
from sentinel.wire.buffers import Buffers
from sentinel.wire.dissect import NO_OPERATION
from sentinel.wire.own import MAX_WIDTH
from sentinel.wire.own import places as own_places

TIME = pl.Datetime("ns", "UTC")
_SELDOM = 4
"""A cell that one row of so many has, or fewer, is looked for only in the rows that have any such."""
_OPERATIONS = 1 << 16
_CODES = 1 << 17
_IP_NAMES = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    89: "ospf",
    112: "vrrp",
    132: "sctp",
}


_NARROW: dict[Any, Any] = {pl.Int32: np.int32, pl.UInt8: np.uint8, pl.UInt16: np.uint16}
"""Polars' types of columns that cells are wider than, and numpy's."""


def mac_text(value: int) -> str:
    """A MAC address from its 48 bits; empty for a negative number (none)."""
    if value < 0:
        return ""
    raw = f"{value:012x}"
    return ":".join(raw[i : i + 2] for i in range(0, 12, 2))


def address_text(family: int, high: int, low: int) -> str:
    """A network address from its cells: IPv4, IPv6, or a MAC address for family 0."""
    if family == 4:
        return f"{low >> 24 & 255}.{low >> 16 & 255}.{low >> 8 & 255}.{low & 255}"
    if family == 6:
        return str(ipaddress.IPv6Address((high & (1 << 64) - 1) << 64 | low & (1 << 64) - 1))
    return mac_text(low)


def transport_text(family: int, proto: int) -> str:
    """The name of a transport: tcp, udp, sctp, icmp ..., the number of another IP protocol, or eth."""
    if family == 0:
        return "eth"
    return _IP_NAMES.get(proto, f"ip-{proto}")


def _frame(columns: dict[str, pl.Series]) -> pl.DataFrame:
    """The columns as a frame; given as a list they are taken as they are, as a mapping each is looked at first."""
    return pl.DataFrame([column.alias(name) for name, column in columns.items()])


@cache
def _nothing(dtype: Any) -> pl.Series:
    """One null."""
    return pl.Series([None], dtype=dtype)


def _texts(values: list[str]) -> pl.Series:
    """A dictionary of texts from the wire that columns are gathered from."""
    return pl.Series(values, dtype=pl.Categorical)


def _names(values: list[str]) -> pl.Series:
    """The same of words that are known from the start: as an enumeration they are smaller, and written faster."""
    return pl.Series(values, dtype=pl.Enum(list(dict.fromkeys(values))))


def _pick(values: pl.Series, index: np.ndarray) -> pl.Series:
    """The values at these places."""
    return values[pl.Series(index.astype(np.uint32))]


def _transports(family: np.ndarray, proto: np.ndarray) -> pl.Series:
    """The name of each transport."""
    return _pick(_TRANSPORTS, np.where(family == 0, 0, (proto & 255) + 1))


class _Names:
    """Names of a protocol's codes, as a column: what was looked up once stands in a table over (protocol, code)."""

    def __init__(self, tables: list[dict[int, str]], unknown: Callable[[int], str]):
        self._tables = tables
        self._unknown = unknown
        self._numbers = np.zeros(len(tables) * _CODES, dtype=np.int32)
        """The place of each name, and one more: pages that nothing was written to cost nothing."""
        self._known = [""]
        self.names = _names(self._known)
        """What `places` counts in, until it is called again."""

    def column(self, protocol: np.ndarray, code: np.ndarray, valid: np.ndarray) -> pl.Series:
        """The name of each code; empty where not valid."""
        if not valid.any():
            return self.names.new_from_index(0, len(code))
        places = self.places(protocol, code, valid)
        return _pick(self.names, places)

    def places(self, protocol: np.ndarray, code: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Where the name of each code stands among `names`; the first one, which is empty, where not valid."""
        if not valid.all():
            places = np.zeros(len(code), dtype=np.uint32)
            if valid.any():
                places[valid] = self._places(protocol[valid], code[valid])
            return places
        return self._places(protocol, code)

    def _places(self, protocol: np.ndarray, code: np.ndarray) -> np.ndarray:
        # codes beyond the table share its last place, which is no code of any protocol
        at = protocol * _CODES + np.where((code >= 0) & (code < _CODES), code, _CODES - 1)
        numbers = self._numbers.take(at)
        if not numbers.all():
            self._learn(np.unique(at[numbers == 0]).tolist())
            numbers = self._numbers.take(at)
        return numbers - 1

    def _learn(self, places: list[int]) -> None:
        """Give places to codes that occur for the first time."""
        known = {name: number for number, name in enumerate(self._known)}
        for place in places:
            protocol, code = divmod(place, _CODES)
            name = self._tables[protocol].get(code) or self._unknown(code)
            self._numbers[place] = known.setdefault(name, len(known)) + 1
        self._known = list(known)
        self.names = _names(self._known)


class _Cells:
    """The cells of one table of a batch, as columns; `places`: where each column stands, if some are left out."""

    def __init__(self, rows: np.ndarray, places: dict[int, int] | None = None):
        self._places = places
        self._columns = np.asfortranarray(rows).T if rows.strides[0] != rows.itemsize else rows.T
        masks = self._columns[0]
        self._always = int(np.bitwise_and.reduce(masks)) if len(masks) else 0
        self._ever = int(np.bitwise_or.reduce(masks)) if len(masks) else 0
        self._often: int | None = None
        """The columns that many rows have; then the rows that have any other cell, and their masks."""
        self._rows = self._masks = masks[:0]

    def __len__(self) -> int:
        return self._columns.shape[1]

    def __getitem__(self, column: int) -> np.ndarray:
        """The raw cells of a column."""
        return self._columns[column if self._places is None else self._places[column]]

    def ever(self, column: int) -> bool:
        """Whether any row has the cell."""
        return self._ever >> column & 1 == 1

    def valid(self, column: int) -> np.ndarray:
        """Which rows have the cell."""
        if self._always >> column & 1:
            return np.ones(len(self), bool)
        return self._columns[0] & 1 << column != 0

    def written(self, column: int) -> np.ndarray:
        """The raw cells of a column, zero where nothing was written."""
        rows = self._few(column)
        if rows is None:
            return self[column] if self._always >> column & 1 else np.where(self.valid(column), self[column], 0)
        cells = np.zeros(len(self), np.int64)
        cells[rows] = self[column].take(rows)
        return cells

    def _few(self, column: int) -> np.ndarray | None:
        """The rows that have the cell, where they are few: most columns of a protocol's own speak once in a while."""
        if self._always >> column & 1:
            return None
        if self._often is None:
            # rows with any cell that few rows have: so that the others are not looked at for each column again
            sample = self._columns[0][:: len(self) // 256 + 1]
            shares = (sample[:, None] >> np.arange(MAX_WIDTH) & 1).mean(axis=0)
            self._often = sum(1 << k for k in np.flatnonzero(shares > 1 / _SELDOM).tolist())
            self._rows = np.flatnonzero(self._columns[0] & ~self._often)
            self._masks = self._columns[0].take(self._rows)
        if self._often >> column & 1 or _SELDOM * len(self._rows) > len(self):
            return None
        return self._rows[self._masks & 1 << column != 0]

    def whole(self, column: int, dtype: Any = pl.Int64) -> pl.Series:
        """A column that is always there."""
        cells = self[column]
        narrow = _NARROW.get(dtype)
        if narrow is not None and len(cells):
            bounds = np.iinfo(narrow)
            if bounds.min <= cells.min() and cells.max() <= bounds.max:
                return pl.Series(cells.astype(narrow))  # a fifth of what the cast below takes
        values = pl.Series(cells)
        return values if dtype is pl.Int64 else values.cast(dtype, strict=False)

    def nullable(self, column: int, dtype: Any) -> pl.Series:
        """A column with nulls where nothing was written."""
        if not self.ever(column):
            return _nothing(dtype).new_from_index(0, len(self))
        rows = self._few(column)
        if rows is not None:
            few = self[column].take(rows)
            some = pl.Series(few.view(np.float64) if dtype == pl.Float64 else few).cast(dtype, strict=False)
            return _nothing(dtype).new_from_index(0, len(self)).scatter(rows, some)
        values = pl.Series(self[column].view(np.float64)) if dtype == pl.Float64 else self.whole(column, dtype)
        return values if self._always >> column & 1 else _masked(values, self.valid(column))


class Tables:
    """Makes the frames of each batch; keeps the dictionaries that do not change within a run."""

    def __init__(self, protocols: list[Protocol], texts: list[str]):
        self._protocols = protocols
        self._run_texts = texts
        self._protocol_names = _names([*(p.name for p in protocols), ""])
        self._kinds = _names([k.name.lower() for k in Kind])
        codes = {int(fault): fault.name.lower().replace("_", "-") for fault in Fault if fault != Fault.NONE}
        self._faults = _names([codes.get(i, "") for i in range(64)])
        self._pairings = _names([PAIRING_NAMES[i] for i in range(5)])
        names, activities = [""], [0]
        lookup = np.zeros(len(protocols) * _OPERATIONS, dtype=np.int32)
        for p in protocols:
            for key, operation in p.operations.items():
                lookup[p.index * _OPERATIONS + key] = len(names)
                names.append(operation.name)
                activities.append(int(operation.activity))
        self._operation_lookup = lookup
        self._operations = _names(names)
        self._operation_activity = np.array(activities, dtype=np.int32)
        self._activities = _names([a.name.lower() for a in Activity])
        self._objects = _Names([p.objects for p in protocols], str)
        self._statuses = _Names([p.statuses for p in protocols], lambda code: "")
        self._texts_seen = _texts([])
        self._no_text = _texts([""])
        self._carriers = _names(["", *(p.name for p in protocols)])
        self._nothing: dict[str, pl.DataFrame] = {}
        self.buffers = Buffers()

    def _made(self, table: str, rows: np.ndarray, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The frame that is made of these rows; of no rows it is made once: most batches have none of some table."""
        if len(rows):
            return make()
        if table not in self._nothing:
            self._nothing[table] = make()
        return self._nothing[table]

    def _run_text(self, index: np.ndarray) -> pl.Series:
        """Texts of the run's dictionary, which grows while the run goes on."""
        if not index.any():
            return self._no_text.new_from_index(0, len(index))
        new = self._run_texts[len(self._texts_seen) :]
        if new:
            self._texts_seen = pl.concat([self._texts_seen, _texts(new)], rechunk=True)
        return _pick(self._texts_seen, index)

    # -- messages ---------------------------------------------------------------------------------------------

    def sides(self, batch: Batch) -> dict[str, pl.Series]:
        """Dictionaries over the identity rows of a batch: entry 2k is a client, 2k+1 its server (transport: k)."""
        addresses: list[str] = []
        ports: list[int] = []
        for row in batch.idents.tolist():
            family = row[L.D_FAMILY]
            addresses.append(address_text(family, row[L.D_CLIENT_HIGH], row[L.D_CLIENT_LOW]))
            addresses.append(address_text(family, row[L.D_SERVER_HIGH], row[L.D_SERVER_LOW]))
            ports += [row[L.D_CLIENT_PORT], row[L.D_SERVER_PORT]]
        port = pl.Series([p if p >= 0 else None for p in ports], dtype=pl.Int32)
        transport = _transports(batch.idents[:, L.D_FAMILY], batch.idents[:, L.D_PROTO])
        return {"address": _names(addresses), "port": port, "transport": transport}

    def messages(self, batch: Batch, sides: dict[str, pl.Series]) -> pl.DataFrame:
        """The messages of a batch; columns as schema.MESSAGES."""
        cells = _Cells(batch.messages)
        n = len(cells)
        protocol = cells[L.M_PROTOCOL]
        # the sender is the client where the message goes to the server
        sender = cells[L.M_IDENT] * 2 + cells[L.M_DIRECTION]
        receiver = sender ^ 1
        keys = cells[L.M_OPERATION]
        keys = np.where((keys >= 0) & (keys < _OPERATIONS), keys, NO_OPERATION)
        operation = self._operation_lookup.take(protocol * _OPERATIONS + keys)
        columns = {
            "message": pl.Series(np.arange(batch.first, batch.first + n)),
            "capture": cells.whole(L.M_CAPTURE, pl.Int32),
            "frame": cells.whole(L.M_FRAME),
            "time": cells.whole(L.M_TIME).cast(TIME),
            "index": cells.whole(L.M_INDEX, pl.Int32),
            "first_frame": cells.whole(L.M_FIRST_FRAME),
            "offset": cells.whole(L.M_OFFSET),
            "length": cells.whole(L.M_LENGTH, pl.Int32),
            "flow": cells.whole(L.M_FLOW),
            "src": _pick(sides["address"], sender),
            "dst": _pick(sides["address"], receiver),
            "sport": _pick(sides["port"], sender),
            "dport": _pick(sides["port"], receiver),
            "transport": _pick(sides["transport"], cells[L.M_IDENT]),
            "protocol": _pick(self._protocol_names, protocol),
            "kind": _pick(self._kinds, cells[L.M_KIND]),
            "function": cells.nullable(L.M_FUNCTION, pl.Int32),
            "operation": _pick(self._operations, operation),
            "activity": _pick(self._activities, self._operation_activity.take(operation)),
            "unit": cells.nullable(L.M_UNIT, pl.Int64),
            "object": self._objects.column(protocol, cells[L.M_OBJECT], cells.valid(L.M_OBJECT)),
            "block": cells.nullable(L.M_BLOCK, pl.Int64),
            "address": cells.nullable(L.M_ADDRESS, pl.Int64),
            "bit": cells.nullable(L.M_BIT, pl.UInt8),
            "quantity": cells.nullable(L.M_QUANTITY, pl.Int64),
            "status": cells.nullable(L.M_STATUS, pl.Int64),
            "status_name": self._statuses.column(protocol, cells[L.M_STATUS], cells.valid(L.M_STATUS)),
            "transaction": cells.nullable(L.M_TRANSACTION, pl.Int64),
            "name": self._run_text(cells[L.M_NAME]),
            "fault": _pick(self._faults, cells[L.M_FAULT]),
            "detail": self._run_text(cells[L.M_DETAIL]),
            **self._paired(batch, cells[L.M_KIND]),
        }
        return _frame(columns)

    def amended(self, messages: pl.DataFrame, batch: Batch) -> pl.DataFrame:
        """The messages of a batch, with what pairing has learnt of them since `messages` made them."""
        return messages.with_columns(**self._paired(batch, batch.messages[:, L.M_KIND]))

    def _paired(self, batch: Batch, kind: np.ndarray) -> dict[str, pl.Series]:
        """The columns that pairing fills. Copies: it may amend its arrays later."""
        paired = batch.pair >= 0
        return {
            "pair": _masked(pl.Series(batch.pair.copy()), paired),
            "latency": _masked(pl.Series(batch.latency), paired & (kind != Kind.REQUEST)),
            "pairing": _pick(self._pairings, batch.result),
        }

    def extension(self, batch: Batch, protocol: Protocol) -> pl.DataFrame | None:
        """The protocol's own columns, `message` first; None where the batch has none of it."""
        raw = batch.extras.get(protocol.index)
        if raw is None or len(raw) == 0:
            return None
        rows = np.flatnonzero(batch.messages[:, L.M_PROTOCOL] == protocol.index)
        places = batch.messages[rows, L.M_EXT]
        in_order = len(places) == len(raw) and bool((places == np.arange(len(raw))).all())
        cells = _Cells(raw if in_order else raw[places], own_places(raw))
        columns: dict[str, pl.Series] = {"message": pl.Series(rows + batch.first)}
        for k, extra in enumerate(protocol.table, start=1):
            if extra.type == "text" and not cells.ever(k):
                columns[extra.name] = self._no_text.new_from_index(0, len(rows))
            elif extra.type == "text":
                columns[extra.name] = self._run_text(cells.written(k))
            else:
                columns[extra.name] = cells.nullable(k, _POLARS[extra.type])
        return _frame(columns)

    def items(self, batch: Batch) -> pl.DataFrame:
        """The items of a batch; columns as schema.ITEMS."""
        return self._made("items", batch.items, lambda: self._items(batch))

    def _items(self, batch: Batch) -> pl.DataFrame:
        cells = _Cells(batch.items)
        rows = cells[L.I_MESSAGE]
        protocol = batch.messages[rows, L.M_PROTOCOL]
        return _frame(
            {
                "message": pl.Series(rows + batch.first),
                "index": cells.whole(L.I_INDEX, pl.Int32),
                "object": self._objects.column(protocol, cells[L.I_OBJECT], cells.valid(L.I_OBJECT)),
                "block": cells.nullable(L.I_BLOCK, pl.Int64),
                "address": cells.nullable(L.I_ADDRESS, pl.Int64),
                "bit": cells.nullable(L.I_BIT, pl.UInt8),
                "quantity": cells.nullable(L.I_QUANTITY, pl.Int64),
                "dtype": _pick(_DTYPES, cells[L.I_DTYPE]),
                "status": cells.nullable(L.I_STATUS, pl.Int64),
                "name": self._run_text(cells[L.I_NAME]),
            }
        )

    def points(self, batch: Batch) -> pl.DataFrame:
        """The points of a paired batch, in the order of their messages: the columns of POINTS that are stored there."""
        groups = points_module.expand(batch, self.buffers)
        # the names of all groups before any column of names: they share one dictionary
        objects = [
            self._objects.places(batch.messages[group.row, L.M_PROTOCOL], group.object, group.object >= 0)
            for group in groups
        ]
        parts = [self._point_group(*both) for both in zip(groups, objects, strict=True)]
        if not parts:
            return pl.DataFrame(schema=_POINT_SCHEMA)
        if len(parts) == 1:
            return parts[0]
        return pl.concat(parts).sort("message", maintain_order=True)

    def _point_group(self, group: points_module.Points, objects: np.ndarray) -> pl.DataFrame:
        """The frame of one group: what spans share is made once and spread."""
        n = len(group.which)
        which = pl.Series(group.which)

        def optional(values: np.ndarray | None, dtype: Any, spread: bool = False) -> pl.Series:
            present = None if values is None else points_module.present(values)
            if values is None or present is None or not present.any():
                return _nothing(dtype).new_from_index(0, n)
            column = _masked(pl.Series(values), present).cast(dtype, strict=False)
            return column[which] if spread else column

        value = pl.Series(group.value)
        if group.text_index is None:
            text = self._no_text.new_from_index(0, n)
        elif group.words is not None:
            text = _pick(_texts(group.words), group.text_index)
        else:
            text = self._run_text(group.text_index)
        columns = {
            "message": pl.Series(group.message),
            "object": _pick(self._objects.names, objects)[which],
            "block": optional(group.block, pl.Int64, spread=True),
            "address": pl.Series(group.address),
            "bit": optional(group.bit, pl.UInt8, spread=True),
            "value": value if group.has_value is None else _masked(value, group.has_value),
            "text": text,
            "quality": optional(group.quality, pl.Int64),
            "stamp": optional(group.stamp, TIME),
            "access": _pick(_ACCESSES, group.access)[which],
        }
        return _frame(columns)

    # -- flows, facts, faults ---------------------------------------------------------------------------------

    def flows(self, batch: Batch) -> pl.DataFrame:
        """Flows that ended in the batch; columns as schema.FLOWS."""
        return self._made("flows", batch.flows, lambda: self.flow_rows(batch.flows))

    def flow_rows(self, raw: np.ndarray) -> pl.DataFrame:
        """The same of cells as `wire.flowrows.write_flow` writes them."""
        cells = _Cells(raw)
        family = cells[L.L_FAMILY]
        proto = cells[L.L_PROTO]

        def ports(column: int) -> pl.Series:
            return _masked(cells.whole(column, pl.Int32), cells[column] >= 0)

        carrier = np.where(cells[L.L_INNER] >= 0, cells[L.L_LABEL] + 1, 0)
        return _frame(
            {
                "flow": cells.whole(L.L_NUMBER),
                "id": pl.Series(community_ids(raw), dtype=pl.String),
                "capture": cells.whole(L.L_CAPTURE, pl.Int32),
                "frame": cells.whole(L.L_FRAME),
                "last_frame": cells.whole(L.L_LAST_FRAME),
                "time": cells.whole(L.L_TIME).cast(TIME),
                "last_time": cells.whole(L.L_LAST_TIME).cast(TIME),
                "client": addresses(family, cells[L.L_CLIENT_HIGH], cells[L.L_CLIENT_LOW], cells[L.L_CLIENT_MAC]),
                "server": addresses(family, cells[L.L_SERVER_HIGH], cells[L.L_SERVER_LOW], cells[L.L_SERVER_MAC]),
                "client_port": ports(L.L_CLIENT_PORT),
                "server_port": ports(L.L_SERVER_PORT),
                "client_mac": _macs(cells[L.L_CLIENT_MAC]),
                "server_mac": _macs(cells[L.L_SERVER_MAC]),
                "transport": _transports(family, proto),
                "ethertype": _masked(cells.whole(L.L_ETHERTYPE, pl.Int32), family == 0),
                "vlan": ports(L.L_VLAN),
                "tunnel": self._run_text(cells[L.L_TUNNEL]),
                "direction_by": _pick(_DIRECTION_BY, cells[L.L_DIRECTION_BY]),
                "packets_client": cells.whole(L.L_PACKETS_CLIENT),
                "packets_server": cells.whole(L.L_PACKETS_SERVER),
                "bytes_client": cells.whole(L.L_BYTES_CLIENT),
                "bytes_server": cells.whole(L.L_BYTES_SERVER),
                "payload_client": cells.whole(L.L_PAYLOAD_CLIENT),
                "payload_server": cells.whole(L.L_PAYLOAD_SERVER),
                "gaps": cells.whole(L.L_GAPS),
                "gap_bytes": cells.whole(L.L_GAP_BYTES),
                "retransmissions": cells.whole(L.L_RETRANSMISSIONS),
                "reordered": cells.whole(L.L_REORDERED),
                "state": _pick(_STATES, cells[L.L_STATE]),
                "protocol": self._run_text(cells[L.L_NAME]),
                "carrier": _pick(self._carriers, carrier),
                "label_by": _pick(_LABEL_BY, cells[L.L_LABEL_BY]),
                "confidence": pl.Series(cells[L.L_CONFIDENCE].view(np.float64)),
                "messages": cells.whole(L.L_MESSAGES),
                "faults": cells.whole(L.L_FAULTS),
                "end": _pick(_ENDS, cells[L.L_END]),
            }
        )

    def faults(self, batch: Batch) -> pl.DataFrame:
        """The faults of a batch; columns as schema.FAULTS."""
        return self._made("faults", batch.faults, lambda: self._fault_rows(batch))

    def _fault_rows(self, batch: Batch) -> pl.DataFrame:
        cells = _Cells(batch.faults)
        protocol = np.where(cells[L.F_PROTOCOL] >= 0, cells[L.F_PROTOCOL], len(self._protocols))
        return _frame(
            {
                "capture": cells.whole(L.F_CAPTURE, pl.Int32),
                "frame": cells.whole(L.F_FRAME),
                "time": cells.whole(L.F_TIME).cast(TIME),
                "flow": cells.nullable(L.F_FLOW, pl.Int64),
                "code": _pick(self._faults, cells[L.F_CODE]),
                "count": cells.whole(L.F_COUNT),
                "detail": self._run_text(cells[L.F_DETAIL]),
                "protocol": _pick(self._protocol_names, protocol),
                "offset": cells.whole(L.F_OFFSET),
            }
        )

    def facts(self, batch: Batch, sides: dict[str, pl.Series]) -> list[dict[str, Any]]:
        """The facts of a batch as rows; `fact` (the id) is left to the pipeline."""
        rows = []
        for capture, frame, time, flow, ident, direction, unit, kind, value, confidence, protocol in batch.facts:
            rows.append(
                {
                    "capture": capture,
                    "frame": frame,
                    "time": time,
                    "flow": flow,
                    "device": sides["address"][int(ident) * 2 + int(direction)],
                    "unit": unit if unit >= 0 else None,
                    "kind": kind,
                    "value": value,
                    "source": self._protocols[protocol].name,
                    "confidence": confidence,
                }
            )
        return rows


def fact_frame(facts: list[dict[str, Any]]) -> pl.DataFrame:
    """The facts of a batch as a frame: columns as schema.FACTS, without the id."""
    return pl.DataFrame([pl.Series(name, [fact[name] for fact in facts], dtype) for name, dtype in _FACTS.items()])


def beside(messages: pl.DataFrame, own: pl.DataFrame, protocol: str, columns: list[str]) -> pl.DataFrame:
    """The messages with columns of a protocol's own table, named `<protocol>.<column>`; null at other protocols'."""
    some = [own[column].alias(f"{protocol}.{column}") for column in columns if column in own.columns]
    if own.height < messages.height:
        rows = np.searchsorted(messages["message"].to_numpy(), own["message"].to_numpy())
        place = np.zeros(messages.height, np.int64)
        place[rows] = np.arange(own.height)
        has = np.zeros(messages.height, bool)
        has[rows] = True
        where = _masked(pl.Series(place), has)
        some = [column.gather(where) for column in some]
    return pl.DataFrame([*messages.get_columns(), *some])


def _masked(values: pl.Series, valid: np.ndarray) -> pl.Series:
    """The values, null where not valid."""
    if valid.all():
        return values
    return values.zip_with(pl.Series(valid), _nothing(values.dtype))


def addresses(family: np.ndarray, high: np.ndarray, low: np.ndarray, mac: np.ndarray) -> pl.Series:
    """Network addresses as text; IPv4 without a Python loop, because a flood has millions of them."""
    v4 = family == 4
    if v4.all() and len(low) > 256:
        octets = [pl.Series(((low >> shift) & 255).astype(np.uint8)).cast(pl.String) for shift in (24, 16, 8, 0)]
        return octets[0] + "." + octets[1] + "." + octets[2] + "." + octets[3]
    rows = zip(family.tolist(), high.tolist(), low.tolist(), mac.tolist(), strict=True)
    return pl.Series([address_text(f, h, v if f else m) for f, h, v, m in rows], dtype=pl.String)


def _macs(values: np.ndarray) -> pl.Series:
    """MAC addresses as text."""
    distinct, inverse = np.unique(values, return_inverse=True)
    return _pick(pl.Series([mac_text(v) for v in distinct.tolist()], dtype=pl.String), inverse)


_POLARS: dict[str, Any] = {
    "bool": pl.Boolean,
    "u8": pl.UInt8,
    "u16": pl.UInt16,
    "i32": pl.Int32,
    "i64": pl.Int64,
    "f64": pl.Float64,
    "time": TIME,
    "text": pl.Categorical,
    "bytes": pl.Binary,
}
_DTYPES = _names(
    [
        "",
        "bit",
        "bool",
        "u8",
        "i8",
        "u16",
        "i16",
        "u32",
        "i32",
        "u64",
        "i64",
        "f32",
        "f64",
        "u16le",
        "i16le",
        "u32le",
        "i32le",
        "f32le",
        "f64le",
        "text",
        "bytes",
    ]
)
_ACCESSES = _names(["", *(a.name.lower() for a in Access)])
_STATES = _names(["", "opening", "open", "closed", "reset", "midstream"])
_ENDS = _names(["end of capture", "closed", "idle", "evicted"])
_DIRECTION_BY = _names(["first-frame", "port", "payload", "handshake"])
_LABEL_BY = _names([LABEL_BY[i] for i in range(len(LABEL_BY))])
_TRANSPORTS = _names(["eth", *(transport_text(4, proto) for proto in range(256))])
_FACTS = {c.name: pl.String if c.type == "text" else _POLARS[c.type] for c in FACTS.columns if c.name not in FACTS.key}
_POINT_SCHEMA: dict[str, Any] = {c.name: _POLARS[c.type] for c in POINTS.columns if not c.via}
_POINT_SCHEMA["access"] = _ACCESSES.dtype
