"""`kafka://HOST:9092/PREFIX` or `kafka+ssl://`: one topic a table, `<PREFIX>.<table>` (PREFIX: `sentinel`).

Each document is a JSON record with its id as a header; the key is the name of the sensor, so that the rows of a table
of one sensor stay in order. All replicas must have a record before it counts, and the producer is idempotent.

    servers=B:9092,C:9092      more brokers to ask for the cluster
    user=NAME, password_file=  SASL (also password_env=NAME, or the variable SENTINEL_KAFKA_PASSWORD)
    sasl=PLAIN                 or SCRAM-SHA-256, SCRAM-SHA-512
    timeout=30                 seconds until records that nobody confirmed are sent again
    ca_certs=, client_cert=, client_key=     as everywhere, for TLS
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sentinel.errors import SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable, missing
from sentinel.sinks.documents import Document
from sentinel.store.outbox import OFFERED

SCHEMES = ("kafka", "kafka+ssl")
MAX_RECORD = 1 << 20
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,200}")


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; MissingExtra without the client, SinkError for a bad option or certificate file."""
    host, port = target.address(9092)
    prefix = target.path.strip("/") or "sentinel"
    if not _PREFIX.fullmatch(prefix):
        raise SinkError("{uri}: {value} is no name of a topic.", uri=target.name, value=prefix)
    more = [server.strip() for server in target.text("servers").split(",") if server.strip()]
    timeout = target.seconds("timeout", 30, 1, 600)
    secure = target.scheme.endswith("ssl")
    context = target.tls(secure)
    user = target.text("user")
    password = target.secret("password", "SENTINEL_KAFKA_PASSWORD")
    mechanism = target.choice("sasl", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), "PLAIN")
    if user and password is None:
        raise SinkError(
            "{uri}: user={user} without a password; give password_file= or set {variable}.", uri=target.name, user=user,
            variable="SENTINEL_KAFKA_PASSWORD",
        )  # fmt: skip
    try:
        import kafka
    except ImportError as error:
        raise missing(target, "kafka-python") from error
    # the client tells of every try to reach a broker; whoever delivers tells of the first
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {
        "bootstrap_servers": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}", *more],
        "security_protocol": ("SASL_" if user else "") + ("SSL" if secure else "PLAINTEXT"),
        "acks": "all", "enable_idempotence": True, "client_id": "sentinel", "linger_ms": 5,
        "max_request_size": MAX_RECORD, "max_block_ms": timeout * 1000, "delivery_timeout_ms": timeout * 1000,
        "request_timeout_ms": max(1000, timeout * 1000 - 1000), "bootstrap_timeout_ms": timeout * 1000,
    }  # fmt: skip
    if secure:
        options["ssl_context"] = context
    if user:
        options |= {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": password}
    return Kafka(target, lambda: kafka.KafkaProducer(**options), prefix, timeout)


class Kafka(Sink):
    """One producer, made when there is something to send, and made again after it failed."""

    TABLES = OFFERED
    REFRESH = 300.0

    def __init__(self, target: Target, connect: Callable[[], Any], prefix: str, timeout: int):
        self._target = target
        self._connect = connect
        self._prefix = prefix
        self._timeout = timeout
        self._producer: Any = None

    def send(self, documents: Sequence[Document]) -> Sent:
        """Produce one record each and wait for all of them."""
        from kafka import errors

        refused: list[tuple[str, str, Mapping[str, Any]]] = []
        try:
            if self._producer is None:
                self._producer = self._connect()
            waiting = []
            for document in documents:
                try:
                    waiting.append((document, self._produce(document)))
                except errors.MessageSizeTooLargeError as error:
                    refused.append((document.id, _why(error), document.body))
            self._producer.flush(timeout=self._timeout)
            for document, future in waiting:
                try:
                    future.get(timeout=self._timeout)
                except (errors.MessageSizeTooLargeError, errors.InvalidRecordError) as error:
                    refused.append((document.id, _why(error), document.body))
        except errors.KafkaError as error:
            self.close()
            raise self._explained(error) from error
        except OSError as error:
            self.close()
            raise self._target.away(error) from error
        return Sent(len(documents) - len(refused), refused)

    def close(self) -> None:
        """End the producer; records that nobody confirmed will be sent again."""
        from kafka import errors

        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=0)
        except errors.KafkaError:
            # it waits for its records first, and when that fails, its thread would go on sending them beside the next
            producer._sender.force_close()

    def _produce(self, document: Document) -> Any:
        return self._producer.send(
            f"{self._prefix}.{document.table}",
            key=document.body["observer"]["name"].encode(),
            value=document.json().encode(),
            headers=[("id", document.id.encode())],
        )

    def _explained(self, error: Any) -> SinkError:
        from kafka import errors

        name = self._target.name
        wrong = (
            errors.SaslAuthenticationFailedError,
            errors.TopicAuthorizationFailedError,
            errors.ClusterAuthorizationFailedError,
            errors.InvalidTopicError,
        )
        if isinstance(error, wrong):
            return SinkError("{uri}: not permitted: {why}.", uri=name, why=_why(error))
        return Unavailable("{uri}: takes nothing now: {why}.", uri=name, why=_why(error))


def _why(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
