"""Cases of several sensors, or of several shards of one archive, become one case: `sentinel case merge`.

Runs of the others are added as runs of their own, in one transaction: a merge that is killed, or fails, leaves the case
as it was. A capture that the case holds already, by SHA-256, brings nothing; so the same merge again changes nothing.
docs/scale.md says what is and what is not counted once where several taps saw the same traffic.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from sentinel import schema
from sentinel.errors import CaseError
from sentinel.store import _commit, _taps, tables
from sentinel.store._database import numbered
from sentinel.store._parts import Part, PartWriter, delete_unlisted
from sentinel.store._renumber import Numbers, pieces
from sentinel.store._spans import ROW
from sentinel.store.case import Case
from sentinel.store.merge import parse
from sentinel.store.run import NUMBER_BITS

_SQL = """
CREATE TABLE IF NOT EXISTS origins (
    run INTEGER PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS taps (capture INTEGER PRIMARY KEY, tap TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS clocks (
    other TEXT NOT NULL, tap TEXT NOT NULL, run INTEGER NOT NULL, "offset" INTEGER NOT NULL, matches INTEGER NOT NULL,
    error INTEGER NOT NULL, PRIMARY KEY (other, tap, run)
) STRICT;
CREATE TABLE IF NOT EXISTS twins (
    flow INTEGER NOT NULL, twin INTEGER NOT NULL, tap TEXT NOT NULL, twin_tap TEXT NOT NULL, PRIMARY KEY (flow, twin)
) STRICT;
"""
"""Where a merged case's runs came from, and what several taps saw; made by the first merge into a case."""

MERGED_FROM = "merge:"
"""How the `source` of a journal's entry begins that came from another case: `merge:<its name>:<its source>`."""
AGAIN = "again:"
"""How it begins where an entry is repeated, so that it stays the newest of its subject behind older ones that came."""


MAX_APART = 86_400_000_000_000
"""ns by which the clocks of two taps may differ; runs that lie further apart are not compared."""


@dataclass(slots=True)
class Merged:
    """What a merge did."""

    runs: int = 0
    captures: int = 0
    known: int = 0
    """Captures that were left out because the case holds them."""
    running: int = 0
    """Runs that were left out because their sensor has not ended them."""
    entries: int = 0
    decisions: int = 0
    assessments: int = 0
    clocks: list[dict[str, Any]] = field(default_factory=list)
    twins: int = 0
    unlinked: int = 0
    """Flows that were too many to be compared."""


def merge_cases(target: Case, sources: Sequence[Case], *, taps: bool = True) -> Merged:
    """Add to `target`, open for writing, what the others hold; `taps` asks for flows that several of them saw.

    CaseError leaves the case as it was.
    """
    merged = Merged()
    writers: list[PartWriter] = []
    try:
        with target.database.transaction() as db:
            for statement in _SQL.split(";\n"):
                db.execute(statement)
            for name, source in zip(_names([source.path for source in sources]), sources, strict=True):
                taking = _Taking(target, db, source, name, merged, writers)
                for run in source.database.all("SELECT * FROM runs ORDER BY run"):
                    taking.run(dict(run), taps)
                taking.journal()
                taking.decisions()
                taking.assessments()
            _commit.decide(db)
    except BaseException:
        for writer in writers:
            writer.abort()
        raise
    delete_unlisted(target.path, {row["file"] for row in target.database.all("SELECT file FROM parts")})
    return merged


def _names(paths: Sequence[Path]) -> list[str]:
    """What tells these folders apart: their names, with as much of the path before them as that needs."""
    whole = [path.resolve() for path in paths]
    for n in range(1, max((len(path.parts) for path in whole), default=0) + 1):
        names = ["/".join(path.parts[-n:]).replace(":", "_") for path in whole]
        if len(set(names)) == len(names):
            return names
    raise CaseError("{path}: the same case is given twice.", path=paths[0])


class _Taking:
    """One source on its way into the case, within the transaction `db`."""

    def __init__(
        self,
        target: Case,
        db: sqlite3.Connection,
        source: Case,
        name: str,
        merged: Merged,
        writers: list[PartWriter],
    ):
        self.target = target
        self.db = db
        self.source = source
        self.name = name
        self.merged = merged
        self.writers = writers

    # -- runs -------------------------------------------------------------------------------------------------------

    def run(self, run: dict[str, Any], taps: bool) -> None:
        """Add one run of the source, as far as its captures are new."""
        if run["state"] not in (_commit.COMPLETE, _commit.INTERRUPTED):
            self.merged.running += 1
            return
        captures = _rows(self.source, "SELECT * FROM captures WHERE run = ? ORDER BY capture", str(run["run"]))
        known = self._known(run, captures)
        fresh = [row for row in captures if row["capture"] not in known]
        self.merged.known += len(known)
        if not fresh:
            return
        number, rows = _commit.begin(
            self.db, [{k: v for k, v in row.items() if k not in ("capture", "run")} for row in fresh]
        )
        new = {old["capture"]: row["capture"] for old, row in zip(fresh, rows, strict=True)}
        distance = rows[0]["capture"] - captures[0]["capture"] << NUMBER_BITS
        numbers = Numbers({**known, **new}, distance, frozenset(known))
        parts = self._copy(run["run"], number, numbers)
        said = {table: self._said(table, run["run"], numbers) for table in tables.MERGED_TABLES}
        self._name_taps(new)
        links = self._link(number, parts, new, rows) if taps else None
        if links is not None and links.height:
            self._count_once(said, links)
        _commit.commit(
            self.db,
            self.target.path,
            _commit.Outcome(
                run=number,
                state=run["state"],
                captures=[{**old, "capture": new[old["capture"]], "run": str(number)} for old in fresh],
                parts=parts,
                extensions=self._extensions(parts),
                rows={table: tables.as_values(table, rows) for table, rows in said.items()},
                summary=run["summary"],
            ),
            drop=False,
        )
        self._thinned(run["run"], number)
        self.db.execute("UPDATE runs SET started = ?, ended = ? WHERE run = ?", (run["started"], run["ended"], number))
        self.db.execute("INSERT INTO origins VALUES (?, ?, ?)", (number, self.name, str(self.source.path)))
        self.merged.runs += 1
        self.merged.captures += len(fresh)

    def _thinned(self, run: int, number: int) -> None:
        """Keep what the run gave up for room in the case that it comes from."""
        mine = self.source.scan("thinned").filter(pl.col("run") == run)
        rows = mine.with_columns(pl.lit(number, pl.Int64).alias("run")).collect()
        self.db.executemany(tables.insert_sql("thinned", "thinned"), tables.as_values("thinned", rows))

    def _known(self, run: Mapping[str, Any], captures: Sequence[Mapping[str, Any]]) -> dict[int, int]:
        """Capture of the run -> number in the case, of those that bring nothing; all of them where the run is there.

        An interrupted run is there if another one that read any of its captures came as far.
        """
        found = _commit.known_hashes(self.db, _commit.hashes_of(captures))
        known = {}
        for row in captures:
            mine = [found[hash_] for hash_ in _commit.hashes_of([row]) if hash_ in found]
            if mine:
                known[row["capture"]] = mine[0]
        times = run["state"], run["started"], run["ended"]
        same = self.db.execute("SELECT 1 FROM runs WHERE state = ? AND started = ? AND ended = ?", times).fetchone()
        if same is not None or (run["state"] == _commit.INTERRUPTED and self._came_as_far(captures)):
            return {row["capture"]: known.get(row["capture"], 0) for row in captures}
        return known

    def _came_as_far(self, captures: Sequence[Mapping[str, Any]]) -> bool:
        """Whether an interrupted run of the case that read one of these captures read as many frames of them all."""
        rival = self.db.execute(
            "SELECT sum(frames) FROM captures WHERE run IN (SELECT runs.run FROM captures JOIN runs"
            f" ON captures.run = runs.run WHERE runs.state = ?1 AND {_commit.HASHED}) GROUP BY run",
            numbered(_commit.INTERRUPTED, json.dumps(_commit.hashes_of(captures))),
        ).fetchall()
        return any(row[0] >= sum(capture["frames"] for capture in captures) for row in rival)

    def _copy(self, run: int, number: int, numbers: Numbers) -> list[Part]:
        """The parts of the run, written anew with the numbers of the case, one at a time."""
        if numbers.known:
            numbers.learn(pieces(self.source.parts("messages", run), "messages", ("message", "capture", "flow")))
        writer = PartWriter(self.target.path, number)
        self.writers.append(writer)
        for row in self.source.database.all('SELECT DISTINCT "table" FROM parts WHERE run = ? ORDER BY 1', (run,)):
            for file in self.source.parts(row["table"], run):
                # a run that was thinned out is written like any other: its rows are counted anew
                rows = pl.read_parquet(file).drop(ROW, strict=False)
                writer.write(row["table"], numbers.rows(row["table"], rows))
        return writer.close()

    def _said(self, table: str, run: int, numbers: Numbers) -> list[dict[str, Any]]:
        """What the run said in one of the merged tables, with the numbers of the case."""
        names = [column.name for column in schema.TABLES[table].columns]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = _rows(self.source, f'SELECT {columns} FROM "{table}_by_run" WHERE by_run = ? ORDER BY rowid', run)
        said = [new for row in rows if (new := numbers.said(table, row)) is not None]
        return tables.as_rows(table, said)

    def _extensions(self, parts: Iterable[Part]) -> dict[str, dict[str, str]]:
        """Columns and types of the parsers' own tables that the run wrote."""
        wanted = {part.table.removeprefix("ext/") for part in parts if part.table.startswith("ext/")}
        found: dict[str, dict[str, str]] = {protocol: {} for protocol in sorted(wanted)}
        for row in self.source.database.all("SELECT protocol, name, type FROM extensions ORDER BY protocol, position"):
            if row["protocol"] in found:
                found[row["protocol"]][row["name"]] = row["type"]
        return found

    # -- taps -------------------------------------------------------------------------------------------------------

    def _name_taps(self, new: Mapping[int, int]) -> None:
        """Keep at which tap each capture was taken: as the source says, or the source itself."""
        said = taps_of(self.source)
        self.db.executemany(
            "INSERT INTO taps VALUES (?, ?)", [(mine, said.get(old) or self.name) for old, mine in new.items()]
        )

    def _link(
        self, run: int, parts: Sequence[Part], new: Mapping[int, int], captures: Sequence[Mapping[str, Any]]
    ) -> pl.DataFrame | None:
        """Compare the run with those of other taps of the same time, and keep what is found."""
        times = [t for row in captures for t in (row["first_time"], row["last_time"]) if t is not None]
        if not times:
            return None
        files = {t: [self.target.path / part.file for part in parts if part.table == t] for t in ("flows", "messages")}
        mine = _taps.Side(files["flows"], files["messages"], self._taps_of(run))
        before = [
            _taps.Side(self.target.parts("flows", other), self.target.parts("messages", other), self._taps_of(other))
            for (other,) in self.db.execute(
                "SELECT DISTINCT CAST(run AS INTEGER) FROM captures WHERE run <> ? AND state <> ?"
                " AND first_time <= ? AND last_time >= ? ORDER BY 1",
                (str(run), _commit.RUNNING, max(times) + MAX_APART, min(times) - MAX_APART),
            ).fetchall()
        ]
        clocks, links, beyond = _taps.compare(before, mine)
        self.db.executemany(
            "INSERT INTO clocks VALUES (?, ?, ?, ?, ?, ?)",
            [(clock.other, clock.tap, run, clock.offset, clock.matches, clock.error) for clock in clocks],
        )
        self.db.executemany(
            "INSERT OR IGNORE INTO twins VALUES (?, ?, ?, ?)", links.select("flow", "twin", "tap", "twin_tap").rows()
        )
        self.merged.clocks += [asdict(clock) for clock in clocks]
        self.merged.twins += links.height
        self.merged.unlinked += beyond
        return links

    def _taps_of(self, run: int) -> dict[int, str]:
        """The tap of each capture of a run of the case; empty for those that were analysed into it."""
        rows = self.db.execute(
            "SELECT captures.capture, coalesce(tap, '') FROM captures LEFT JOIN taps USING (capture) WHERE run = ?",
            (str(run),),
        )
        return {row[0]: row[1] for row in rows}

    def _count_once(self, said: dict[str, list[dict[str, Any]]], links: pl.DataFrame) -> None:
        """Take from what the run counted what the taps before it have counted."""
        twins = set(links["twin"].to_list())
        bases = {flow >> NUMBER_BITS for flow in links["flow"].unique().to_list()}
        for alert in said["alerts"]:
            flows = parse(alert["flows"])
            if flows and twins.issuperset(flows):
                alert["count"] = max(0, alert["count"] - self._counted(alert["alert"], bases))
        seen: dict[str, tuple[int, int]] = {}
        for client, server, packets, size in links.select("client", "server", "packets", "bytes").iter_rows():
            for address in (client, server):
                before = seen.get(address, (0, 0))
                seen[address] = before[0] + packets, before[1] + size
        for asset in said["assets"]:
            if asset["parent"] == "":
                for packets, size in (seen[ip] for ip in parse(asset["ips"]) if ip in seen):
                    asset["packets"] = max(0, asset["packets"] - packets)
                    asset["bytes"] = max(0, asset["bytes"] - size)

    def _counted(self, alert: str, bases: Iterable[int]) -> int:
        """How often the runs whose flows count up from these captures said an alert."""
        return self.db.execute(
            "SELECT coalesce(sum(count), 0) FROM alerts_by_run WHERE alert = ? AND by_run IN"
            " (SELECT CAST(run AS INTEGER) FROM captures WHERE capture IN (SELECT value FROM json_each(?)))",
            (alert, json.dumps(sorted(bases))),
        ).fetchone()[0]

    # -- what people said -------------------------------------------------------------------------------------------

    def journal(self) -> None:
        """Append the entries that are new, oldest first; what was said last of a subject stays its newest."""
        columns = "kind, subject, value, author, time, source"
        own = [tuple(row) for row in self.db.execute(f"SELECT {columns} FROM journal ORDER BY entry").fetchall()]
        theirs = [tuple(row) for row in self.source.database.all(f"SELECT {columns} FROM journal ORDER BY entry")]
        known = {(*row[:5], _origin(row[5])) for row in own}
        fresh = [row for row in theirs if (*row[:5], _origin(row[5])) not in known and not row[5].startswith(AGAIN)]
        added = [
            (*row[:5], row[5] if row[5].startswith(MERGED_FROM) else f"{MERGED_FROM}{self.name}:{row[5]}")
            for row in sorted(fresh, key=lambda row: row[4])
        ]
        newest = {row[:2]: row for row in own}
        last = {row[:2]: row[4] for row in added}
        again = [
            (*row[:5], row[5] if row[5].startswith(AGAIN) else AGAIN + row[5])
            for subject, row in newest.items()
            if subject in last and row[4] > last[subject]
        ]
        self.db.executemany(
            f"INSERT INTO journal (entry, {columns})"
            " VALUES ((SELECT coalesce(max(entry), 0) + 1 FROM journal), ?, ?, ?, ?, ?, ?)",
            [*added, *again],
        )
        self.merged.entries += len(added)

    def decisions(self) -> None:
        """Append what people decided about alerts, as `journal` does."""
        columns = "alert, state, reason, author, time"
        own = [tuple(row) for row in self.db.execute(f"SELECT {columns} FROM alert_history ORDER BY entry").fetchall()]
        theirs = [tuple(row) for row in self.source.database.all(f"SELECT {columns} FROM alert_history ORDER BY entry")]
        known = set(own)
        added = sorted((row for row in dict.fromkeys(theirs) if row not in known), key=lambda row: row[4])
        newest = {row[0]: row for row in own}
        last = {row[0]: row[4] for row in added}
        again = [row for alert, row in newest.items() if alert in last and row[4] > last[alert]]
        self.db.executemany(f"INSERT INTO alert_history ({columns}) VALUES (?, ?, ?, ?, ?)", [*added, *again])
        self.merged.decisions += len(added)

    def assessments(self) -> None:
        """Keep the source's frozen assessments; the numbers in them stay those of the source."""
        for row in self.source.database.all("SELECT * FROM assessments ORDER BY saved, assessment"):
            marks = ", ".join("?" * len(row))
            done = self.db.execute(f"INSERT OR IGNORE INTO assessments VALUES ({marks})", tuple(row))
            self.merged.assessments += done.rowcount


def _origin(source: str) -> str:
    """The source of an entry in the case in which it was written."""
    source = source.removeprefix(AGAIN)
    return source.split(":", 2)[2] if source.startswith(MERGED_FROM) else source


def _rows(case: Case, sql: str, *values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in case.database.all(sql, values)]


# -- what a merged case knows of itself -------------------------------------------------------------------------------


def _has(case: Case, table: str) -> bool:
    return bool(case.database.all("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)))


def taps_of(case: Case) -> dict[int, str]:
    """The tap of each capture that was merged into the case."""
    return {row["capture"]: row["tap"] for row in case.database.all("SELECT * FROM taps")} if _has(case, "taps") else {}


def origins(case: Case) -> list[dict[str, Any]]:
    """Run, name and path of the case that it came from, of each run that was merged in."""
    return _rows(case, "SELECT * FROM origins ORDER BY run") if _has(case, "origins") else []


def clocks(case: Case) -> list[dict[str, Any]]:
    """What is known of the taps' clocks: other, tap, run of the tap, offset (ns), matches, error (ns)."""
    return _rows(case, "SELECT * FROM clocks ORDER BY run, other, tap") if _has(case, "clocks") else []


def twins(case: Case) -> pl.DataFrame:
    """Flows that two taps saw: flow, and its twin that was merged later; rows of `twin` count the same again."""
    rows = (
        [tuple(row) for row in case.database.all("SELECT * FROM twins ORDER BY flow, twin")]
        if _has(case, "twins")
        else []
    )
    schema_ = {"flow": pl.Int64, "twin": pl.Int64, "tap": pl.String, "twin_tap": pl.String}
    return pl.DataFrame(rows, schema=schema_, orient="row")
