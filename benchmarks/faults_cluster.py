"""A real Elasticsearch that goes away, is full, is overloaded or refuses documents, under a running sensor."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from faults_stage import ROOT, SECONDS, Feed, Row, Watch, messages_of

from sentinel import schema
from sentinel.sinks.deliver import Courier
from sentinel.sinks.documents import path_of
from sentinel.store.case import Case
from sentinel.store.outbox import CHANGING, Counts, Outbox

sys.path.insert(0, str(ROOT / "tests"))
import elastic_server  # noqa: E402  (the server that the tests start)

OUTAGE = 300.0
"""Seconds for which Elasticsearch is away (`--outage`); a full or busy one stays so for a fifth of it."""
STREAMS = "logs-ics.*-faults"
MESSAGES = "logs-ics.messages-faults"
WATERMARK = "cluster.routing.allocation.disk.watermark"
CROWD = 8
"""Other writers, who fill the server's queue."""


@dataclass(slots=True)
class Stage:
    """A server, a sensor that sends to it, and what is to be said of both."""

    row: Row
    case: Path
    server: elastic_server.Server
    feed: Feed
    uri: str
    stored_messages: list[int] = field(default_factory=list)
    """At the end: the numbers of those that arrived, and of those that were refused."""
    refused_messages: list[int] = field(default_factory=list)

    def arrived(self) -> int:
        """Documents that the server has; as many as before where it does not answer."""
        with suppress(OSError):
            return self.server.count(STREAMS)
        return 0

    def problem(self) -> str:
        """Why the receiver gets nothing, as the status says it; empty where it does."""
        return next((one["problem"] for one in self.feed.status().get("sinks", ()) if one["problem"]), "")

    def waiting(self) -> int:
        """Rows that wait in the case."""
        return sum(one["rows"]["waiting"] for one in self.feed.status()["sinks"] if one["rows"])

    def goes_on(self) -> None:
        """Wait until it takes documents again: it is left alone for up to a minute, and has much to take."""
        self.feed.until(lambda: not self.problem(), 5 * SECONDS)

    def settle(self, refuses: bool = False) -> None:
        """End the sensor, send what waits, and compare what was written, what arrived and what was refused."""
        row = self.row
        row.expect(self.feed.end() == 0, "the sensor did not end in good order")
        self.feed.send_rest(self.uri, all_of_it=not refuses)
        receiver = Courier(self.case, self.uri).state.receiver
        with Case.open(self.case, "read") as opened, Outbox(opened, receiver, look_only=True) as outbox:
            counts = outbox.counts()
            rows = {table: opened.scan(table).select(pl.len()).collect().item() for table in counts}
            alerts = set(opened.alerts()["rule"])
            kept = outbox.refused(1_000_000)
        stored = {table: documents(self.server, table) for table in counts}
        for table, of in counts.items():
            self._compare(table, of, rows[table], *stored[table], {one["id"] for one in kept if one["table"] == table})
        self.stored_messages = stored["messages"][1]
        self.refused_messages = [one["document"]["ics"]["message"] for one in kept if one["table"] == "messages"]
        refused = sum(of.refused for of in counts.values())
        row.expect(all(of.waiting == of.dropped == 0 for of in counts.values()), f"{counts}")
        row.expect((refused > 0) is refuses and refused == len(kept), f"{refused} refused, {len(kept)} kept")
        row.expect("sensor_sink" in alerts or refuses, "nobody was told")
        row.expect(sum(messages_of(self.case).values()) == self.feed.sent, "a frame is missing in the case")
        grows = [table for table in counts if table not in CHANGING]
        versions = sum(counts[table].sent for table in counts if table not in grows)
        row.note(
            f"sent {self.feed.sent:,} frames = messages {rows['messages']:,} = documents "
            f"{len(stored['messages'][0]):,}{f' + refused {len(kept):,}' if refuses else ''}; all tables that only "
            f"grow: rows {sum(rows[table] for table in grows):,} = documents "
            f"{sum(len(stored[table][0]) for table in grows):,}{f' + refused {refused:,}' if refuses else ''}, each id "
            f"once, messages, items and points in the order of the case; of alerts, assets and facts {versions:,} "
            "versions, each id once"
        )
        if refuses:
            reasons = {one["reason"].partition(":")[0] for one in kept}
            row.note(f"those that were refused are kept with the reason ({', '.join(sorted(reasons))})")

    def _compare(self, table: str, of: Counts, rows: int, ids: list[str], order: list[int], refused: set[str]) -> None:
        row, grows = self.row, table not in CHANGING
        row.expect(len(ids) == len(set(ids)) == of.sent, f"{table}: {of}, {len(ids)} documents, {len(set(ids))} ids")
        row.expect(not refused & set(ids) and len(refused) == of.refused, f"{table}: refused ones stand in the index")
        row.expect(not grows or rows == of.sent + of.refused, f"{table}: {rows} rows, {of}")
        row.expect(order == sorted(order), f"{table}: out of order")


@contextmanager
def stage(row: Row, folder: Path, *settings: str) -> Iterator[Stage | None]:
    """A server with a sensor whose documents arrive; None, and a note, where there can be none."""
    if reason := elastic_server.why_not():
        row.note(f"not tried: {reason}")
        yield None
        return
    case, config = folder / "case", folder / "sentinel.toml"
    config.write_text("[store]\ncheckpoint_seconds = 1\n[health]\nsink_seconds = 5\n")
    server = elastic_server.Server()
    try:
        server.start(*settings)
        uri = f"{server.uri}&namespace=faults&refresh=0"
        made = Stage(row, case, server, Feed(case, "--config", str(config), "--sink", uri, rate=200), uri)
        made.feed.until(lambda: made.arrived() > 0)
        yield made
    finally:
        server.stop()


def cluster(folder: Path, _kills: int) -> Row:
    """A real Elasticsearch that is killed, stays away for minutes, and comes back, under a running sensor."""
    row = Row(f"A real Elasticsearch is killed for {OUTAGE:g} s, then started again, while frames flow")
    with stage(row, folder) as on:
        if on is None:
            return row
        on.server.kill()
        on.feed.until(lambda: any(one["down"] > 5 for one in on.feed.status().get("sinks", ())))
        watch = Watch(on.feed)
        watch.wait(OUTAGE)
        latency = on.feed.status()["latency"]["last"]
        waiting = on.waiting()
        on.server.start()
        on.goes_on()
        on.settle()
        half = len(watch.memory) // 2
        row.expect(
            half == 0 or max(watch.memory[half:]) < max(watch.memory[:half]) + 100, f"memory grew: {watch.memory}"
        )
        row.note(
            f"when it came back {waiting:,} rows waited, in the case alone; memory of the sensor meanwhile "
            f"{min(watch.memory)} to {max(watch.memory)} MiB; the alert of the outage (`sensor_sink`) was in the "
            f"case {latency:.1f} s later"
        )
    return row


def watermark(folder: Path, _kills: int) -> Row:
    """A server whose disk reaches the flood stage: it makes its indices read-only itself."""
    away = OUTAGE / 5
    row = Row(
        f"A real Elasticsearch finds its disk beyond the flood-stage watermark, makes its indices read-only for "
        f"{away:g} s, then finds room, while frames flow"
    )
    with stage(row, folder) as on:
        if on is None:
            return row

        def marks(free: str) -> None:
            names = (f"{WATERMARK}.low", f"{WATERMARK}.high", f"{WATERMARK}.flood_stage")
            said: dict[str, Any] = dict.fromkeys(names, free)
            said |= {"cluster.routing.allocation.disk.threshold_enabled": True, "cluster.info.update.interval": "10s"}
            on.server.ask("PUT", "/_cluster/settings", {"persistent": said})

        def blocked() -> int:
            """Indices that the server made read-only; it names no others."""
            name = "index.blocks.read_only_allow_delete"
            return len(on.server.ask("GET", f"/{STREAMS}/_settings/{name}"))

        marks("900tb")  # so much must be free
        on.feed.until(lambda: blocked() > 0)
        on.feed.until(lambda: any(one["down"] > 5 for one in on.feed.status().get("sinks", ())))
        before, seen = on.arrived(), set()
        end = time.monotonic() + away
        while time.monotonic() < end:
            seen.add(said_shortly(on.problem()))
            time.sleep(0.5)
        row.expect(on.arrived() == before > 0, "an index that is read-only grew")
        row.expect(any("read-only" in text for text in seen), f"it was not said why: {seen}")
        waiting = on.waiting()
        marks("1kb")
        on.feed.until(lambda: blocked() == 0)
        on.goes_on()
        on.settle()
        row.note(
            f"the status said `{'`, `'.join(sorted(seen))}`; when there was room {waiting:,} rows waited"
        )
    return row


def busy(folder: Path, _kills: int) -> Row:
    """A server that answers 429: little memory for requests, and others who fill its queue."""
    crowded = OUTAGE / 5
    row = Row(
        f"A real Elasticsearch answers 429: it has 256 KiB for all requests together and a queue of three, which "
        f"{CROWD} other writers keep full for {crowded:g} s, while frames flow"
    )
    settings = ("indexing_pressure.memory.limit: 256kb", "thread_pool.write.size: 1", "thread_pool.write.queue_size: 3")
    with stage(row, folder, *settings) as on:
        if on is None:
            return row
        seen: set[str] = set()
        stop = threading.Event()
        others = [threading.Thread(target=_crowd, args=(on.server, stop), daemon=True) for _ in range(CROWD)]
        for one in others:
            one.start()
        end = time.monotonic() + crowded
        while time.monotonic() < end or (not seen and time.monotonic() < end + SECONDS):
            if "429" in (problem := on.problem()) or "rejected" in problem:
                seen.add(problem)
            time.sleep(0.5)
        waiting = on.waiting()
        stop.set()
        for one in others:
            one.join()
        found = on.server.ask("GET", "/_nodes/stats/thread_pool,indexing_pressure")
        (node,) = found["nodes"].values()
        pressed = node["indexing_pressure"]["memory"]["total"]
        row.expect(bool(seen), "the sensor never met 429")
        on.goes_on()
        on.settle()
        row.note(
            f"the server refused {node['thread_pool']['write']['rejected']:,} requests of all writers for its queue, "
            f"{pressed['coordinating_rejections'] + pressed['primary_rejections']:,} for its memory; the status said "
            f"`{said_shortly(min(seen, default=''))}`; when the others left {waiting:,} rows waited"
        )
    return row


def _crowd(server: elastic_server.Server, stop: threading.Event) -> None:
    """Write small documents as fast as the server takes them."""
    body = b'{"index":{}}\n{"n":1}\n' * 100
    while not stop.is_set():
        with suppress(OSError):  # 429 is what this is for
            server.ask("POST", "/crowd/_bulk", body)


def mapping(folder: Path, _kills: int) -> Row:
    """A server whose template somebody narrowed: documents with one of the fields are refused."""
    narrow = OUTAGE / 10
    row = Row(
        f"Somebody narrows the index template of messages in a real Elasticsearch (no `ics.latency`, which answers "
        f"have) for {narrow:g} s, then takes that back, while frames flow"
    )
    with stage(row, folder) as on:
        if on is None:
            return row
        server = on.server
        on.feed.until(lambda: server.count(f"{MESSAGES}*") > 0)
        (own,) = server.ask("GET", f"/_index_template/{MESSAGES}@sentinel")["index_templates"]
        template = own["index_template"] | {"priority": 500}
        del template["template"]["mappings"]["properties"]["ics"]["properties"]["latency"]
        server.ask("PUT", "/_index_template/narrow", template)
        server.ask("POST", f"/{MESSAGES}/_rollover")
        refused: Callable[[], int] = lambda: sum(one["refused"] for one in on.feed.status().get("sinks", ()))  # noqa: E731
        on.feed.until(lambda: refused() > 0)
        watch = Watch(on.feed)
        watch.wait(narrow)
        row.expect(not on.problem(), f"it is taken for a receiver that is away: {on.problem()}")
        server.ask("DELETE", "/_index_template/narrow")
        server.ask("POST", f"/{MESSAGES}/_rollover")
        arrived = on.arrived()
        on.feed.until(lambda: on.arrived() > arrived + 1000)
        on.settle(refuses=True)
        # the status is seconds old on a busy machine: the last messages tell
        last = max(on.refused_messages)
        row.expect(
            sum(number > last for number in on.stored_messages) > 100, "documents are refused though that was mended"
        )
    return row


def said_shortly(sentence: str) -> str:
    """The sentence without the receiver, and what of it fits into a cell."""
    return " ".join(sentence.partition(": ")[2].split())[:200]


def documents(server: elastic_server.Server, table: str) -> tuple[list[str], list[int]]:
    """The ids of all documents of a table, and the numbers that its rows had, both in the order of their arrival."""
    stream = f"logs-ics.{table}-faults"
    if not server.count(f"{stream}*"):
        return [], []
    column = next((column for column in schema.TABLES[table].columns if column.name == "message"), None)
    number = ".".join(path_of(table, column)) if column is not None else ""
    ids: list[str] = []
    order: list[int] = []
    after: list[Any] = []
    while True:
        asked: dict[str, Any] = {
            "size": 5000, "sort": [{"_index": "asc"}, {"_seq_no": "asc"}], "_source": [number] if number else False,
        }  # fmt: skip
        if after:
            asked["search_after"] = after
        hits = server.ask("POST", f"/{stream}/_search", asked)["hits"]["hits"]
        if not hits:
            return ids, order
        ids += [hit["_id"] for hit in hits]
        for hit in hits:
            at: Any = hit.get("_source", {})
            for part in number.split(".") if number else ():
                at = at[part]
            if number:
                order.append(at)
        after = hits[-1]["sort"]


FAULTS: dict[str, Callable[[Path, int], Row]] = {
    "cluster": cluster, "watermark": watermark, "busy": busy, "mapping": mapping,
}  # fmt: skip
