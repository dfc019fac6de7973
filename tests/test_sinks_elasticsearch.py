"""The sink of Elasticsearch: against a real server where there can be one, against a loopback one for odd answers."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import elastic_server
import polars as pl
import pytest
from conftest import core_is_compiled
from store_rows import SHA_A, alert, messages
from waiting import PATIENCE, until

from sentinel import pipeline, schema
from sentinel.errors import SinkError
from sentinel.rules import fields as rule_fields
from sentinel.sinks import deliver, documents, elasticsearch
from sentinel.sinks.base import Sent, Unavailable, open_sink, parse
from sentinel.sinks.deliver import Courier
from sentinel.sinks.documents import Document
from sentinel.store.case import Case
from sentinel.store.outbox import OFFERED, Outbox

pytest.importorskip("elasticsearch")
ROOT = Path(__file__).resolve().parents[1]
MANY = 8_000


def why_no_server() -> str:
    """One leg is enough for tests of a minute: the compiled one, or the one that names a server's zip."""
    if not core_is_compiled() and "SENTINEL_ES_ZIP" not in elastic_server.os.environ:
        return "the server is started on the compiled leg"
    return elastic_server.why_not()


@pytest.fixture(scope="module")
def server() -> Iterator[elastic_server.Server]:
    """A running server, thrown away at the end."""
    if reason := why_no_server():
        pytest.skip(f"no Elasticsearch: {reason}")
    try:
        made = elastic_server.Server()
    except OSError as error:
        pytest.skip(f"no Elasticsearch: {error}")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def plant(tmp_path_factory) -> Path:
    """A case with messages of several protocols, points, facts, assets and alerts."""
    case = tmp_path_factory.mktemp("plant") / "case"
    pipeline.analyze(sorted((ROOT / "pcaps").glob("*-attack.pcap*"))[:3], case)
    return case


@pytest.fixture
def large(tmp_path) -> Path:
    """A case with MANY messages and one alert."""
    folder = tmp_path / "large"
    with Case.open(folder) as case, case.begin_run([{"sha256": SHA_A, "path": "/x/a.pcap"}]) as run:
        rows = messages(run, MANY).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("frame"))
        run.write("messages", rows)
        run.finish([dict(capture) for capture in run.captures], [], [], [alert("a")], {})
    return folder


def delivered(case: Path, uri: str, **options: Any) -> Courier:
    """A courier that ran to its end."""
    courier = Courier(case, uri, **options)
    courier.start()
    courier.join(PATIENCE)
    assert not courier.is_alive()
    return courier


def rows_of(case: Path) -> dict[str, int]:
    with Case.open(case, "read") as opened:
        return {table: opened.scan(table).select(pl.len()).collect().item() for table in OFFERED}


# -- a real server ----------------------------------------------------------------------------------------------


def test_everything_of_a_case_arrives_once_and_the_sums_agree(server, plant) -> None:
    uri = f"{server.uri}&namespace=plant"
    courier = delivered(plant, uri)
    assert courier.error is None
    rows = rows_of(plant)
    assert sum(rows.values()) > 1000
    assert {table: n.sent for table, n in courier.state.counts.items()} == {t: rows[t] for t in courier.state.counts}
    assert {n.total - n.sent for n in courier.state.counts.values()} == {0}
    stored = {table: server.count(f"logs-ics.{table}-plant") for table, n in rows.items() if n}
    assert stored == {table: n for table, n in rows.items() if n}
    assert "no index lifecycle management" in str(courier.state.remark)  # this distribution has none
    again = delivered(plant, f"{uri}&name=somebody-else")
    assert again.error is None
    assert server.count("logs-ics.*-plant") == sum(rows.values())


def test_an_alert_is_stored_as_ecs_says(server, plant) -> None:
    delivered(plant, f"{server.uri}&namespace=ecs&tables=alerts", observer="tap-1")
    server.count("logs-ics.alerts-ecs")
    query = {
        "query": {"bool": {"filter": [{"term": {"event.kind": "alert"}}, {"range": {"event.severity": {"gte": 73}}}]}}
    }
    found = server.ask("POST", "/logs-ics.alerts-ecs/_search?size=1", query)["hits"]["hits"][0]["_source"]
    assert found["observer"]["name"] == "tap-1"
    assert found["log"]["level"] in ("high", "critical")
    assert found["data_stream"] == {"type": "logs", "dataset": "ics.alerts", "namespace": "ecs"}
    assert found["rule"]["name"]


def test_a_changed_alert_is_a_new_version_and_everything_else_is_not_sent_again(server, large) -> None:
    uri = f"{server.uri}&namespace=versions&tables=alerts"
    assert delivered(large, uri).state.counts["alerts"].sent == 1
    with Case.open(large) as case:
        case.set_alert_state("a", "acknowledged", "known", "me")
    assert delivered(large, uri).state.counts["alerts"].sent == 2
    assert delivered(large, uri).state.counts["alerts"].sent == 2
    server.count("logs-ics.alerts-versions")
    found = server.ask("GET", "/logs-ics.alerts-versions/_search")["hits"]["hits"]
    assert {hit["_source"]["event"]["id"] for hit in found} == {"a"}
    assert {hit["_source"]["ics"]["alerts"]["state"] for hit in found} == {"open", "acknowledged"}


def test_what_the_mapping_refuses_is_kept_with_the_reason(server, large, monkeypatch) -> None:
    make = documents.Writer.documents

    def odd(self: documents.Writer, offer: Any) -> list[Document]:
        found = make(self, offer)
        for document in found[::100]:
            document.body["surprise"] = 1
        return found

    monkeypatch.setattr(documents.Writer, "documents", odd)
    courier = delivered(large, f"{server.uri}&namespace=odd&tables=messages")
    counts = courier.state.counts["messages"]
    assert (counts.sent, counts.refused, counts.waiting) == (MANY - MANY // 100, MANY // 100, 0)
    assert courier.state.refused == MANY // 100
    with Case.open(large, "read") as case, Outbox(case, courier.state.receiver) as outbox:
        refused = outbox.refused(3)
    assert "strict_dynamic_mapping_exception" in refused[0]["reason"]
    assert refused[0]["document"]["surprise"] == 1


def test_a_column_that_changed_its_type_goes_on_in_a_new_index(server, large, monkeypatch) -> None:
    uri = f"{server.uri}&namespace=types&tables=alerts"
    with monkeypatch.context() as patch:
        patch.setitem(elasticsearch._TYPES, "ip", {"type": "keyword"})  # an older version
        delivered(large, f"{uri}&name=older")
    assert delivered(large, f"{uri}&name=newer").error is None
    with Case.open(large) as case:
        case.set_alert_state("a", "acknowledged", "known", "me")
    assert delivered(large, f"{uri}&name=newer").error is None
    found = server.ask("GET", "/logs-ics.alerts-types/_mapping")
    types = [one["mappings"]["properties"]["source"]["properties"]["ip"]["type"] for _, one in sorted(found.items())]
    assert types == ["keyword", "ip"]


def test_indices_that_a_full_disk_made_read_only_are_waited_for(server, large, monkeypatch) -> None:
    monkeypatch.setattr(elasticsearch, "SLOW_DOWN", 0.1)
    uri = f"{server.uri}&namespace=full&tables=alerts,messages"
    delivered(large, f"{uri}&name=first")
    block = {"index.blocks.read_only_allow_delete": True}
    server.ask("PUT", "/logs-ics.messages-full/_settings", block)
    with Case.open(large) as case, case.begin_run([{"sha256": "f" * 64, "path": "/x/b.pcap"}]) as run:
        run.write("messages", messages(run, 500).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("frame")))
        run.finish([dict(capture) for capture in run.captures], [], [], [], {})
    courier = Courier(large, f"{uri}&name=first", follow=True)
    courier.start()
    until(lambda: courier.state.problem is not None)
    assert "read-only" in str(courier.state.problem)
    assert "FORBIDDEN" in str(courier.state.problem) or "TOO_MANY_REQUESTS" in str(courier.state.problem)
    server.ask("PUT", "/logs-ics.messages-full/_settings", {"index.blocks.read_only_allow_delete": None})
    until(lambda: courier.state.problem is None)
    until(lambda: server.count("logs-ics.messages-full") == MANY + 500)
    courier.stop()
    courier.join(PATIENCE)
    assert courier.state.counts["messages"].sent == MANY + 500


def test_a_certificate_that_nobody_vouches_for_is_one_sentence(server, large, tmp_path) -> None:
    stranger = elastic_server.certificate(tmp_path, "stranger")
    uri = server.uri.replace(str(server.ca), str(stranger))
    courier = delivered(large, uri, patience=0)
    assert isinstance(courier.error, Unavailable)
    assert "the server's certificate is not trusted" in str(courier.error)
    assert "\n" not in str(courier.error)
    assert courier.state.counts["messages"].waiting == MANY


def test_a_wrong_password_is_one_sentence_at_once(server, large, tmp_path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n")
    uri = server.uri.replace(str(server.folder / "password"), str(wrong))
    courier = delivered(large, uri)
    assert "the key or password is not accepted" in str(courier.error)
    assert not isinstance(courier.error, Unavailable)


def test_the_fingerprint_of_the_certificate_does_for_its_signer(server, large) -> None:
    import hashlib
    import ssl

    der = ssl.PEM_cert_to_DER_cert(server.ca.read_text())
    uri = server.uri.replace(f"ca_certs={server.ca}", f"fingerprint={hashlib.sha256(der).hexdigest()}")
    assert delivered(large, f"{uri}&tables=alerts&namespace=finger").error is None


def test_rules_converted_by_pysigma_find_the_same_messages(server, plant) -> None:
    """What the rule engine and a Lucene query say about the same case, rule by rule."""
    backend = pytest.importorskip("sigma.backends.elasticsearch")
    from sigma.collection import SigmaCollection
    from sigma.rule import SigmaRule

    delivered(plant, f"{server.uri}&namespace=plant&tables=messages,flows")
    server.count("logs-ics.messages-plant")
    files = sorted((ROOT / "rulesets/sigma").rglob("*.yml"))
    collection = SigmaCollection.load_ruleset(files)
    with Case.open(plant, "read") as case:
        alerts = case.alerts()
    matched = 0
    for rule in collection.rules:
        if not isinstance(rule, SigmaRule) or rule.logsource.category not in rule_fields.CATEGORIES:
            continue
        table = rule_fields.CATEGORIES[rule.logsource.category]
        if table not in ("messages", "flows"):
            continue
        rule._output = True  # also of a rule that only counts in a correlation
        (query,) = backend.LuceneBackend().convert_rule(rule)
        if rule.logsource.service:
            query = f"({query}) AND network.protocol:{rule.logsource.service}"
        body = {"query": {"query_string": {"query": query, "analyze_wildcard": True}}}
        stored = server.ask("POST", f"/logs-ics.{table}-plant/_count", body)["count"]
        own = alerts.filter(pl.col("rule") == str(rule.id))["count"].sum()
        if own:  # a rule that only counts in a correlation makes no alert of its own
            matched += 1
            assert stored == own, rule.name
    assert matched >= 5


def test_the_panels_of_the_dashboard_show_the_numbers_of_the_case(server, plant) -> None:
    """Each panel's own query and aggregations, asked of the server; what it answers, counted in the case."""
    delivered(plant, f"{server.uri}&namespace=plant")
    server.count("logs-ics.*-plant")
    compared = 0
    for line in (ROOT / "rulesets/kibana/sentinel.ndjson").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["type"] != "visualization":
            continue
        table = one["references"][0]["id"].removeprefix("sentinel-ics-")
        columns = {}
        for column in schema.TABLES[table].columns:
            path = documents.path_of(table, column)
            columns[f"{path[0]}.address" if column.ecs in documents._ADDRESSES else ".".join(path)] = column.name
        with Case.open(plant, "read") as case:
            rows = case.scan(table).collect()
        if not rows.height:
            continue
        query, words = asked_by(one)
        if words:
            rows = rows.filter(pl.col(columns[query]).cast(pl.String).is_in(words))
        parts = json.loads(one["attributes"]["visState"])["aggs"]
        (metric,) = [part for part in parts if part["schema"] == "metric"]
        counted = {"n": {"cardinality": {**metric["params"], "precision_threshold": 40000}}} if metric["params"] else {}
        value = pl.col(columns[metric["params"]["field"]]).n_unique() if counted else pl.len()
        body: dict[str, Any] = {"size": 0, "track_total_hits": True, "aggs": dict(counted)}
        if words:
            body["query"] = {"terms": {query: words}}
        for part in parts:
            if part["type"] == "terms":
                field, size = part["params"]["field"], part["params"]["size"]
                body["aggs"][part["id"]] = {"terms": {"field": field, "size": size}, "aggs": counted}
        answer = server.ask("POST", f"/logs-ics.{table}-plant/_search", body)
        assert answer["_shards"]["failed"] == 0
        assert answer["hits"]["total"]["value"] == rows.height, one["id"]
        if counted:
            assert answer["aggregations"]["n"]["value"] == rows.select(value).item(), one["id"]
        for part in parts:
            if part["type"] != "terms":
                continue
            column = columns[part["params"]["field"]]
            groups = rows.with_columns(pl.col(column).cast(pl.String))
            if column == "techniques":
                groups = groups.with_columns(pl.col(column).str.json_decode(pl.List(pl.String))).explode(column)
            groups = groups.filter(pl.col(column).is_not_null() & (pl.col(column) != ""))
            expected = dict(groups.group_by(column).agg(value).iter_rows())
            found = {
                str(bucket["key"]): bucket["n"]["value"] if counted else bucket["doc_count"]
                for bucket in answer["aggregations"][part["id"]]["buckets"]
            }
            assert len(found) == min(part["params"]["size"], len(expected)), (one["id"], column)
            assert found == {key: expected[key] for key in found}, (one["id"], column)
            compared += 1
    assert compared >= 10


def asked_by(panel: dict[str, Any]) -> tuple[str, list[str]]:
    """Field and words of a panel's query; the only form that ours have is `field: ("a" or "b")`."""
    source = json.loads(panel["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    text = source["query"]["query"]
    assert source["query"]["language"] == "kuery" and source["filter"] == []
    if not text:
        return "", []
    match = re.fullmatch(r'([a-z_.]+): \(("[a-z]+"(?: or "[a-z]+")*)\)', text)
    assert match, text
    return match[1], re.findall(r'"([a-z]+)"', match[2])


def test_killed_in_the_middle_and_short_of_memory_nothing_is_lost_or_doubled(server, large, monkeypatch) -> None:
    """Last, because it restarts the server: with little memory for requests, so that it answers 429 to large ones."""
    monkeypatch.setattr(elasticsearch, "SLOW_DOWN", 0.1)
    monkeypatch.setattr(deliver, "LONGEST_WAIT", 1.0)
    monkeypatch.setattr(elasticsearch.Elasticsearch, "BATCH", 250)
    uri = f"{server.uri}&namespace=killed&tables=alerts,messages"
    sending, killed, requests, send = threading.Event(), threading.Event(), count(1), elasticsearch.Elasticsearch.send

    def held(self: elasticsearch.Elasticsearch, wanted: Sequence[Document]) -> Sent:
        """One request may meet the kill; the courier, which is faster than a busy test, begins no other before it."""
        number = next(requests)
        if number == 5:
            sending.set()
        elif number > 5:
            assert killed.wait(PATIENCE)
        return send(self, wanted)

    monkeypatch.setattr(elasticsearch.Elasticsearch, "send", held)
    courier = Courier(large, uri, follow=True)
    courier.start()
    assert sending.wait(PATIENCE)
    server.kill()
    killed.set()
    until(lambda: courier.state.problem is not None)
    assert "cannot be reached" in str(courier.state.problem)
    late = Courier(large, f"{uri}&name=late&timeout=20", follow=True)  # unreachable when it starts
    late.start()
    until(lambda: late.state.problem is not None)
    monkeypatch.setattr(elasticsearch.Elasticsearch, "BATCH", 1000)
    seen: list[str] = []
    monkeypatch.setattr(Unavailable, "after", _noting(seen))
    server.start("indexing_pressure.memory.limit: 400kb")
    until(lambda: courier.state.problem is None and late.state.problem is None)
    for one in (courier, late):
        until(lambda one=one: one.is_alive() and _left(large, one) == 0)
        one.stop()
        one.join(PATIENCE)
        counts = one.state.counts["messages"]
        assert (counts.sent, counts.refused, counts.waiting) == (MANY, 0, 0)
    assert server.count("logs-ics.messages-killed") == MANY
    assert server.count("logs-ics.alerts-killed") == 1
    assert any("429" in text or "es_rejected_execution" in text for text in seen)


def _noting(seen: list[str]) -> Callable[..., Unavailable]:
    after = Unavailable.after

    def noted(self: Unavailable, seconds: float | None) -> Unavailable:
        seen.append(str(self))
        return after(self, seconds)

    return noted


def _left(case: Path, courier: Courier) -> int:
    with Case.open(case, "read") as opened, Outbox(opened, courier.state.receiver, look_only=True) as outbox:
        return outbox.counts()["messages"].waiting


# -- a loopback server that answers as it is told ---------------------------------------------------------------


class Odd(BaseHTTPRequestHandler):
    """Answers bulk requests from a list, everything else with success; keeps what it was asked."""

    answers: list[tuple[int, dict[str, str], Any]] = []
    asked: list[tuple[str, dict[str, str], bytes]] = []
    policy = True
    """Whether there is a lifecycle policy already."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        type(self).asked.append((self.path, dict(self.headers), body))
        status, headers, said = (200, {}, {"acknowledged": True})
        if self.command == "GET" and "_ilm" in self.path and not type(self).policy:
            # as the documentation of the API has it
            cause = {"type": "resource_not_found_exception", "reason": "Lifecycle policy not found: sentinel-ics"}
            status, said = 404, {"error": {"root_cause": [cause], **cause}, "status": 404}
        if "_bulk" in self.path:
            status, headers, said = type(self).answers.pop(0) if type(self).answers else (200, {}, {"errors": False})
        data = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {
            "X-Elastic-Product": "Elasticsearch",
            "Content-Type": "application/json",
            **headers,
        }.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = _answer

    def log_message(self, *_args: Any) -> None:
        """Nothing."""


@pytest.fixture
def odd() -> Iterator[tuple[type[Odd], str]]:
    """The handler's class of its own, and the URI of the sink."""
    kind = type("Own", (Odd,), {"answers": [], "asked": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield kind, f"elasticsearch+http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


def document(number: int, size: int = 10) -> Document:
    body = {"@timestamp": documents.moment(number), "message": "x" * size}
    return Document(f"{number:032x}", "alerts", body, {})


def item(status: int, kind: str = "", reason: str = "") -> dict[str, Any]:
    return {"create": {"status": status, "error": {"type": kind, "reason": reason}}}


def test_an_overloaded_cluster_is_left_alone_for_as_long_as_it_asks(odd) -> None:
    kind, uri = odd
    kind.answers.append((429, {"Retry-After": "17"}, {"error": {"type": "es_rejected_execution_exception"}}))
    sink = open_sink(parse(uri))
    with pytest.raises(Unavailable) as caught:
        sink.send([document(1)])
    assert caught.value.retry_after == 17
    assert sink.send([document(1)]).accepted == 1


def test_one_document_that_must_wait_makes_all_of_them_come_again(odd) -> None:
    kind, uri = odd
    items = [item(201), item(409), item(429, "es_rejected_execution_exception", "full")]
    kind.answers.append((200, {}, {"errors": True, "items": items}))
    with pytest.raises(Unavailable, match="full"):
        open_sink(parse(uri)).send([document(n) for n in range(3)])


def test_what_was_taken_of_a_batch_is_not_sent_again(odd) -> None:
    kind, uri = odd
    full = item(429, "es_rejected_execution_exception", "full")
    items = [item(201), item(400, "mapper_parsing_exception", "no"), full]
    kind.answers.append((200, {}, {"errors": True, "items": items}))
    sink = open_sink(parse(uri))
    batch = [document(n) for n in range(4)]
    with pytest.raises(Unavailable, match="full") as caught:
        sink.send(batch[:3])
    assert caught.value.progressed and caught.value.retry_after is None and not caught.value.of_table
    sent = sink.send(batch)
    assert (sent.accepted, [id_ for id_, _, _ in sent.refused]) == (3, [batch[1].id])
    path, _, body = kind.asked[-1]
    actions = [json.loads(line)["create"]["_id"] for line in body.splitlines()[::2]]
    assert "_bulk" in path and actions == [batch[2].id, batch[3].id]


@pytest.mark.parametrize(
    ("status", "why", "of_table"),
    [(429, "cluster_block_exception", True), (503, "unavailable_shards_exception", True),
     (404, "index_not_found_exception", True), (429, "es_rejected_execution_exception", False),
     (502, "bad_gateway", False)],
)  # fmt: skip
def test_an_index_that_takes_nothing_is_not_the_whole_cluster(odd, status: int, why: str, of_table: bool) -> None:
    kind, uri = odd
    kind.answers.append((200, {}, {"errors": True, "items": [item(status, why, "for now")]}))
    with pytest.raises(Unavailable, match="for now") as caught:
        open_sink(parse(uri)).send([document(1)])
    assert caught.value.of_table is of_table and not caught.value.progressed
    assert caught.value.retry_after == elasticsearch.SLOW_DOWN


def test_a_document_that_is_there_already_counts_as_sent(odd) -> None:
    kind, uri = odd
    kind.answers.append((200, {}, {"errors": True, "items": [item(409), item(400, "mapper_parsing_exception", "no")]}))
    sent = open_sink(parse(uri)).send([document(1), document(2)])
    assert sent.accepted == 1
    assert [(id_[-1], reason) for id_, reason, _ in sent.refused] == [("2", "mapper_parsing_exception: no")]


def test_what_is_too_large_is_sent_in_halves_and_refused_alone(odd) -> None:
    kind, uri = odd
    too_large = (413, {}, {"error": {"type": "too_large"}})
    kind.answers += [too_large, (200, {}, {"errors": False}), too_large]
    sent = open_sink(parse(uri)).send([document(1), document(2)])
    assert sent.accepted == 1
    assert "413" in sent.refused[0][1]


def test_a_lifecycle_policy_is_put_where_there_is_none_and_named_by_the_templates(odd) -> None:
    """Against answers as documented: the server of the other tests has no index lifecycle management."""
    kind, uri = odd
    kind.policy = False
    sink = open_sink(parse(f"{uri}?retention=90d"))
    assert sink.send([document(1)]).accepted == 1
    (put,) = [body for path, _, body in kind.asked if path.startswith("/_ilm/policy/sentinel-ics") and body]
    assert json.loads(put) == {
        "policy": {
            "phases": {
                "hot": {"actions": {"rollover": {"max_primary_shard_size": "50gb", "max_age": "30d"}}},
                "delete": {"min_age": "7776000s", "actions": {"delete": {}}},
            }
        }
    }
    (template,) = [json.loads(body) for path, _, body in kind.asked if path.startswith("/_index_template/")]
    assert template["template"]["settings"]["index.lifecycle.name"] == "sentinel-ics"
    assert template["data_stream"] == {} and sink.remark is None


def test_a_policy_of_that_name_is_left_as_it_is(odd) -> None:
    kind, uri = odd
    assert open_sink(parse(uri)).send([document(1)]).accepted == 1
    assert [body for path, _, body in kind.asked if "_ilm" in path and body] == []
    kind.asked.clear()
    assert open_sink(parse(f"{uri}?ilm=off")).send([document(1)]).accepted == 1
    assert [path for path, _, _ in kind.asked if "_ilm" in path] == []


def test_a_key_comes_from_a_file_and_goes_into_the_header_alone(odd, tmp_path, monkeypatch) -> None:
    kind, uri = odd
    (tmp_path / "key").write_text("c2VjcmV0\n")
    open_sink(parse(f"{uri}?api_key_file={tmp_path / 'key'}")).send([document(1)])
    assert {headers["authorization"] for _, headers, _ in kind.asked} == {"ApiKey c2VjcmV0"}
    monkeypatch.setenv("SENTINEL_ES_API_KEY", "b3RoZXI=")
    open_sink(parse(uri)).send([document(1)])
    assert kind.asked[-1][1]["authorization"] == "ApiKey b3RoZXI="
    assert not any(b"c2VjcmV0" in body or "c2VjcmV0" in path for path, _, body in kind.asked)


def test_a_key_that_is_not_accepted_is_no_reason_to_wait(odd) -> None:
    kind, uri = odd
    kind.answers.append((401, {}, {"error": {"type": "security_exception", "reason": "no"}}))
    with pytest.raises(SinkError, match="is not accepted") as caught:
        open_sink(parse(uri)).send([document(1)])
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("?ca_certs=/no/such/file", "cannot be read"),
        ("?namespace=A-b", "small letters"),
        ("?fingerprint=abc", "no SHA-256"),
        ("?user=me", "without a password"),
        ("?api_key=secret", "no option api_key;"),
        ("?replicas=many", "is no number"),
    ],
)
def test_what_is_wrong_with_a_uri_is_said_before_anything_starts(options, why) -> None:
    with pytest.raises(SinkError, match=why) as caught:
        open_sink(parse(f"elasticsearch+https://127.0.0.1:9{options}"))
    assert "secret" not in str(caught.value)


def test_a_certificate_file_that_holds_none_is_one_sentence(tmp_path) -> None:
    (tmp_path / "ca.pem").write_text("hello\n")
    with pytest.raises(SinkError, match="holds no certificate"):
        open_sink(parse(f"elasticsearch+https://127.0.0.1:9?ca_certs={tmp_path / 'ca.pem'}"))


def test_the_mapping_is_strict_and_knows_every_field_of_every_table() -> None:
    for table in (*OFFERED, documents.HELD):
        found = elasticsearch.mapping(table, {"modbus": {"umas_function": "u8"}})
        assert found["dynamic"] == "strict"
        assert found["properties"]["@timestamp"] == {"type": "date_nanos"}
    assert elasticsearch.mapping("messages", {"m": {"a": "u8"}})["properties"]["ics"]["properties"]["m"] == {
        "properties": {"a": {"type": "long"}}
    }
