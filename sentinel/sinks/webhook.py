"""`webhook+https://HOST/path`: documents by POST as JSON, signed, tried again until they are taken.

    {"observer": "tap-1", "documents": [{"id": "...", "table": "alerts", "document": {...}}, ...]}

with the headers `Sentinel-Timestamp` (seconds since 1970), `Sentinel-Signature` (`sha256=` and the HMAC-SHA256 of the
timestamp, a full stop and the body, in hexadecimal) and `Idempotency-Key` (the same for the same documents). The
receiver compares the signature and turns away what is older than a few minutes: nobody can repeat it then.

    secret_file=PATH    the key of the signature (also secret_env=NAME, or the variable SENTINEL_WEBHOOK_SECRET)
    timeout=20          seconds that one request may take
    ca_certs=, client_cert=, client_key=     as everywhere, for TLS

2xx: taken. 400, 413, 422: refused, kept with the reason. 401, 403, 404, 410 and redirections: the set-up is wrong.
Anything else: later, not before `Retry-After`.
"""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sentinel.errors import SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable
from sentinel.sinks.documents import Document
from sentinel.version import VERSION

SCHEMES = ("webhook+https", "webhook+http")
REFUSED = (400, 413, 422)
WRONG = (401, 403, 404, 405, 410)
MAX_ANSWER = 2000


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError where there is no secret to sign with."""
    secure = target.scheme.endswith("https")
    address = target.address(443 if secure else 80)
    context = target.tls(secure)
    secret = target.secret("secret", "SENTINEL_WEBHOOK_SECRET")
    if secret is None:
        raise SinkError(
            "{uri}: there is no secret to sign with; give secret_file= or set {variable}.", uri=target.name,
            variable="SENTINEL_WEBHOOK_SECRET",
        )  # fmt: skip
    return Webhook(target, address, context if secure else None, secret.encode(), target.seconds("timeout", 20, 1, 600))


class Webhook(Sink):
    """One URL."""

    BATCH = 100

    def __init__(
        self, target: Target, address: tuple[str, int], context: ssl.SSLContext | None, secret: bytes, timeout: int
    ):
        self._target = target
        self._address = address
        self._context = context
        self._secret = secret
        self._timeout = timeout

    def send(self, documents: Sequence[Document]) -> Sent:
        """POST them together; where the receiver refuses that, in halves, until it is known which it refuses."""
        refused = self._post(documents)
        return Sent(len(documents) - len(refused), refused)

    def _post(self, documents: Sequence[Document]) -> list[tuple[str, str, Mapping[str, Any]]]:
        status, wait, said = self._request(documents)
        if 200 <= status < 300:
            return []
        why = f"{status} {said}".strip()
        if status in REFUSED:
            if len(documents) == 1:
                return [(documents[0].id, why, documents[0].body)]
            half = len(documents) // 2
            return self._post(documents[:half]) + self._post(documents[half:])
        if status in WRONG or 300 <= status < 400:
            raise SinkError("{uri}: answers {why}; check the address and the secret.", uri=self._target.name, why=why)
        raise Unavailable("{uri}: takes nothing now: {why}.", uri=self._target.name, why=why).after(wait)

    def _request(self, documents: Sequence[Document]) -> tuple[int, float | None, str]:
        """Status, seconds until the next try where it says, and the first words of the answer."""
        kind = http.client.HTTPConnection if self._context is None else http.client.HTTPSConnection
        options: dict[str, Any] = {} if self._context is None else {"context": self._context}
        connection = kind(*self._address, timeout=self._timeout, **options)
        body = json.dumps(
            {
                "observer": documents[0].body["observer"]["name"],
                "documents": [{"id": d.id, "table": d.table, "document": d.body} for d in documents],
            },
            ensure_ascii=False,
        ).encode()
        try:
            connection.request("POST", self._target.path or "/", body, self._headers(documents, body))
            answer = connection.getresponse()
            said = answer.read(MAX_ANSWER).decode("utf-8", "replace")
            return answer.status, seconds(answer.headers.get("Retry-After")), " ".join(said.split())[:200]
        except (OSError, http.client.HTTPException) as error:
            raise self._target.away(error if isinstance(error, OSError) else OSError(repr(error))) from error
        finally:
            connection.close()

    def _headers(self, documents: Sequence[Document], body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"Sentinel/{VERSION}",
            "Sentinel-Timestamp": stamp,
            "Sentinel-Signature": signature(self._secret, stamp, body),
            "Idempotency-Key": hashlib.sha256("".join(d.id for d in documents).encode()).hexdigest()[:32],
        }


def signature(secret: bytes, stamp: str, body: bytes) -> str:
    """What a receiver compares (with `hmac.compare_digest`)."""
    return "sha256=" + hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def seconds(retry_after: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, written as a number or as a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
