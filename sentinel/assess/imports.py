"""The client's lists into the journal: assets, zones and conduits, tags, tickets, out of YAML, csv and xlsx.

`read` finds the tables and their columns and reads every row; a row with a bad cell is refused with its place and
reason, the others are kept. `store` writes them into a case so that a later import of a corrected list keeps what a
person has changed since: field by field, what the file says counts only where the file has changed it.
"""

# ruff: noqa: E501  (a reason and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel.assess import _fields
from sentinel.assess._cells import HIDDEN, Cell, Refusal, Row, Table
from sentinel.assess._cells import read as read_tables
from sentinel.assess._fields import BadCell, Field
from sentinel.assess.model import Text
from sentinel.errors import AssessmentError, UsageError
from sentinel.store.case import Case

SOURCE = "import:"
"""Journal entries that came out of a file: this and the name of the file."""
HEADING_ROWS = 20
"""Rows in which the headings of a table are looked for."""
EXAMPLES = ("示例", "example", "说明", "instruction")
"""Beginnings of the names of sheets that are for reading only."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of list: its fields, which of them there must be, and what a whole row must fulfil."""

    name: str
    fields: tuple[Field, ...]
    needs: tuple[tuple[str, ...], ...]
    """Of each group one must be there."""
    subject: Callable[[Values], str]
    check: Callable[[Values], Values] = lambda values: values

    def field(self, name: str) -> Field:
        """The field of that name; KeyError where there is none."""
        return {f.name: f for f in self.fields}[name]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: subject -> values for each kind, what was refused, and columns that nobody asked for."""

    file: str
    rows: Mapping[str, Mapping[str, Values]]
    refusals: tuple[Refusal, ...] = ()
    ignored: tuple[str, ...] = ()
    local_times: int = 0
    """Rows with a time that is written without its zone."""


@dataclass(slots=True)
class Stored:
    """What an import did, and where it kept a person's edit against the file: `kind/subject: field`."""

    new: int = 0
    changed: int = 0
    same: int = 0
    kept: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Subjects that an earlier file brought and this one does not."""


# --- rows as a whole -------------------------------------------------------------------------------------------------


def _asset_key(values: Values) -> str:
    ips, macs = values.get("ips", []), values.get("macs", [])
    unit = f"#{values['unit']}" if "unit" in values and not values.get("id") else ""
    return (values.get("id") or (ips[0] if ips else "") or (macs[0] if macs else "") or values["name"]) + unit


def _zone(values: Values) -> Values:
    name, english = values.get("name"), values.pop("name_en", None)
    if english:
        values["name"] = {"zh": name["zh"] if isinstance(name, dict) else name or english, "en": english}
    return values


def _zone_key(values: Values) -> str:
    name = values.get("name", "")
    return values.get("id") or (name if isinstance(name, str) else name.get("zh") or name.get("en", ""))


def _conduit(values: Values) -> Values:
    if values["source"] == values["target"]:
        raise BadCell("源区域与目的区域相同", "source and target are the same zone")
    return values


def _conduit_key(values: Values) -> str:
    return values.get("id") or f"{values['source']}>{values['target']}"


_MODBUS = {"0": "coil", "1": "discrete_input", "3": "input_register", "4": "holding_register"}
_S7 = {"DB": "data_block", "I": "input", "E": "input", "Q": "output", "A": "output", "M": "flag"}


def notation(address: str) -> tuple[str, int | None, int] | None:
    """Object, block and address from 0 of `40001`, `400001`, `DB1.DBW4`, `MW10`, `I0.3`; None for another form.

    Modbus reference numbers count from 1 (Application Protocol V1.1b3, 4.4); German S7 names (E, A) are read too.
    """
    modbus = re.fullmatch(r"([0134])(\d{4}|\d{5})", address)
    if modbus and int(modbus[2]) > 0:
        return _MODBUS[modbus[1]], None, int(modbus[2]) - 1
    block = re.fullmatch(r"DB(\d{1,5})[.,]DB[XBWD](\d{1,5})(?:\.[0-7])?", address, re.IGNORECASE)
    if block:
        return "data_block", int(block[1]), int(block[2])
    area = re.fullmatch(r"([IEQAM])[BWD]?(\d{1,5})(?:\.[0-7])?", address, re.IGNORECASE)
    return (_S7[area[1].upper()], None, int(area[2])) if area else None


def _tag(values: Values) -> Values:
    said = values["address"]
    known = None if values.get("object") and said.isdecimal() else notation(said)
    if known is not None:
        values["object"], block, values["address"] = known
        if block is not None:
            values["block"] = block
    elif said.isdecimal() and len(said) <= 10:
        values["address"] = int(said)
    else:
        raise BadCell(
            f"“{said}”不是地址（数字、40001、DB1.DBW4、MW10）",
            f"{said!r} is no address (a number, 40001, DB1.DBW4, MW10)",
        )
    if not values.get("object"):
        raise BadCell(
            "地址只是数字时须写明对象（如 holding_register）",
            "an address that is a plain number needs its object (as holding_register)",
        )
    return values


def _tag_key(values: Values) -> str:
    parts = (values["device"], values.get("unit"), values["object"], values.get("block"), values["address"])
    return "/".join("" if part is None else str(part) for part in parts)


def _ticket_in(zone: datetime.tzinfo | None) -> Callable[[Values], Values]:
    """The check of a ticket whose times without a zone are in `zone`, or in that of this machine."""

    def check(values: Values) -> Values:
        start, end = (_nanoseconds(values[name], zone) for name in ("start", "end"))
        if end <= start:
            raise BadCell("结束时间不晚于开始时间", "the end is not after the start")
        values.update(start=start, end=end, kind=values.get("kind", "change"))
        if values.get("repeat") == "none":
            del values["repeat"]
        if "repeat" in values and "until" not in values:
            raise BadCell("重复的窗口须写明重复至哪一天", "a window that repeats needs the day until which it does")
        return values

    return check


def _nanoseconds(time: datetime.datetime, zone: datetime.tzinfo | None) -> int:
    # without any zone, timestamp() takes that of this machine, with its summer time of that day
    known = time if time.tzinfo is not None else time.replace(tzinfo=zone)
    try:
        return round(known.timestamp()) * 1_000_000_000
    except (OverflowError, ValueError):
        raise BadCell(f"“{time}”超出可表示的时间", f"{time} is outside of the times that can be written") from None


def kinds(what: str, zone: datetime.tzinfo | None = None) -> tuple[Kind, ...]:
    """The kinds that a file of `assets`, `zones`, `tags` or `tickets` may hold."""
    if what == "zones":
        return (
            Kind("conduit", _fields.CONDUITS, (("source",), ("target",)), _conduit_key, _conduit),
            Kind("zone", _fields.ZONES, (("id", "name"),), _zone_key, _zone),
        )
    if what == "assets":
        return (Kind("asset", _fields.ASSETS, (("id", "ips", "macs", "name"),), _asset_key),)
    if what == "tags":
        return (Kind("tag", _fields.TAGS, (("device",), ("address",), ("name",)), _tag_key, _tag),)
    if what == "tickets":
        needs = (("id",), ("start",), ("end",))
        return (Kind("ticket", _fields.TICKETS, needs, lambda values: str(values["id"]), _ticket_in(zone)),)
    raise KeyError(what)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(
    path: Path, what: str, columns: Mapping[str, str] | None = None, zone: datetime.tzinfo | None = None
) -> Reading:
    """What the file says of `what`: assets, zones, tags or tickets.

    `columns` maps headings of the file to fields, before the headings that are known. `zone` holds for times that are
    written without one (None: that of this machine). AssessmentError where the file has no such table; UsageError for a field that does not exist.
    """
    wanted = kinds(what, zone)
    known = {f.name for kind in wanted for f in kind.fields}
    for name in (columns or {}).values():
        if name not in known:
            raise UsageError("there is no field {name}; there are {names}", name=name, names=", ".join(sorted(known)))
    mapped = {_fields.normal(heading): name for heading, name in (columns or {}).items()}
    reader = _Reader(path.name, mapped)
    tables = read_tables(path)
    if any(table.name == HIDDEN for table in tables):
        raise AssessmentError("{path}: a questionnaire; take it in with: sentinel questions import", path=path)
    for table in tables:
        if table.records:
            reader.take_records(table, _kind_of_records(table, wanted))
        elif not table.name.lower().startswith(EXAMPLES):
            reader.take_lines(table, wanted)
    if not reader.tables:
        needed = "; ".join(" / ".join(group) for group in wanted[-1].needs)
        raise AssessmentError(
            "{path}: no table with the columns that are needed ({needed}); name them with --map COLUMN=FIELD",
            path=path,
            needed=needed,
        )
    return reader.result()


class _Reader:
    """Collects the rows of all tables of one file."""

    def __init__(self, file: str, mapped: Mapping[str, str]):
        self.file = file
        self.mapped = mapped
        self.tables = 0
        self.rows: dict[str, dict[str, Values]] = {}
        self.places: dict[tuple[str, str], Text] = {}
        self.refusals: list[Refusal] = []
        self.ignored: dict[str, None] = {}
        self.local_times = 0

    def result(self) -> Reading:
        return Reading(self.file, self.rows, tuple(self.refusals), tuple(self.ignored), self.local_times)

    def take_records(self, table: Table, kind: Kind) -> None:
        self.tables += 1
        by_head = self._by_head(kind)
        for record in table.records:
            cells: dict[str, Cell] = {}
            for name, cell in record.cells.items():
                known = by_head.get(_fields.normal(name))
                if known is None:
                    self.ignored[name] = None
                elif known in cells:
                    self._refuse(cell.place, Text("同一字段写了两次", "the same field stands twice"))
                else:
                    cells[known] = cell
            self._take(kind, Row(cells, record.place))

    def take_lines(self, table: Table, wanted: Sequence[Kind]) -> None:
        """Rows of a csv file or sheet below its headings; nothing where no headings are found.

        A file of zones may have a second table of conduits below the first, with headings of its own.
        """
        kind: Kind | None = None
        columns: dict[str, int] = {}
        for at, (line, values) in enumerate(table.lines):
            found = self._headings(table, line, values, wanted) if at < HEADING_ROWS or len(wanted) > 1 else None
            if found is not None and found[0] is not kind:
                kind, columns = found
                self.tables += 1
                used = set(columns.values())
                self.ignored.update({str(head): None for n, head in enumerate(values) if head and n not in used})
            elif kind is not None:
                given = {
                    name: Cell(values[n], table.place(line, n))
                    for name, n in columns.items()
                    if n < len(values) and values[n] not in (None, "")
                }
                if given:
                    self._take(kind, Row(given, table.place(line)))

    def _headings(
        self, table: Table, line: int, values: tuple[Any, ...], wanted: Iterable[Kind]
    ) -> tuple[Kind, dict[str, int]] | None:
        """The kind of list of which the row holds the headings, and field -> column."""
        for kind in wanted:
            columns = self._columns(kind, table, line, values)
            if columns is not None:
                return kind, columns
        return None

    def _columns(self, kind: Kind, table: Table, line: int, values: tuple[Any, ...]) -> dict[str, int] | None:
        """Field -> column, if the row is one of headings that hold all that is needed."""
        by_head = self._by_head(kind)
        found: dict[str, int] = {}
        for n, head in enumerate(values):
            name = by_head.get(_fields.normal(head)) if isinstance(head, str) else None
            if name is None:
                continue
            if name in found:
                if all(any(one in found for one in group) for group in kind.needs):
                    self._refuse(
                        table.place(line, n),
                        Text(
                            f"“{head}”与另一列都是“{kind.field(name).title.zh}”，此列未读",
                            f"{head!r} is a second column of {name}, and is not read",
                        ),
                    )
                continue
            found[name] = n
        # a number and a remark alone are a list of anything
        enough = len(found.keys() - {"note"}) >= min(2, len(values)) and all(
            any(one in found for one in group) for group in kind.needs
        )
        return found if enough else None

    def _by_head(self, kind: Kind) -> dict[str, str]:
        by_head = {head: f.name for f in kind.fields for head in f.heads()}
        names = {f.name for f in kind.fields}
        return by_head | {head: name for head, name in self.mapped.items() if name in names}

    def _take(self, kind: Kind, row: Row) -> None:
        values: Values = {}
        good = True
        for name, cell in row.cells.items():
            if cell.value in (None, "", []):
                continue
            column = kind.field(name)
            try:
                read = column.read(column.plain(cell.value))
            except BadCell as error:
                self._refuse(cell.place, error.reason)
                good = False
            else:
                if read not in ("", []):
                    values[name] = read
        if not good:
            return
        for group in kind.needs:
            if not any(name in values for name in group):
                zh = "、".join(kind.field(name).title.zh for name in group)
                self._refuse(row.place, Text(f"缺少{zh}", f"{' or '.join(group)} is missing"))
                return
        times = [value for value in values.values() if isinstance(value, datetime.datetime)]
        self.local_times += any(time.tzinfo is None for time in times)
        try:
            values = kind.check(values)
        except BadCell as error:
            self._refuse(row.place, error.reason)
            return
        subject = kind.subject(values)
        before = self.places.get((kind.name, subject))
        if before is not None:
            self._refuse(row.place, Text(f"“{subject}”已在{before.zh}出现", f"{subject} stands already at {before.en}"))
            return
        self.places[kind.name, subject] = row.place
        self.rows.setdefault(kind.name, {})[subject] = values

    def _refuse(self, place: Text, reason: Text) -> None:
        self.refusals.append(Refusal(self.file, place, reason))


def _kind_of_records(table: Table, wanted: tuple[Kind, ...]) -> Kind:
    """The kind that a list of a YAML file is of: by its name, else by what its first item has."""
    for kind in wanted:
        if table.name in (kind.name, f"{kind.name}s"):
            return kind
    heads = {_fields.normal(name) for name in table.records[0].cells}
    for kind in wanted:
        if all(any(heads & kind.field(name).heads() for name in group) for group in kind.needs):
            return kind
    return wanted[-1]


# --- storing ---------------------------------------------------------------------------------------------------------


def store(case: Case, reading: Reading, author: str, replace: bool = False) -> Stored:
    """Write what a file said into the case, a person's edits kept; `replace` takes back what the file lacks.

    The journal holds what the file said as an entry of its own, and a kept edit again after it: so the next import
    still knows the one from the other.
    """
    done = Stored()
    source = SOURCE + reading.file
    imported: list[tuple[str, str, Any]] = []
    edited: dict[str, list[tuple[str, str, Any]]] = {}
    for kind, rows in reading.rows.items():
        entries = case.journal(kind)
        base = {e["subject"]: e["value"] for e in entries if e["source"].startswith(SOURCE)}
        mine = {e["subject"]: e for e in entries}
        for subject, theirs in rows.items():
            current = mine.get(subject)
            if current is None or current["value"] is None and not _edited(current):
                done.new += 1
                imported.append((kind, subject, theirs))
                continue
            before = base.get(subject) or {}
            if theirs == before or theirs == current["value"]:
                done.same += 1
                if theirs != before:
                    imported.append((kind, subject, theirs))
                continue
            merged, kept = merge(before, current["value"], theirs)
            done.kept += [f"{kind}/{subject}: {name}" for name in kept]
            done.changed += merged != current["value"]
            done.same += merged == current["value"]
            imported.append((kind, subject, theirs))
            if merged != theirs:
                edited.setdefault(current["author"], []).append((kind, subject, merged))
        gone = [s for s, e in mine.items() if s not in rows and e["value"] is not None and not _edited(e)]
        done.missing += [f"{kind}/{subject}" for subject in gone]
        if replace:
            imported += [(kind, subject, None) for subject in gone]
    case.record(imported, author, source)
    for person, again in edited.items():
        case.record(again, person)
    return done


def _edited(entry: Mapping[str, Any]) -> bool:
    return not entry["source"].startswith(SOURCE)


def merge(base: Values, mine: Values | None, theirs: Values) -> tuple[Values | None, list[str]]:
    """Three-way: a field that only the file changed is the file's, one that a person changed stays; names of those.

    `mine` is None where a person took the subject back: it stays so.
    """
    if mine is None:
        return None, ["*"]
    merged: Values = {}
    kept = []
    for name in {**theirs, **mine, **base}:
        old, own, new = base.get(name), mine.get(name), theirs.get(name)
        value = new if own == old else own
        if own not in (old, new) and new != old:
            kept.append(name)
        if value is not None:
            merged[name] = value
    return merged, sorted(kept)


def check_zones(reading: Reading, known: Mapping[str, Values]) -> Reading:
    """The reading without conduits of zones that neither the file nor the case (`known`) has, and double subnets.

    Conduits may call a zone by its name; what is kept is its id.
    """
    zones = dict(reading.rows.get("zone", {}))
    refusals = list(reading.refusals)
    owner: dict[str, str] = {}
    for subject, values in list(zones.items()):
        twice = next((s for s in values.get("subnets", ()) if owner.setdefault(s, subject) != subject), None)
        if twice is not None:
            refusals.append(
                _about(
                    reading,
                    "zone",
                    subject,
                    f"子网 {twice} 已属于区域“{owner[twice]}”",
                    f"subnet {twice} belongs to zone {owner[twice]} already",
                )
            )
            del zones[subject]
    ids = zone_ids({**known, **zones}) | {"external": "external"}
    conduits = dict(reading.rows.get("conduit", {}))
    for subject, values in list(conduits.items()):
        ends = {side: ids.get(values[side].casefold()) for side in ("source", "target")}
        lost = next((values[side] for side, zone in ends.items() if zone is None), None)
        if lost is None:
            conduits[subject] = {**values, **ends}
        else:
            refusals.append(_about(reading, "conduit", subject, f"没有区域“{lost}”", f"there is no zone {lost}"))
            del conduits[subject]
    rows = {"zone": zones, "conduit": conduits}
    return Reading(reading.file, {k: v for k, v in rows.items() if v}, tuple(refusals), reading.ignored)


def zone_ids(zones: Mapping[str, Values]) -> dict[str, str]:
    """What zones are called (id, name in either language, any case) -> their id."""
    ids: dict[str, str] = {}
    for subject, values in zones.items():
        name = values.get("name", "")
        for text in name.values() if isinstance(name, dict) else (name,):
            ids.setdefault(text.casefold(), subject)
    return ids | {subject.casefold(): subject for subject in zones}


def _about(reading: Reading, kind: str, subject: str, zh: str, en: str) -> Refusal:
    place = Text(f"{'区域' if kind == 'zone' else '通道'}“{subject}”", f"{kind} {subject}")
    return Refusal(reading.file, place, Text(zh, en))
