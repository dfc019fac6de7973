"""Kafka: against a producer that does as it is told, and against a real broker where SENTINEL_KAFKA names one.

A broker on loopback, from Maven Central alone (`org.apache.kafka:kafka_2.13` and what it depends on, then
`kafka.tools.StorageTool format` and `kafka.Kafka`), is how the second test was run.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import pytest
from sink_documents import alerts, an_alert

from sentinel.errors import SinkError
from sentinel.sinks.base import Target, Unavailable, open_sink, parse
from sentinel.sinks.kafka import Kafka

kafka = pytest.importorskip("kafka")
BROKER = os.environ.get("SENTINEL_KAFKA", "")


class Future:
    def __init__(self, outcome: BaseException | None) -> None:
        self.outcome = outcome

    def get(self, timeout: float) -> None:
        if self.outcome is not None:
            raise self.outcome


class Producer:
    """Keeps what it was given; `outcomes` by number of the record."""

    def __init__(self, **outcomes: BaseException) -> None:
        self.outcomes = outcomes
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.closed = False

    def send(self, topic: str, **record: Any) -> Future:
        self.records.append((topic, record))
        return Future(self.outcomes.get(f"n{len(self.records)}"))

    def flush(self, timeout: float) -> None:
        """Nothing waits."""

    def close(self, timeout: float) -> None:
        self.closed = True


def sink(producer: Any) -> Kafka:
    return Kafka(Target("kafka", "h", 9092, "/sentinel"), lambda: producer, "sentinel", 1)


def test_a_record_is_a_document_with_its_id_and_the_sensor_as_key(tmp_path) -> None:
    producer = Producer()
    documents = alerts(tmp_path / "c")
    assert sink(producer).send(documents).accepted == 1
    ((topic, record),) = producer.records
    assert topic == "sentinel.alerts"
    assert record["key"] == b"tap-1"
    assert record["headers"] == [("id", documents[0].id.encode())]
    assert json.loads(record["value"])["rule"]["name"] == "plc_stop"


def test_a_record_that_is_too_large_is_refused_alone(tmp_path) -> None:
    producer = Producer(n2=kafka.errors.MessageSizeTooLargeError("big"))
    sent = sink(producer).send(alerts(tmp_path / "c", an_alert("a"), an_alert("b"), an_alert("c")))
    assert sent.accepted == 2
    assert "MessageSizeTooLarge" in sent.refused[0][1]


def test_a_record_that_nobody_confirmed_makes_all_of_them_come_again(tmp_path) -> None:
    producer = Producer(n1=kafka.errors.KafkaTimeoutError("late"))
    one = sink(producer)
    with pytest.raises(Unavailable, match="late"):
        one.send(alerts(tmp_path / "c"))
    assert producer.closed


def test_no_permission_is_no_reason_to_wait(tmp_path) -> None:
    with pytest.raises(SinkError, match="not permitted") as caught:
        sink(Producer(n1=kafka.errors.TopicAuthorizationFailedError("no"))).send(alerts(tmp_path / "c"))
    assert not isinstance(caught.value, Unavailable)


def test_a_broker_that_is_away_is_one_sentence(tmp_path, closed_port) -> None:
    with pytest.raises(Unavailable, match="takes nothing now|cannot be reached"):
        open_sink(parse(f"kafka://127.0.0.1:{closed_port}?timeout=1")).send(alerts(tmp_path / "c"))


@pytest.mark.parametrize(("more", "why"), [("/a b", "no name of a topic"), ("?user=me", "without a password")])
def test_what_is_wrong_with_a_uri(more, why, monkeypatch) -> None:
    monkeypatch.delenv("SENTINEL_KAFKA_PASSWORD", raising=False)
    with pytest.raises(SinkError, match=why):
        open_sink(parse(f"kafka://127.0.0.1:9092{more}"))


@pytest.mark.skipif(not BROKER, reason="SENTINEL_KAFKA names no broker (HOST:PORT)")
def test_a_real_broker_has_every_record_in_order(tmp_path) -> None:
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    documents = alerts(tmp_path / "c", *(an_alert(f"{n:03}") for n in range(100)))
    one = open_sink(parse(f"kafka://{BROKER}/{prefix}?timeout=20"))
    assert one.send(documents).accepted == 100
    one.close()
    consumer = kafka.KafkaConsumer(
        f"{prefix}.alerts", bootstrap_servers=BROKER, auto_offset_reset="earliest", consumer_timeout_ms=5000
    )
    assert [dict(record.headers)["id"].decode() for record in consumer] == [d.id for d in documents]
    consumer.close()
