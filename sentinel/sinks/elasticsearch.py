"""`elasticsearch+https://HOST:9200`: data streams `logs-ics.<table>-<namespace>`, with mappings from the schema.

Each document is created under its own id, so sending it again does nothing (409: it is there). A document that the
mapping refuses is kept with the server's reason; a server that is slow, full or away is tried again.

    namespace=default   last part of the names of the data streams
    api_key_file=PATH   an API key (also api_key_env=NAME, or the variable SENTINEL_ES_API_KEY)
    user=NAME           instead of a key, with password_file= (or password_env=, SENTINEL_ES_PASSWORD)
    ca_certs=PATH       certificates that may sign the server's; fingerprint=SHA-256 of that certificate instead
    timeout=30          seconds that one request may take
    replicas=N          copies of each shard; otherwise the server decides
    ilm=auto            `off`, or `auto`: the policy `sentinel-ics` where the server has index lifecycle management
    retention=90d       how long that policy keeps documents; otherwise for ever
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sentinel.errors import Sentence, SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable, missing
from sentinel.sinks.documents import HELD, Document, fields
from sentinel.store.outbox import OFFERED

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch as Client

SCHEMES = ("elasticsearch+https", "elasticsearch+http")
POLICY = "sentinel-ics"
TEMPLATE_PRIORITY = 350
"""Above Elastic's own templates for `logs-*-*`, which have 100 to 200."""
MAX_BULK, MIN_BULK = 4 << 20, 16 << 10
"""Bytes of one bulk request: at most, and at least where a server that is short of memory takes no larger ones."""
GROW_AFTER = 50
"""Requests that must succeed before they are made larger again."""
LONGEST_KEYWORD = 8191
"""Characters of a keyword that are indexed: Lucene takes 32766 bytes, and UTF-8 has up to four for a character."""
SLOW_DOWN = 5.0
"""Seconds to leave a cluster alone that is full or overloaded, and did not say for how long."""

_TYPES: dict[str, dict[str, Any]] = {
    "keyword": {"type": "keyword", "ignore_above": LONGEST_KEYWORD},
    "text": {"type": "text"},
    "long": {"type": "long"},
    "double": {"type": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "date_nanos"},
    "ip": {"type": "ip"},
}
_LIMITS = {"index.mapping.total_fields.limit": 5000}
"""Forty protocols may have sixty columns of their own each; the server allows 1000 fields unless it is told."""
_NAMESPACE = re.compile(r"[a-z0-9_.]{1,100}")
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:?){32}", re.IGNORECASE)
_CONNECTION = re.compile(r"HTTPS?Connection(?:Pool)?\([^)]*\): ")
Refusal = tuple[str, str, Mapping[str, Any]]
_LATER = {429, 502, 503, 504}
_BLOCKED = "cluster_block_exception"


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError for a certificate or key file that is none, MissingExtra without the client."""
    namespace = target.text("namespace", "default")
    if not _NAMESPACE.fullmatch(namespace):
        raise SinkError(
            "{uri}: namespace={value}: write small letters, digits, _ and . only.", uri=target.name, value=namespace
        )
    target.part = namespace
    options: dict[str, Any] = {"request_timeout": target.seconds("timeout", 30, 1, 600)}
    options |= _credentials(target) | _trust(target)
    replicas = target.integer("replicas", -1, 0, 100)
    settings = {"number_of_replicas": replicas} if replicas >= 0 else {}
    retention = target.seconds("retention", 0, 3600, 100 * 365 * 86400)
    ilm = target.choice("ilm", ("auto", "off"), "auto") == "auto"
    host, port = target.address(9200)
    try:
        import elasticsearch
    except ImportError as error:
        raise missing(target, "elasticsearch") from error
    node: dict[str, str | int] = {
        "host": host,
        "port": port,
        "scheme": target.scheme.partition("+")[2],
        "path_prefix": target.path,
    }
    # the transport tells of every failure; whoever delivers tells of the first
    logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
    client = elasticsearch.Elasticsearch([node], max_retries=0, http_compress=True, **options)
    # of what a request waits for at the server there may be two, and its answer should arrive
    server_seconds = max(1, options["request_timeout"] // 3)
    return Elasticsearch(target.name, client, namespace, settings, ilm, retention, server_seconds)


def _credentials(target: Target) -> dict[str, Any]:
    key = target.secret("api_key", "SENTINEL_ES_API_KEY")
    user = target.text("user")
    password = target.secret("password", "SENTINEL_ES_PASSWORD")
    if user and password is None:
        raise SinkError(
            "{uri}: user={user} without a password; give password_file= or set {variable}.", uri=target.name, user=user,
            variable="SENTINEL_ES_PASSWORD",
        )  # fmt: skip
    if user:
        return {"basic_auth": (user, password)}
    return {"api_key": key} if key is not None else {}


def _trust(target: Target) -> dict[str, Any]:
    """How the server's certificate is verified. There is no option to trust just anybody."""
    fingerprint = target.text("fingerprint")
    secure = target.scheme.endswith("https")
    context = target.tls(secure)
    if not secure:
        return {}
    if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
        raise SinkError("{uri}: fingerprint= is no SHA-256 of a certificate (64 hexadecimal digits).", uri=target.name)
    if fingerprint:
        return {"ssl_assert_fingerprint": fingerprint.replace(":", "").lower(), "verify_certs": True}
    return {"ssl_context": context}


class Elasticsearch(Sink):
    """One cluster."""

    TABLES = OFFERED
    BATCH = 1000
    REFRESH = 300.0

    def __init__(
        self,
        name: str,
        client: Client,
        namespace: str,
        settings: Mapping[str, Any],
        ilm: bool,
        retention: int,
        server_seconds: int,
    ):
        """`server_seconds`: how long the server itself may wait, for a shard that is nowhere perhaps."""
        self._name = name
        self._client = client
        self._namespace = namespace
        self._settings = dict(settings)
        self._ilm = ilm
        self._retention = retention
        self._extensions: dict[str, dict[str, str]] = {}
        self._server_seconds = server_seconds
        self._done: dict[str, dict[str, Refusal | None]] = {}
        """Table -> what became of documents of a batch that was taken in part; None: the server has it."""
        self._bulk = MAX_BULK
        self._successes = 0
        self._stale = {*OFFERED, HELD}
        """Tables whose templates the server may not have as they should be."""

    def expect(self, extensions: Mapping[str, Mapping[str, str]]) -> None:
        """Add the protocols' own columns to the mapping of messages."""
        for protocol, columns in extensions.items():
            self._extensions.setdefault(protocol, {}).update(columns)
        self._stale.add("messages")

    def send(self, documents: Sequence[Document]) -> Sent:
        """Create the documents in bulk. Those that it had taken of a batch that failed are not sent again."""
        tables = {document.table for document in documents}
        ids = {document.id for document in documents}
        for table in tables:
            self._done[table] = {id_: found for id_, found in self._done.get(table, {}).items() if id_ in ids}
        before = self._count(tables)
        try:
            self._send(documents)
        except Unavailable as error:
            error.progressed = self._count(tables) > before
            if error.progressed and error.retry_after == SLOW_DOWN:  # it is busy, but not too busy
                error.after(None)
            raise
        refused = [found for table in sorted(tables) for found in self._done.pop(table).values() if found is not None]
        return Sent(len(documents) - len(refused), refused)

    def _count(self, tables: Iterable[str]) -> int:
        return sum(len(self._done[table]) for table in tables)

    def _send(self, documents: Sequence[Document]) -> None:
        import elasticsearch

        try:
            for table in sorted({document.table for document in documents} & self._stale):
                self._prepare(table)
                self._stale.discard(table)
            left = [document for document in documents if document.id not in self._done[document.table]]
            for part in _parts([(document, self._lines(document)) for document in left], self._bulk):
                self._create(part)
        except elasticsearch.ApiError as error:
            if error.status_code == 429:
                self._shrink()
            raise self._explained(error) from error
        except elasticsearch.UnsupportedProductError as error:
            raise SinkError("{uri}: what answers there is no Elasticsearch.", uri=self._name) from error
        except elasticsearch.TransportError as error:
            self._stale = {*OFFERED, HELD}  # whoever comes back may have lost its templates
            raise self._away(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _shrink(self) -> None:
        """Smaller requests: the server is short of memory for them."""
        self._bulk, self._successes = max(MIN_BULK, self._bulk // 2), 0

    def _succeeded(self) -> None:
        """Larger ones again, one step after a good while."""
        self._successes += 1
        if self._successes >= GROW_AFTER:
            self._bulk, self._successes = min(MAX_BULK, self._bulk * 2), 0

    # -- templates ----------------------------------------------------------------------------------------------

    def _prepare(self, table: str) -> None:
        """Put a table's template (and the policy), and its mapping on the stream that may be there already."""
        if self._ilm and "index.lifecycle.name" not in self._settings:
            self._ilm = self._put_policy()
            if self._ilm:
                self._settings["index.lifecycle.name"] = POLICY
        name = self.stream(table)
        found = mapping(table, self._extensions)
        self._client.indices.put_index_template(
            name=f"{name}@sentinel",
            index_patterns=[name],
            data_stream={},
            priority=TEMPLATE_PRIORITY,
            template={"settings": {**self._settings, **_LIMITS}, "mappings": found},
            meta={"managed_by": "sentinel", "description": f"ICS {table} of Sentinel sensors"},
        )
        # a new version has new columns, and a protocol's may come at any time
        import elasticsearch

        try:
            self._client.options(ignore_status=404).indices.put_mapping(
                index=name, properties=found["properties"], write_index_only=True
            )
        except elasticsearch.BadRequestError:  # a column has another type than it had: the next index takes the new one
            self._client.indices.rollover(alias=name)

    def _put_policy(self) -> bool:
        """Whether the server has index lifecycle management and our policy in it. One of that name is left as it is."""
        lifecycle = self._client.options(ignore_status=(400, 403, 404, 405, 500)).ilm
        answer = lifecycle.get_lifecycle(name=POLICY)
        if answer.meta.status == 200:
            return True
        if answer.meta.status != 404:
            self.remark = Sentence(
                "{uri}: no index lifecycle management there, or no permission for it: indices are not rolled over, and "
                "nothing is deleted.",
                uri=self._name,
            )
            return False
        phases: dict[str, Any] = {
            "hot": {"actions": {"rollover": {"max_primary_shard_size": "50gb", "max_age": "30d"}}}
        }
        if self._retention:
            phases["delete"] = {"min_age": f"{self._retention}s", "actions": {"delete": {}}}
        self._client.ilm.put_lifecycle(name=POLICY, policy={"phases": phases})
        return True

    def stream(self, table: str) -> str:
        """Name of a table's data stream."""
        return f"logs-ics.{table}-{self._namespace}"

    # -- documents ----------------------------------------------------------------------------------------------

    def _lines(self, document: Document) -> tuple[dict[str, Any], str]:
        stream = {"type": "logs", "dataset": f"ics.{document.table}", "namespace": self._namespace}
        action = {"create": {"_index": self.stream(document.table), "_id": document.id}}
        return action, Document(document.id, document.table, {**document.body, "data_stream": stream}, {}).json()

    def _create(self, part: Sequence[tuple[Document, tuple[dict[str, Any], str]]]) -> None:
        """One bulk request; what became of its documents goes into `_done`. Unavailable where some must wait."""
        import elasticsearch

        operations: list[Any] = [line for _, lines in part for line in lines]
        try:
            answer = self._client.bulk(
                operations=operations, timeout=f"{self._server_seconds}s", filter_path=["errors", "items.*.status",
                "items.*.error.type", "items.*.error.reason", "items.*.error.caused_by.reason"],
            )  # fmt: skip
        except elasticsearch.ApiError as too_large:
            if too_large.status_code != 413:
                raise
            if len(part) == 1:
                one = part[0][0]
                self._done[one.table][one.id] = one.id, "too large for the server (413)", one.body
                return
            half = len(part) // 2
            self._create(part[:half])
            self._create(part[half:])
            return
        if not answer.get("errors"):
            self._succeeded()
            for document, _ in part:
                self._done[document.table][document.id] = None
            return
        later: Unavailable | None = None
        for (document, _), item in zip(part, answer["items"], strict=True):
            status, error = item["create"]["status"], item["create"].get("error") or {}
            if status in (200, 201, 409):
                self._done[document.table][document.id] = None
                continue
            reason = f"{error.get('type', status)}: {error.get('reason', '')}"
            if caused := (error.get("caused_by") or {}).get("reason"):
                reason += f" ({caused})"
            if status in (401, 403) and error.get("type") != _BLOCKED:
                raise SinkError("{uri}: not permitted: {why}.", uri=self._name, why=reason)
            if status in _LATER or status == 404 or error.get("type") == _BLOCKED:
                if later is None:
                    later = self._later(status, error.get("type", ""), reason)
                if status == 404:
                    self._stale.add(document.table)
                continue
            self._done[document.table][document.id] = document.id, reason[:2000], document.body
        if later is not None:
            raise later

    def _later(self, status: int, kind: str, why: str) -> Unavailable:
        """What it means that some documents must wait."""
        blocked = kind == _BLOCKED
        if status == 429 and not blocked:
            self._shrink()
        later = Unavailable("{uri}: takes nothing now: {why}.", uri=self._name, why=why).after(SLOW_DOWN)
        later.of_table = blocked or status in (404, 503)  # it is the index, or a shard of it
        return later

    def _explained(self, error: Any) -> SinkError:
        """What an answer other than success means for the whole request."""
        status, why = error.status_code, f"{error.status_code} {error.message}"
        if status in _LATER or status == 408 or status >= 500 or _BLOCKED in str(error.body):
            asked = _seconds(error.meta.headers.get("retry-after"))
            later = Unavailable("{uri}: takes nothing now: {why}.", uri=self._name, why=why).after(asked or SLOW_DOWN)
            later.of_table = _BLOCKED in str(error.body)
            return later
        if status == 401:
            return SinkError("{uri}: the key or password is not accepted ({why}).", uri=self._name, why=why)
        return SinkError("{uri}: not permitted: {why}.", uri=self._name, why=_first_reason(error) or why)

    def _away(self, error: Any) -> SinkError:
        """What a connection that was not made, or broke, means."""
        import elasticsearch

        if isinstance(error, elasticsearch.SSLError):
            return Unavailable(
                "{uri}: the server's certificate is not trusted ({why}); give the certificate that signed it with "
                "ca_certs=, or its fingerprint.",
                uri=self._name,
                why=_short(error),
            )
        return Unavailable("{uri}: cannot be reached ({why}).", uri=self._name, why=_short(error))


def mapping(table: str, extensions: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, Any]:
    """The strict mapping of a table's documents."""
    properties: dict[str, Any] = {}
    for name, kind in {**fields(table, extensions), **_STREAM}.items():
        at = properties
        *above, last = name.split(".")
        for part in above:
            at = at.setdefault(part, {"properties": {}})["properties"]
        at[last] = dict(_TYPES[kind])
    return {"dynamic": "strict", "properties": properties}


_STREAM = {"data_stream.type": "keyword", "data_stream.dataset": "keyword", "data_stream.namespace": "keyword"}


def _parts(
    documents: Sequence[tuple[Document, tuple[dict[str, Any], str]]], limit: int
) -> list[list[tuple[Document, tuple[dict[str, Any], str]]]]:
    """The documents in parts of at most `limit` characters; one that is larger alone stands alone."""
    parts: list[list[tuple[Document, tuple[dict[str, Any], str]]]] = []
    size = limit
    for document, lines in documents:
        if size + len(lines[1]) > limit:
            parts.append([])
            size = 0
        parts[-1].append((document, lines))
        size += len(lines[1])
    return parts


def _first_reason(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    cause = body.get("error")
    return str(cause.get("reason", "")) if isinstance(cause, dict) else ""


def _short(error: Any) -> str:
    """The last words of a chain of wrapped exceptions, on one line."""
    inner = error.errors[-1] if getattr(error, "errors", None) else error
    text = " ".join(str(getattr(inner, "message", inner)).split())
    return _CONNECTION.sub("", text)[:300]


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdigit() else None
