"""What the sensor counts, for Prometheus: text format 0.0.4 at http://127.0.0.1:PORT/metrics, and nothing else.

It reads the status file that the sensor writes each second, and is reachable from this machine alone. One thread
answers one request after the other, each within `TIMEOUT` seconds.
"""

from __future__ import annotations

import http.server
import ipaddress
import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from sentinel.errors import InputError, UsageError
from sentinel.version import VERSION

TIMEOUT = 5.0
"""Seconds that somebody who connected may take for the request."""
FRESH = 10.0
"""Seconds after which a status says that no sensor runs."""
MAX_STATUS = 4 << 20
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Name, type, what it says, and where the status has it; None where it is not known.
_Get = Callable[[Mapping[str, Any]], Any]
_SENSOR: tuple[tuple[str, str, str, _Get], ...] = (
    ("start_time_seconds", "gauge", "When the sensor started, since 1970 UTC.", lambda s: s["started"] / 1e9),
    ("status_time_seconds", "gauge", "When this was counted, since 1970 UTC.", lambda s: s["time"] / 1e9),
    ("queue_frames", "gauge", "Frames that wait for the analysis.", lambda s: s["queue"]["waiting"]),
    ("queue_frames_deepest", "gauge", "The most that waited.", lambda s: s["queue"]["deepest"]),
    ("queue_frames_limit", "gauge", "As many may wait.", lambda s: s["queue"]["most"]),
    ("alerts_total", "counter", "Alerts that were stored.", lambda s: s["latency"]["alerts"]),
    ("alert_latency_seconds_sum", "counter", "From frame to stored alert, all added.", lambda s: s["latency"]["total"]),
    ("alert_latency_seconds_worst", "gauge", "The slowest of them.", lambda s: s["latency"]["worst"]),
    ("open_flows", "gauge", "Flows that are being followed.", lambda s: s["open_flows"]),
    ("evicted_flows_total", "counter", "Flows given up because there were too many.", lambda s: s["evicted_flows"]),
    ("deleted_segments_total", "counter", "Recordings deleted for space.", lambda s: s["deleted_segments"]),
    ("memory_bytes_limit", "gauge", "Memory that it may use; 0: no limit.", lambda s: s["relief"]["cap"]),
    ("memory_level", "gauge", "How many steps against want of memory are in force.", lambda s: s["relief"]["level"]),
    ("memory_steps_total", "counter", "How many were taken.", lambda s: sum(s["relief"]["taken"].values())),
    ("values_not_kept_total", "counter", "Read values that were not kept.", lambda s: s["relief"]["values"]),
    ("case_bytes", "gauge", "Room that the case takes beside its segments.", lambda s: s["room"]["used"]),
    ("case_bytes_limit", "gauge", "Room that it may take; 0: no limit.", lambda s: s["room"]["most"]),
    ("counted_messages_total", "counter", "Messages that became counts.", lambda s: s["room"]["counted"]),
    ("dropped_rows_total", "counter", "Counts and flows that were dropped.", lambda s: s["room"]["dropped"]),
    ("case_stuck", "gauge", "1: too large, and nothing may be given up.", lambda s: s["room"]["stuck"]),
    ("one_sided_ratio", "gauge", "Part of TCP connections that show one direction.", lambda s: s["one_sided"]),
    ("clock_steps_total", "counter", "How often the clock was set.", lambda s: s["clock_steps"]),
    ("cpu_ratio", "gauge", "Processor time by time, of the last second.", lambda s: s["cpu"]),
    ("memory_bytes", "gauge", "Memory that the process holds.", lambda s: s["memory"]),
)
_PORT: tuple[tuple[str, str, str, str], ...] = (
    ("frames_total", "counter", "Frames that arrived.", "frames"),
    ("bytes_total", "counter", "Their bytes.", "bytes"),
    ("dropped_frames_total", "counter", "Frames lost in the kernel, or on the way to it.", "dropped"),
    ("refused_datagrams_total", "counter", "Datagrams of senders that are not listened to.", "refused"),
    ("ring_freezes_total", "counter", "How often the kernel's ring was full.", "freezes"),
    ("damaged_blocks_total", "counter", "Blocks of the ring without sense.", "damaged"),
    ("port_silent", "gauge", "1: nothing arrives.", "silent"),
)


# Of each receiver; `rows` are not there before the first count.
_SINK: tuple[tuple[str, str, str, _Get], ...] = (
    ("sink_up", "gauge", "1: the receiver takes what it is sent.", lambda s: s["problem"] == ""),
    ("sink_down_seconds", "gauge", "For how long it has taken nothing.", lambda s: s["down"]),
    ("sink_failed_attempts", "gauge", "Attempts that failed since the last that did not.", lambda s: s["failures"]),
    ("sink_waiting_rows", "gauge", "Rows that wait in the case for it.", lambda s: s["rows"]["waiting"]),
)
_OUTCOMES = ("sent", "refused", "left_out", "held", "dropped")


def render(status: Mapping[str, Any] | None, now: float) -> str:
    """The text for a status, None where there is none; `now`: seconds since 1970 UTC.

    What the status has not is left out: an older sensor wrote it.
    """
    up = status is not None and abs(now - status["time"] / 1e9) < FRESH
    return "".join(f"{line}\n" for line in _lines(status if status is not None else {}, up))


def read(path: Path) -> dict[str, Any] | None:
    """The status in a file; None where there is none yet. ValueError where it is none."""
    try:
        with path.open("rb") as file:
            status = json.loads(file.read(MAX_STATUS))
    except FileNotFoundError:
        return None
    if not isinstance(status, dict) or not isinstance(status.get("time"), int):
        raise ValueError(f"{path}: no status of a sensor")
    return status


class _Server(socketserver.TCPServer):
    """Not http.server.HTTPServer, which asks the name service for its own name."""

    allow_reuse_address = True
    request_queue_size = 8

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked went away, or took too long: no news either."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Server6(_Server):
    address_family = socket.AF_INET6


class Exporter:
    """Serves the metrics of one status file, in a thread, while it is open."""

    def __init__(self, path: Path, port: int, address: str = "127.0.0.1"):
        """Open the port. UsageError where the address is not this machine's own, InputError where it is taken."""
        if not ipaddress.ip_address(address).is_loopback:
            raise UsageError("metrics are for this machine alone: {address} is not a loopback address", address=address)
        handler = type("Handler", (_Handler,), {"status": staticmethod(lambda: read(path))})
        try:
            self._server = (_Server6 if ":" in address else _Server)((address, port), handler)
        except OSError as error:
            raise InputError("metrics: port {port} of {address} cannot be used: {why}",
                             port=port, address=address, why=error.strerror) from error  # fmt: skip
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET and HEAD of /metrics; every other method is answered with 501 by the base class."""

    protocol_version = "HTTP/1.0"  # one request a connection: nobody keeps the one thread waiting
    timeout = TIMEOUT
    status: Callable[[], dict[str, Any] | None]

    def do_GET(self) -> None:
        """The metrics."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Their headers."""
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        if not self._is_local(self.headers.get("Host", "")):
            self.send_error(403, "ask for it by a loopback address")
            return
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "there is /metrics only")
            return
        try:
            body = render(self.status(), time.time()).encode()
        except (OSError, ValueError) as error:
            self.send_error(503, "the status file cannot be read", str(error))
            return
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    @staticmethod
    def _is_local(host: str) -> bool:
        """A browser that was led here by a name of its own (DNS rebinding) names that one."""
        name = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
        try:
            return name in ("", "localhost") or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def version_string(self) -> str:
        """The name in the header `Server`, without the version of anything."""
        return "sentinel"

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is no news."""


def _lines(status: Mapping[str, Any], up: bool) -> Iterator[str]:
    yield from _metric("up", "gauge", "1: a sensor runs and writes its status.", [("", int(up))])
    yield from _metric("build_info", "gauge", "The version of the program.", [(f'{{version="{VERSION}"}}', 1)])
    for name, kind, help_, get in _SENSOR:
        try:
            value = get(status)
        except (KeyError, TypeError):
            continue
        if _is_number(value):
            yield from _metric(name, kind, help_, [("", value)])
    for name, kind, help_, key in _PORT:
        samples = [
            (f'{{port="{_label(str(port.get("port", "")))}"}}', port[key])
            for port in status.get("ports", ())
            if _is_number(port.get(key))
        ]
        if samples:
            yield from _metric(name, kind, help_, samples)
    yield from _sinks(status)


def _sinks(status: Mapping[str, Any]) -> Iterator[str]:
    """The receivers: gauges, the time of the last success, and a counter of rows for each outcome."""
    labelled = [(f'receiver="{_label(str(sink.get("receiver", "")))}"', sink) for sink in status.get("sinks", ())]
    for name, kind, help_, get in _SINK:
        samples = []
        for label, sink in labelled:
            with suppress(KeyError, TypeError):
                samples.append((f"{{{label}}}", get(sink)))
        if samples:
            yield from _metric(name, kind, help_, samples)
    idle = [(label, sink.get("idle")) for label, sink in labelled]
    stamps = [(f"{{{label}}}", round(status["time"] / 1e9 - n, 1)) for label, n in idle if _is_number(n)]
    if stamps:
        yield from _metric(
            "sink_last_success_timestamp_seconds", "gauge", "When it last took something, since 1970 UTC.", stamps
        )
    rows = [
        (f'{{{label},outcome="{outcome}"}}', sink["rows"][outcome])
        for label, sink in labelled
        if isinstance(sink.get("rows"), dict)
        for outcome in _OUTCOMES
        if _is_number(sink["rows"].get(outcome))
    ]
    if rows:
        yield from _metric("sink_rows_total", "counter", "What became of the rows that are not waiting.", rows)


def _metric(name: str, kind: str, help_: str, samples: list[tuple[str, int | float]]) -> Iterator[str]:
    yield f"# HELP sentinel_{name} {help_}"
    yield f"# TYPE sentinel_{name} {kind}"
    for labels, value in samples:
        yield f"sentinel_{name}{labels} {float(value) if isinstance(value, float) else int(value)}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
