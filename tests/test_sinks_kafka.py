"""Kafka: against a producer that does as it is told, and against a real broker where there can be one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import kafka_broker
import pytest
from conftest import core_is_compiled
from sink_documents import a_case, alerts, an_alert, of
from waiting import PATIENCE, until

from sentinel.errors import SinkError
from sentinel.sinks import deliver
from sentinel.sinks.base import Target, Unavailable, open_sink, parse
from sentinel.sinks.deliver import Courier
from sentinel.sinks.kafka import Kafka

kafka = pytest.importorskip("kafka")
MANY = 4_000


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


def test_a_producer_that_cannot_be_closed_at_once_ends_all_the_same(tmp_path) -> None:
    producer = Producer(n1=kafka.errors.KafkaTimeoutError("late"))
    producer._sender = Mock()

    def close(timeout: float) -> None:
        raise kafka.errors.KafkaTimeoutError("records wait")

    producer.close = close
    with pytest.raises(Unavailable, match="late"):
        sink(producer).send(alerts(tmp_path / "c"))
    producer._sender.force_close.assert_called_once_with()


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


# -- a real broker ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broker() -> Iterator[kafka_broker.Broker]:
    """A running broker, thrown away at the end. One leg is enough: the compiled one, or one that names its jars."""
    if not core_is_compiled() and "SENTINEL_KAFKA_JARS" not in kafka_broker.os.environ:
        pytest.skip("no Kafka: the broker is started on the compiled leg")
    if reason := kafka_broker.why_not():
        pytest.skip(f"no Kafka: {reason}")
    try:
        made = kafka_broker.Broker()
    except OSError as error:
        pytest.skip(f"no Kafka: {error}")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def ids_of(broker: kafka_broker.Broker, topic: str, enough: int) -> list[str]:
    """The ids of the records of a topic from its beginning, read until so many different ones were seen."""
    found: list[str] = []
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=broker.address, auto_offset_reset="earliest")

    def look() -> bool:
        for records in consumer.poll(timeout_ms=500).values():
            found.extend(dict(record.headers)["id"].decode() for record in records)
        return len(set(found)) >= enough

    until(look)
    consumer.close()
    return found


def test_a_real_broker_has_every_record_in_order(broker, tmp_path) -> None:
    documents = alerts(tmp_path / "c", *(an_alert(f"{n:03}") for n in range(100)))
    one = open_sink(parse(f"kafka://{broker.address}/order?timeout=60"))
    assert one.send(documents).accepted == 100
    one.close()
    assert ids_of(broker, "order.alerts", 100) == [document.id for document in documents]


def test_a_broker_that_is_killed_and_comes_back_has_every_row(broker, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(deliver, "LONGEST_WAIT", 1.0)
    case = a_case(tmp_path / "case", MANY)
    uri = f"kafka://{broker.address}/killed?timeout=10&tables=messages"
    sent = Courier(case, uri, patience=5 * PATIENCE)
    send, calls, killed = sent._sink.send, count(), threading.Event()

    def send_once_and_kill(documents: Any) -> Any:
        if next(calls) == 1:
            broker.kill()
            killed.set()
        return send(documents)

    monkeypatch.setattr(sent._sink, "send", send_once_and_kill)
    sent.start()
    until(lambda: killed.is_set() and sent.state.failures > 0)
    broker.start()
    sent.join(5 * PATIENCE)
    assert not sent.is_alive() and sent.error is None
    counts = sent.state.counts["messages"]
    assert counts.sent == counts.total == MANY and counts.refused == 0
    found = ids_of(broker, "killed.messages", MANY)
    # what the broker had but did not confirm comes again, under the same id; the order stays
    assert len(set(found)) == MANY and list(dict.fromkeys(found)) == ids_in_order(case)


def ids_in_order(case: Path) -> list[str]:
    """The ids of the messages of a case as its documents have them."""
    return [document.id for document in of(case, "messages")]
