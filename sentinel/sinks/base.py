"""The contract between a case and its receivers, and the URIs that name them.

A receiver is a module of this folder (or an entry point of the group `sentinel.sinks`) that declares

    SCHEMES = ("syslog", "syslog+tls")        the URI schemes that it answers to
    def open(target: Target) -> Sink          no network yet; SinkError in one sentence for anything wrong with the URI

and whose sink takes documents until it is closed. Secrets never stand in a URI, which every user of the machine can
read in the list of processes: they come from a file or from the environment (`Target.secret`).
"""

from __future__ import annotations

import abc
import importlib
import importlib.metadata
import os
import pkgutil
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from sentinel.errors import MissingExtra, Sentence, SinkError

if TYPE_CHECKING:
    from sentinel.sinks.documents import Document

PACKAGE = "sentinel.sinks"
GROUP = "sentinel.sinks"
EXTRA = "sensor"

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_NUMBER_WITH_UNIT = re.compile(r"(\d+)([a-z]*)")
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


class Unavailable(SinkError):
    """The receiver cannot take anything now, whatever it is offered: try again later."""

    retry_after: float | None = None
    progressed: bool = False
    """Whether it took some, and needs not be offered those again: it may be asked again soon."""
    of_table: bool = False
    """Whether it may well take rows of other tables."""

    def after(self, seconds: float | None) -> Unavailable:
        """The same, with the least time in seconds that the receiver asked to be left alone for."""
        self.retry_after = seconds
        return self


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of some documents: how many the receiver has now, and (id, reason, body) of those it refused."""

    accepted: int
    refused: Sequence[tuple[str, str, Mapping[str, Any]]] = ()


class Sink(abc.ABC):
    """A receiver that was opened. Used by one thread."""

    TABLES: ClassVar[tuple[str, ...]] = ("alerts",)
    """What it is sent where its URI does not say."""
    BATCH: ClassVar[int] = 500
    """Documents at once."""
    REFRESH: ClassVar[float | None] = None
    """Seconds after which a row is sent again that changed in passing only (`outbox.PASSING`); None: never."""

    remark: Sentence | None = None
    """What a person should know of the receiver although documents arrive."""

    def expect(self, extensions: Mapping[str, Mapping[str, str]]) -> None:  # noqa: B027  (most have nothing to prepare)
        """Protocol -> column -> type of what messages will hold beside their own columns; called when it changes.

        Raises as `send` does.
        """

    @abc.abstractmethod
    def send(self, documents: Sequence[Document]) -> Sent:
        """Hand over documents, in order. Unavailable where none or only some were taken: all are then sent again.

        Any other SentinelError where the receiver can never take anything as it is set up: wrong key, no permission.
        """

    def due(self) -> float:
        """Seconds until it wants the next documents; 0: now. Asked only of a delivery that goes on for ever."""
        return 0.0

    def close(self) -> None:  # noqa: B027  (most hold nothing)
        """Let go of the connection. Raises nothing."""


@dataclass(slots=True)
class Target:
    """A receiver's URI, taken apart. Every option must be read; `finish` complains of those that nobody knows."""

    scheme: str
    host: str
    port: int | None
    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    """What part of the receiver documents go to, where its name does not say: set by `open`."""
    _known: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The receiver without its options: what people are shown, and what its place in the outbox is called by."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def receiver(self) -> str:
        """Name of the receiver's place: `?name=`, else the receiver. Filters may change without starting anew."""
        return self.text("name") or self.name + (f"#{self.part}" if self.part else "")

    def address(self, default_port: int) -> tuple[str, int]:
        """Host and port; SinkError where the URI names no host."""
        if not self.host:
            raise SinkError(
                "{uri}: names no host; write {example}.", uri=self.name, example=f"{self.scheme}://HOST:PORT"
            )
        return self.host, default_port if self.port is None else self.port

    def text(self, name: str, default: str = "") -> str:
        """An option as it was written."""
        self._known.add(name)
        return self.options.get(name, default)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """An option that is one of several words."""
        value = self.text(name, default)
        if value not in choices:
            raise SinkError(
                "{uri}: {name}={value} is none of {choices}.", uri=self.name, name=name, value=value,
                choices=", ".join(choices),
            )  # fmt: skip
        return value

    def words(self, name: str, choices: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
        """An option that is a list of words from a choice, separated by commas."""
        value = self.text(name)
        words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip())) or tuple(default)
        for word in words:
            if word not in choices:
                raise SinkError(
                    "{uri}: {name}={value} is none of {choices}.", uri=self.name, name=name, value=word,
                    choices=", ".join(choices),
                )  # fmt: skip
        return words

    def flag(self, name: str, default: bool = False) -> bool:
        """An option that is on or off."""
        value = self.text(name).lower()
        if value in ("", *_TRUE, *_FALSE):
            return default if value == "" else value in _TRUE
        raise SinkError("{uri}: {name}={value} is neither yes nor no.", uri=self.name, name=name, value=value)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number."""
        return self._quantity(name, default, low, high, {"": 1})

    def size(self, name: str, default: int, low: int, high: int) -> int:
        """Bytes: 4096, 64k, 100m, 1g."""
        return self._quantity(name, default, low, high, _SIZES)

    def seconds(self, name: str, default: int, low: int, high: int) -> int:
        """A length of time in seconds: 30, 5m, 2h, 90d."""
        return self._quantity(name, default, low, high, _SECONDS)

    def file(self, name: str) -> Path | None:
        """A file that can be read; None where the option was not given."""
        value = self.text(name)
        if not value:
            return None
        path = Path(value)
        try:
            with path.open("rb"):
                return path
        except OSError as error:
            raise SinkError(
                "{uri}: {name}={path} cannot be read: {why}.", uri=self.name, name=name, path=path,
                why=error.strerror or error,
            ) from error  # fmt: skip

    def secret(self, name: str, variable: str) -> str | None:
        """A secret from the file that `?<name>_file=` names, from the environment variable that `?<name>_env=` names,
        or from `variable`; None where there is none."""
        path = self.file(f"{name}_file")
        chosen = self.text(f"{name}_env")
        if path is not None:
            value = path.read_text(encoding="utf-8", errors="replace").strip()
            if not value:
                raise SinkError("{uri}: {name}={path} is empty.", uri=self.name, name=f"{name}_file", path=path)
            return value
        value = os.environ.get(chosen or variable, "").strip()
        if chosen and not value:
            raise SinkError("{uri}: the environment has no {variable}.", uri=self.name, variable=chosen)
        return value or None

    def tls(self, usable: bool = True) -> ssl.SSLContext:
        """How the receiver's certificate is verified (`ca_certs=`) and ours is shown (`client_cert=`, `client_key=`).

        There is no option to trust just anybody. `usable`: whether the connection is encrypted at all.
        """
        paths = {name: self.file(name) for name in ("ca_certs", "client_cert", "client_key")}
        given = {name: path for name, path in paths.items() if path is not None}
        if given and not usable:
            raise SinkError("{uri}: {name}= is of no use without TLS.", uri=self.name, name=next(iter(given)))
        name, path = "ca_certs", paths["ca_certs"]
        try:
            context = ssl.create_default_context(cafile=None if path is None else str(path))
            if paths["client_cert"] is not None:
                name, path = "client_cert", paths["client_cert"]
                # without a password given, OpenSSL would ask for one on the terminal
                context.load_cert_chain(path, paths["client_key"], password="")
        except (ssl.SSLError, OSError) as error:
            raise SinkError(
                "{uri}: {name}={path} holds no certificate in PEM form ({why}).", uri=self.name, name=name, path=path,
                why=error.strerror or error,
            ) from error  # fmt: skip
        return context

    def away(self, error: OSError) -> Unavailable:
        """What a connection that was not made, or broke, means."""
        why = getattr(error, "verify_message", "") or error.strerror or str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unavailable(
                "{uri}: the server's certificate is not trusted ({why}); give the certificate that signed it with "
                "ca_certs=.",
                uri=self.name,
                why=why,
            )
        return Unavailable("{uri}: cannot be reached ({why}).", uri=self.name, why=why)

    def finish(self) -> None:
        """SinkError for an option that nobody asked for. Its value is not shown: it may be a misplaced secret."""
        unknown = sorted(self.options.keys() - self._known)
        if unknown:
            raise SinkError(
                "{uri}: no option {name}; there are {names}.", uri=self.name, name=unknown[0],
                names=", ".join(sorted(self._known)),
            )  # fmt: skip

    def _quantity(self, name: str, default: int, low: int, high: int, units: Mapping[str, int]) -> int:
        value = self.text(name)
        if not value:
            return default
        match = _NUMBER_WITH_UNIT.fullmatch(value.lower())
        number = int(match[1]) * units[match[2]] if match and len(match[1]) < 16 and match[2] in units else None
        if number is None or not low <= number <= high:
            raise SinkError(
                "{uri}: {name}={value} is no number from {low} to {high}.", uri=self.name, name=name, value=value,
                low=low, high=high,
            )  # fmt: skip
        return number


def parse(uri: str) -> Target:
    """A URI taken apart; SinkError in one sentence where it is none, or holds a password."""
    try:
        parts = urlsplit(uri)
        port = parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=64)
    except ValueError as error:
        raise SinkError("{uri}: not a URI: {why}.", uri=uri.partition("?")[0].rpartition("@")[2], why=error) from error
    if not parts.scheme or "://" not in uri:
        raise SinkError(
            "{uri}: not a URI; write SCHEME://..., with one of the schemes {schemes}.",
            uri=uri.partition("?")[0].rpartition("@")[2],
            schemes=", ".join(sorted(schemes())),
        )
    if parts.username is not None or parts.password is not None:
        raise SinkError(
            "{uri}: names and passwords do not belong in a URI, which every user of this machine can read; give user= "
            "and password_file= instead.",
            uri=f"{parts.scheme}://{parts.hostname or ''}",
        )
    target = Target(parts.scheme.lower(), parts.hostname or "", port, unquote(parts.path), dict(options))
    if len(target.options) < len(options):
        raise SinkError("{uri}: an option is given twice.", uri=target.name)
    if parts.fragment:
        raise SinkError("{uri}: a # begins no option; write %23 where a value holds one.", uri=target.name)
    return target


def open_sink(target: Target) -> Sink:
    """The sink that a URI names, after its module found nothing wrong with it; nothing is sent yet."""
    name = schemes().get(target.scheme)
    if name is None:
        raise SinkError(
            "{uri}: no scheme {scheme}; there are {schemes}.", uri=target.name, scheme=target.scheme,
            schemes=", ".join(sorted(schemes())),
        )  # fmt: skip
    sink: Sink = modules()[name].open(target)
    try:
        target.finish()
    except SinkError:
        sink.close()
        raise
    return sink


def schemes() -> dict[str, str]:
    """Scheme -> name of the module that answers to it."""
    return {scheme: name for name, module in modules().items() for scheme in module.SCHEMES}


def modules() -> dict[str, ModuleType]:
    """Every module of receivers, by name. All are loaded here, so none imports a client at its top."""
    found = {}
    home = importlib.import_module(PACKAGE)
    for info in pkgutil.iter_modules(home.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{PACKAGE}.{info.name}")
            if hasattr(module, "SCHEMES"):
                found[info.name] = module
    for entry in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(entry.name, entry.load())
    return found


def missing(target: Target, package: str) -> MissingExtra:
    """The error for a client library that is not installed."""
    return MissingExtra(
        "{uri} needs the package {package}: pip install 'sentinel-ics[{extra}]'.", uri=target.name, package=package,
        extra=EXTRA,
    )  # fmt: skip
