"""`smtp://HOST:587` (with STARTTLS) or `smtps://HOST:465`: alerts as a digest by mail, at most one in a while.

from=, to=          addresses; several in `to`, separated by commas
every=15m           at least so long between two mails; what comes meanwhile waits in the case
user=NAME           with password_file= (or password_env=, SENTINEL_SMTP_PASSWORD)
lang=en             language of the mail: en or zh
starttls=yes        `no` for a relay on this machine that knows no TLS: passwords are then refused
ca_certs=, client_cert=, client_key=     as everywhere, for TLS
"""

from __future__ import annotations

import email.message
import email.policy
import email.utils
import hashlib
import re
import smtplib
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentinel.errors import SentinelError, SinkError
from sentinel.sinks.base import Sent, Sink, Target, Unavailable
from sentinel.sinks.documents import SEVERITIES, Document

SCHEMES = ("smtp", "smtps")
TIMEOUT = 30.0
LINES = 200
"""Alerts that one mail tells of in full; the others are counted."""
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_WORDS = {
    "en": {
        "subject": "Sentinel {observer}: {n} alerts, the worst {worst}", "more": "... and {n} more, by kind:",
        "times": "{count} times, {first} to {last}", "to_do": "To do: ", "informational": "informational",
        "low": "low", "medium": "medium", "high": "high", "critical": "critical",
    },
    "zh": {
        "subject": "Sentinel {observer}：{n} 条告警，最高级别：{worst}", "more": "……另有 {n} 条，按类别：",
        "times": "{count} 次，{first} 至 {last}", "to_do": "处置：", "informational": "提示", "low": "低",
        "medium": "中", "high": "高", "critical": "严重",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Post:
    """Who writes to whom, how."""

    sender: str
    recipients: tuple[str, ...]
    every: int
    lang: str
    user: str
    password: str | None
    starttls: bool


def open(target: Target) -> Sink:  # noqa: A001  (the contract's name)
    """The sink; SinkError where an address is missing or none."""
    direct = target.scheme == "smtps"
    address = target.address(465 if direct else 587)
    starttls = target.flag("starttls", True) and not direct
    context = target.tls(direct or starttls)
    recipients = tuple(one.strip() for one in target.text("to").split(",") if one.strip())
    sender = target.text("from")
    for name, addresses in (("from", (sender,)), ("to", recipients or ("",))):
        for one in addresses:
            if not _ADDRESS.fullmatch(one):
                raise SinkError("{uri}: {name}={value} is no mail address.", uri=target.name, name=name, value=one)
    user = target.text("user")
    password = target.secret("password", "SENTINEL_SMTP_PASSWORD")
    if user and password is None:
        raise SinkError(
            "{uri}: user={user} without a password; give password_file= or set {variable}.", uri=target.name, user=user,
            variable="SENTINEL_SMTP_PASSWORD",
        )  # fmt: skip
    if user and not (direct or starttls):
        raise SinkError("{uri}: a password is not sent without TLS; leave out starttls=no.", uri=target.name)
    every, lang = target.seconds("every", 900, 1, 7 * 86400), target.choice("lang", ("en", "zh"), "en")
    post = Post(sender, recipients, every, lang, user, password, starttls)
    target.part = ",".join(recipients)
    return Smtp(target, address, context, direct, post)


class Smtp(Sink):
    """One mail at a time."""

    BATCH = 2000

    def __init__(
        self, target: Target, address: tuple[str, int], context: ssl.SSLContext, direct: bool, post: Post,
        clock: Callable[[], float] = time.monotonic,
    ):  # fmt: skip
        self._target = target
        self._address = address
        self._context = context
        self._direct = direct
        self._post = post
        self._clock = clock
        self._next = 0.0

    def due(self) -> float:
        """Seconds until the next mail may go out."""
        return max(0.0, self._next - self._clock())

    def send(self, documents: Sequence[Document]) -> Sent:
        """One mail about all of them."""
        mail = digest(documents, self._post)
        refused: list[tuple[str, str, dict]] = []
        try:
            with self._connected() as server:
                server.send_message(mail, self._post.sender, list(self._post.recipients))
        except smtplib.SMTPDataError as error:
            if error.smtp_code < 500:
                raise self._explained(error) from error
            refused = [(d.id, _reply(error.smtp_code, error.smtp_error), d.body) for d in documents]
        except smtplib.SMTPException as error:
            raise self._explained(error) from error
        except OSError as error:
            raise self._target.away(error) from error
        self._next = self._clock() + self._post.every
        return Sent(len(documents) - len(refused), refused)

    def _connected(self) -> smtplib.SMTP:
        host, port = self._address
        if self._direct:
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=self._context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        try:
            if self._post.starttls:
                server.starttls(context=self._context)
            if self._post.user and self._post.password is not None:
                server.login(self._post.user, self._post.password)
        except BaseException:
            server.close()
            raise
        return server

    def _explained(self, error: smtplib.SMTPException) -> SentinelError:
        """What the server's answer means: 4xx is for now, 5xx for ever."""
        name = self._target.name
        code: int
        text: bytes | str
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            code, text = next(iter(error.recipients.values()))
        elif isinstance(error, smtplib.SMTPResponseException):
            code, text = error.smtp_code, error.smtp_error
        elif isinstance(error, smtplib.SMTPNotSupportedError):
            return SinkError("{uri}: {why}.", uri=name, why=error)
        else:
            return Unavailable("{uri}: takes nothing now: {why}.", uri=name, why=str(error) or type(error).__name__)
        why = _reply(code, text)
        if code >= 500:
            return SinkError("{uri}: not permitted: {why}.", uri=name, why=why)
        return Unavailable("{uri}: takes nothing now: {why}.", uri=name, why=why)


def digest(documents: Sequence[Document], post: Post) -> email.message.EmailMessage:
    """The mail, the worst first. Its identity follows from what it tells, so a server may drop a second copy."""
    words = _WORDS[post.lang]
    alerts = sorted(documents, key=lambda d: (-SEVERITIES.get(d.row.get("severity", ""), 0), d.body["@timestamp"]))
    observer = "".join(c for c in documents[0].body["observer"]["name"] if c.isprintable())
    worst = words.get(alerts[0].row.get("severity", ""), "-")
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = words["subject"].format(observer=observer, n=len(alerts), worst=worst)
    mail["From"], mail["To"] = post.sender, ", ".join(post.recipients)
    mail["Date"] = email.utils.localtime()
    content = hashlib.sha256("".join(d.id for d in documents).encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{content}@{post.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    text = [line for document in alerts[:LINES] for line in _lines(document, words, post.lang)]
    if len(alerts) > LINES:
        text.append(words["more"].format(n=len(alerts) - LINES))
        kinds = Counter(str(d.row.get("name") or d.table) for d in alerts[LINES:])
        text += [f"  {n:6} x {name}" for name, n in kinds.most_common()]
    mail.set_content("\n".join(text) + "\n")
    return mail


def _lines(document: Document, words: dict[str, str], lang: str) -> list[str]:
    row, body = document.row, document.body
    if document.table != "alerts":
        return [f"{body['@timestamp'][:19]}Z  {body.get('message') or document.json()}", ""]
    title = row[f"title_{lang}"] or row["title_en"] or row["name"]
    first, last = (body["event"][name][:19].replace("T", " ") + "Z" for name in ("start", "end"))
    lines = [
        f"[{words.get(row['severity'], row['severity'])}] {title}",
        f"  {row['src'] or '-'} -> {row['dst'] or '-'}  {row['protocol']}  {row['alert']}",
        "  " + words["times"].format(count=row["count"], first=first, last=last),
        f"  {row[f'why_{lang}'] or row['why_en']}",
    ]
    action = row[f"action_{lang}"] or row["action_en"]
    return [*lines, *([f"  {words['to_do']}{action}"] if action else []), ""]


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {said}".split())[:300]
