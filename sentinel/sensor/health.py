"""What the sensor knows of itself: counted, written to `status.json` in the case, and alerted where it matters.

The alerts stand in the same book as those of rules, with ids `sensor_*`: a sensor that lost frames or saw one side of
the talk has something to say about everything else that it says. Each is raised when a state begins, not while it
lasts.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sentinel import memory
from sentinel.rules.alerts import AlertKind, Book, Claim, Subject
from sentinel.sensor.analysis import Latency
from sentinel.sensor.config import Health as Limits
from sentinel.sensor.outlets import Outlet
from sentinel.sensor.relief import LOSING, SAID, STEPS, Short
from sentinel.sources.live import Counters
from sentinel.store.retention import State
from sentinel.wire import layout as L

STATUS = "status.json"
MIN_CONNECTIONS = 5
"""TCP connections from which on a part of them that shows one side says something."""

_ACTION_PORT = {
    "en": "Check the mirror session and the cable; until it is mended, the absence of alerts says nothing.",
    "zh": "检查交换机的镜像会话和网线；恢复之前，没有告警不代表没有问题。",
}


def _kind(name: str, level: str, title: tuple[str, str], why: tuple[str, str], action: dict[str, str]) -> AlertKind:
    texts = [{"en": en, "zh": zh} for en, zh in (title, why)]
    return AlertKind(name, name, level, texts[0], texts[1], action, [])


LOSS = _kind(
    "sensor_loss", "medium", ("The sensor lost frames", "传感器丢失了数据帧"),
    ("{lost} frames of port {port} were lost, in the kernel because the sensor was slower than the wire, or on the way "
     "from the sender of a mirror session: what they held is missing from all that is said of this time.",
     "端口 {port} 丢失 {lost} 帧：传感器跟不上线路而在内核中丢弃，或在镜像会话的传输途中丢失。"
     "这段时间内的所有结论都缺少这些帧的内容。"),
    {"en": "Narrow the mirror session or the capture filter, enlarge the ring (ring_mib), or use a faster box.",
     "zh": "缩小镜像范围或抓包过滤条件，增大环形缓冲区（ring_mib），或换用更快的设备。"},
)  # fmt: skip
SILENT = _kind(
    "sensor_silent", "medium", ("A port delivers nothing", "端口没有流量"),
    ("Port {port} has delivered no frame for {seconds} seconds: a cable, the mirror session or the switch has failed, "
     "or somebody blinded the sensor.",
     "端口 {port} 已有 {seconds} 秒没有收到任何数据帧：网线、镜像会话或交换机出现故障，或有人有意让传感器失明。"),
    _ACTION_PORT,
)  # fmt: skip
ONE_SIDED = _kind(
    "sensor_one_sided", "low", ("The mirror port shows one side only", "镜像端口只有单向流量"),
    ("Of {connections} TCP connections {silent} show one direction: answers, and whether a command was carried out, "
     "cannot be seen.",
     "{connections} 条 TCP 连接中有 {silent} 条只有单向流量：看不到应答，也无法判断命令是否被执行。"),
    {"en": "Let the mirror session copy both directions (rx and tx) of the port or VLAN.",
     "zh": "让镜像会话同时复制端口或 VLAN 的收、发两个方向。"},
)  # fmt: skip
CLOCK = _kind(
    "sensor_clock_step", "low", ("The sensor's clock was set", "传感器的时钟被调整"),
    ("The clock went {seconds} seconds against the steady one: times before and after do not compare.",
     "时钟相对单调时钟跳变了 {seconds} 秒：此前与此后的时间不可直接比较。"),
    {"en": "Keep the clock by a time service that slews, and note the time in the report.",
     "zh": "使用平滑校时的时间服务，并在报告中注明该时刻。"},
)  # fmt: skip
BEHIND = _kind(
    "sensor_overload", "medium", ("The sensor falls behind the wire", "传感器处理滞后"),
    ("The newest frame that was read is {seconds} seconds old: alerts come late, and frames will be lost.",
     "最新读取的数据帧已是 {seconds} 秒之前的：告警会延迟，并将丢失数据帧。"),
    LOSS.action,
)  # fmt: skip
UNRECORDED = _kind(
    "sensor_unrecorded", "medium", ("Frames are not kept", "数据帧未能保存"),
    ("The disk refused a segment: alerts of this time cite frames that nobody can look at. What was found is kept.",
     "磁盘拒绝写入分段：这段时间的告警所引用的数据帧无法再查看。已发现的结果仍然保留。"),
    {"en": "Free the disk, or lower [record] disk_gib; the next segment tries again.",
     "zh": "清理磁盘，或调小 [record] disk_gib；下一个分段会再次尝试。"},
)  # fmt: skip
SINK = _kind(
    "sensor_sink", "medium", ("A receiver gets nothing", "接收端收不到数据"),
    ("{receiver} has got nothing for {seconds} seconds; what it should get waits in the case and is sent when it is "
     "back.",
     "{receiver} 已有 {seconds} 秒未能接收；应发送的内容保留在案例中，恢复后自动补发。"),
    {"en": "See why with: sentinel status. Mend the receiver, or the way to it.",
     "zh": "用 sentinel status 查看原因，修复接收端或到它的网络。"},
)  # fmt: skip
FULL = _kind(
    "sensor_full", "medium", ("The case is larger than it may be", "案例超出允许的大小"),
    ("The case takes {used} MiB, and nothing is left in it that may be given up: reads were counted, counts and flows "
     "dropped; what remains are writes, controls, faults, alerts and devices.",
     "案例已占用 {used} MiB，已没有可以舍弃的内容：读取已合并计数，计数和流已删除；剩下写入、控制、故障、告警和设备。"),
    {"en": "Enlarge [disk] case_gib, or begin a new case; look for a flood of writes or faults.",
     "zh": "调大 [disk] case_gib，或另建案例；检查是否有大量写入或故障报文。"},
)  # fmt: skip
MEMORY = _kind(
    "sensor_memory", "medium", ("The sensor gives something up for want of memory", "传感器因内存不足而舍弃部分内容"),
    ("The process takes {used} of the {cap} MiB that it may use: {en}. Alerts are never given up.",
     "进程占用 {used} MiB，上限 {cap} MiB：{zh}。告警从不舍弃。"),
    {"en": "Allow more memory ([life] memory_mib), or narrow the mirror session or the filter; look for a flood.",
     "zh": "增大允许的内存（[life] memory_mib），或缩小镜像范围、过滤条件；检查是否有洪泛流量。"},
)  # fmt: skip
KINDS = (LOSS, SILENT, ONE_SIDED, CLOCK, BEHIND, UNRECORDED, SINK, FULL, MEMORY)


@dataclass(slots=True)
class Moment:
    """What the loop saw at one second; `now` by the steady clock, in seconds, other times in ns since 1970 UTC."""

    now: float
    time_ns: int
    ports: list[tuple[str, Counters]]
    latest_frame_ns: int
    frame: tuple[int, int]
    """Capture and frame that were read last: what an alert of this second cites."""
    waiting: int
    deepest: int
    most: int
    latency: Latency
    open_flows: int
    evicted: int
    segment: str
    deleted_segments: int
    outlets: Sequence[Outlet] = ()
    room: State = field(default_factory=State)
    short: Short = field(default_factory=Short)
    room_gib: float = 0.0
    """How large the case may be; 0: as large as it gets."""
    workers: Sequence[dict[str, Any]] = ()
    """Of a crew: what each worker process counted, its `memory` and its `cpu_seconds`."""


@dataclass(slots=True)
class _Port:
    """What is remembered of a port from one second to the next."""

    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    heard: float = 0.0
    silent: bool = False
    silent_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """An alert that is to be raised."""

    kind: AlertKind
    subject: str
    values: dict[str, Any]
    count: int = 1


class Health:
    """Judges one moment after the other."""

    def __init__(self, limits: Limits, folder: Path, flows_every: float):
        self.limits = limits
        self._path = folder / STATUS
        self._flows_every = flows_every
        self._flows_at = 0.0
        self._started = time.time_ns()
        self._ports: dict[str, _Port] = {}
        self._offset: float | None = None
        self._behind = False
        self._sided = False
        self._down: set[str] = set()
        self._one_sided: float | None = None
        self._steps = 0
        self._cpu = 0.0
        self._last: Moment | None = None
        self.load = 0.0
        self.seccomp = "off"
        """Whether system calls are confined: on, off, or why not."""
        self.unrecorded = 0
        """Segments that the disk refused."""
        self._told_unrecorded = 0
        self._stuck = False
        self._level = 0
        self.status: dict[str, Any] = {}
        """As it was last written."""

    def wants_flows(self, now: float) -> bool:
        """Whether it is time to look at the open flows."""
        if now < self._flows_at:
            return False
        self._flows_at = now + self._flows_every
        return True

    def flows(self, cells: np.ndarray) -> Event | None:
        """Look at cells of the open flows: how much of TCP shows one direction."""
        tcp = cells[(cells[:, L.L_PROTO] == 6) & (cells[:, L.L_PAYLOAD_CLIENT] + cells[:, L.L_PAYLOAD_SERVER] > 0)]
        silent = int(((tcp[:, L.L_PACKETS_CLIENT] == 0) | (tcp[:, L.L_PACKETS_SERVER] == 0)).sum())
        if len(tcp) < MIN_CONNECTIONS:
            return None
        self._one_sided = silent / len(tcp)
        before, self._sided = self._sided, self._one_sided >= self.limits.one_sided
        if self._sided and not before:
            return Event(ONE_SIDED, "", {"connections": len(tcp), "silent": silent})
        return None

    def look(self, moment: Moment, flows: Event | None = None) -> Callable[[Book], None] | None:
        """Judge a moment and write the status; what is to be added to the book of alerts, if anything."""
        events = [*self._look_at_ports(moment), *self._look_at_clock(moment), *self._look_at_lag(moment)]
        events += self._look_at_outlets(moment)
        events += [*self._look_at_room(moment), *self._look_at_memory(moment)]
        if flows is not None:
            events.append(flows)
        if self.unrecorded > self._told_unrecorded:
            events.append(Event(UNRECORDED, "", {}, self.unrecorded - self._told_unrecorded))
            self._told_unrecorded = self.unrecorded
        self._write(moment)
        self._last = moment
        return _claims(events, moment) if events else None

    def detail(self, kept: bool) -> dict[str, Any]:
        """How well a segment captured, for its row: the ports' silence, one-sidedness, clock steps."""
        return {
            "frames_kept": kept,
            "silent_seconds": {name: round(port.silent_seconds, 1) for name, port in self._ports.items()},
            "one_sided": self._one_sided,
            "clock_steps": self._steps,
            "memory_steps": {} if self._last is None else {s: n for s, n in self._last.short.taken.items() if n},
            "values_not_kept": 0 if self._last is None else self._last.short.values,
            "senders": {name: sorted(c.senders) for name, c in self._last.ports if c.senders} if self._last else {},
            "damaged_blocks": sum(c.damaged for _, c in self._last.ports) if self._last is not None else 0,
        }

    def _look_at_ports(self, moment: Moment) -> list[Event]:
        events = []
        for name, counters in moment.ports:
            port = self._ports.setdefault(name, _Port(heard=moment.now))
            lost = counters.dropped - port.dropped
            if lost > 0:
                events.append(Event(LOSS, name, {"lost": lost, "port": name}, lost))
            if counters.frames > port.frames:
                port.heard, port.silent = moment.now, False
            elif moment.now - port.heard >= self.limits.silent_seconds:
                port.silent_seconds += moment.now - self._last.now if self._last is not None else 0.0
                if not port.silent:
                    port.silent = True
                    events.append(Event(SILENT, name, {"seconds": round(moment.now - port.heard), "port": name}))
            port.frames, port.bytes, port.dropped = counters.frames, counters.bytes, counters.dropped
        return events

    def _look_at_clock(self, moment: Moment) -> list[Event]:
        offset = moment.time_ns / 1e9 - moment.now
        before, self._offset = self._offset, offset
        if before is None or abs(offset - before) < self.limits.clock_step_seconds:
            return []
        self._steps += 1
        return [Event(CLOCK, "", {"seconds": round(offset - before, 1)})]

    def _look_at_lag(self, moment: Moment) -> list[Event]:
        """Only while frames come: the newest one that was read is old otherwise, too."""
        lag = (moment.time_ns - moment.latest_frame_ns) / 1e9
        coming = moment.frame[1] > 0 and self._last is not None and moment.frame != self._last.frame
        before, self._behind = self._behind, coming and lag >= self.limits.behind_seconds
        return [Event(BEHIND, "", {"seconds": round(lag, 1)})] if self._behind and not before else []

    def _look_at_outlets(self, moment: Moment) -> list[Event]:
        """Receivers that have got nothing for long."""
        before = self._down
        self._down = {one.receiver for one in moment.outlets if one.down >= self.limits.sink_seconds}
        return [
            Event(SINK, one.receiver, {"receiver": one.receiver, "seconds": round(one.down)})
            for one in moment.outlets
            if one.receiver in self._down - before
        ]

    def _look_at_memory(self, moment: Moment) -> list[Event]:
        """Each step that loses something is said when it is taken."""
        before, self._level = self._level, moment.short.level
        used, cap = memory.held() >> 20, moment.short.cap >> 20
        said = [SAID[step] for step in STEPS[max(before, LOSING - 1) : self._level]]
        return [Event(MEMORY, "", {"used": used, "cap": cap, "en": en, "zh": zh}) for en, zh in said]

    def _look_at_room(self, moment: Moment) -> list[Event]:
        before, self._stuck = self._stuck, moment.room.stuck
        return [Event(FULL, "", {"used": moment.room.used >> 20})] if self._stuck and not before else []

    def _write(self, moment: Moment) -> None:
        """Replace the status file; a disk that refuses it does not end the capture."""
        seconds = moment.now - self._last.now if self._last is not None else 1.0
        cpu = time.process_time() + sum(one["cpu_seconds"] for one in moment.workers)
        self.load = max(0.0, cpu - self._cpu) / max(seconds, 0.001) if self._last is not None else 0.0
        self._cpu = cpu
        earlier = dict(self._last.ports) if self._last is not None else {}
        ports = []
        for name, now in moment.ports:
            before = earlier.get(name, Counters())
            port = self._ports[name]
            rates = {
                "frames_per_second": round((now.frames - before.frames) / max(seconds, 0.001)),
                "bytes_per_second": round((now.bytes - before.bytes) / max(seconds, 0.001)),
            }
            ports.append({"port": name, **asdict(now), **rates, "silent": port.silent})
        latency = moment.latency
        self.status = {
            "pid": os.getpid(),
            "started": self._started,
            "time": moment.time_ns,
            "ports": ports,
            "capture": moment.frame[0],
            "frame": moment.frame[1],
            "sinks": [_shown(one) for one in moment.outlets],
            "segment": moment.segment,
            "deleted_segments": moment.deleted_segments,
            "queue": {"waiting": moment.waiting, "deepest": moment.deepest, "most": moment.most},
            "latency": {**asdict(latency), "mean": latency.total / latency.alerts if latency.alerts else 0.0},
            "open_flows": moment.open_flows,
            "evicted_flows": moment.evicted,
            "one_sided": self._one_sided,
            "clock_steps": self._steps,
            "seccomp": self.seccomp,
            "room": {**asdict(moment.room), "most": round(moment.room_gib * (1 << 30))},
            "cpu": round(self.load, 3),
            "memory": memory.held() + sum(one["memory"] for one in moment.workers),
            "workers": list(moment.workers),
            "relief": {**asdict(moment.short), "step": STEPS[moment.short.level - 1] if moment.short.level else ""},
        }
        temporary = self._path.with_suffix(".tmp")
        with suppress(OSError):
            temporary.write_text(json.dumps(self.status, ensure_ascii=False), encoding="utf-8")
            temporary.replace(self._path)


def _shown(outlet: Outlet) -> dict[str, Any]:
    """A receiver in the status; `kept` is the problem as it can be said in any language (`Sentence.again`)."""
    problem = outlet.problem
    return {
        "receiver": outlet.receiver,
        "problem": "" if problem is None else str(problem),
        "kept": "" if problem is None else problem.kept(),
        "down": round(outlet.down, 1),
        "failures": outlet.failures,
        "waiting": round(outlet.waiting, 1),
        "refused": outlet.refused,
        "idle": None if outlet.idle is None else round(outlet.idle, 1),
        "rows": None if outlet.rows is None else asdict(outlet.rows),
    }


def _claims(events: list[Event], moment: Moment) -> Callable[[Book], None]:
    def add(book: Book) -> None:
        for event in events:
            subject = Subject("", event.subject, "", None)
            proof: list[tuple[int, int, int | None]] = [(*moment.frame, None)]
            claim = Claim(subject, event.count, moment.time_ns, moment.time_ns, proof)
            book.add(event.kind, claim, lambda values=event.values: values)  # type: ignore[misc]

    return add
