"""The sensor's configuration: one TOML file, each key with its type, default and one sentence.

A key that is not there, of another type or outside its bounds is refused before anything starts. What is given on the
command line counts more.
"""

# ruff: noqa: E501  (ruff counts a Chinese character as two)

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sentinel.errors import UsageError

MIB, GIB = 1 << 20, 1 << 30


def _key(
    default: Any, en: str, zh: str, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()
) -> Any:  # fmt: skip
    """A key with its sentence in both languages; numbers have bounds, texts may be one of some `choices`."""
    meta = {"en": en, "zh": zh, "low": low, "high": high, "choices": choices}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(slots=True)
class Capture:
    """Where frames come from."""

    interfaces: list[str] = _key([], "Ports to listen at.", "监听的端口。")
    filter: str = _key(
        "",
        "Capture filter, as tcpdump takes it; empty: every frame.",
        "抓包过滤条件，写法同 tcpdump；留空表示全部数据帧。",
    )
    promiscuous: bool = _key(
        True, "Take frames that are addressed to others as well.", "也接收发给其他主机的数据帧（混杂模式）。"
    )
    ring_mib: int = _key(
        64, "Memory that the kernel fills for each port.", "内核为每个端口准备的环形缓冲区大小（MiB）。", 2, 4096
    )
    workers: int = _key(
        1,
        "Processes that share the ports by pairs of addresses, where one processor is not enough; each has its own ring.",
        "一个处理器不够时，按地址对分担端口流量的进程数；每个进程有自己的环形缓冲区。",
        1,
        64,
    )


@dataclass(slots=True)
class Record:
    """The segments: what was captured, kept as evidence."""

    enabled: bool = _key(
        True,
        "Keep the frames; without them alerts cite frames that nobody can look at.",
        "保存原始数据帧；不保存时，告警引用的帧无法再查看。",
    )
    folder: str = _key(
        "",
        "Where the segments lie; empty: `segments` in the case.",
        "分段文件的存放位置；留空表示案例中的 `segments`。",
    )
    max_mib: int = _key(256, "A segment ends when it is as large.", "分段达到此大小（MiB）时结束。", 1, 1 << 20)
    max_minutes: float = _key(15.0, "A segment ends when it is as old.", "分段达到此时长（分钟）时结束。", 0.01, 1440)
    compress: bool = _key(True, "Compress a segment with zstd when it has ended.", "分段结束后用 zstd 压缩。")
    disk_gib: float = _key(
        20.0, "The oldest segments are deleted beyond so much.", "总量超过此值（GiB）时删除最旧的分段。", 0.001, 1 << 20
    )


@dataclass(slots=True)
class Store:
    """The case."""

    checkpoint_seconds: float = _key(
        5.0,
        "The tables of the case are brought up to date so often; alerts at once.",
        "案例中各表的更新间隔（秒）；告警立即写入。",
        1,
        600,
    )
    inventory_seconds: float = _key(
        30.0, "Assets and open flows so often.", "资产和未结束的流的更新间隔（秒）。", 5, 3600
    )
    run_hours: float = _key(
        24.0,
        "A run of the case lasts so long, then the next one begins; flows go on.",
        "案例中一次运行的时长（小时），到时另起一次；流不中断。",
        0.01,
        744,
    )


@dataclass(slots=True)
class Disk:
    """The room that the tables of the case may take, beside the segments."""

    case_gib: float = _key(
        20.0,
        "Beyond so much, the oldest reads become counts, then the oldest counts and flows are dropped; 0: never.",
        "超过此值（GiB）时，最旧的读取先合并为计数，仍不够时再删除最旧的计数和流；0 表示从不。",
        0,
        1 << 20,
    )
    messages_days: float = _key(
        0.0,
        "Reads become counts when their run is so old; 0: only for want of room.",
        "运行结束超过此天数的读取合并为计数；0 表示仅在空间不足时。",
        0,
        36500,
    )
    polls_days: float = _key(
        0.0,
        "Counts of messages are dropped when so old; 0: only for want of room.",
        "报文计数保留的天数；0 表示仅在空间不足时删除。",
        0,
        36500,
    )
    trends_days: float = _key(
        0.0,
        "Counts of values are dropped when so old; 0: only for want of room.",
        "数值计数保留的天数；0 表示仅在空间不足时删除。",
        0,
        36500,
    )
    flows_days: float = _key(
        0.0,
        "Flows of which nothing else speaks are dropped when so old; 0: only for want of room.",
        "不再被任何记录引用的流保留的天数；0 表示仅在空间不足时删除。",
        0,
        36500,
    )


@dataclass(slots=True)
class Health:
    """When the sensor raises an alert about itself."""

    silent_seconds: float = _key(
        60.0,
        "A port that delivered no frame for so long is silent.",
        "端口超过此时长（秒）没有数据帧即视为静默。",
        1,
        86400,
    )
    clock_step_seconds: float = _key(
        2.0,
        "The clock was set when it went so far from the steady one.",
        "时钟与单调时钟相差超过此值（秒）即视为被调整。",
        0.1,
        3600,
    )
    behind_seconds: float = _key(
        2.0,
        "The sensor is overloaded when it is so far behind the wire.",
        "落后于线路超过此值（秒）即视为过载。",
        0.5,
        600,
    )
    one_sided: float = _key(
        0.9,
        "A mirror port is one-sided when so large a part of TCP connections is.",
        "单向的 TCP 连接达到此比例时，视为镜像端口只有单向流量。",
        0.1,
        1,
    )
    sink_seconds: float = _key(
        300.0,
        "A receiver that took nothing for so long is down.",
        "接收端超过此时长（秒）未能接收即视为不可用。",
        1,
        86400,
    )


@dataclass(slots=True)
class Life:
    """How the program runs."""

    observer: str = _key(
        "",
        "Name of this sensor in the documents that receivers get; empty: that of the machine.",
        "发送给接收端的文档中本传感器的名称；留空表示使用主机名。",
    )
    user: str = _key(
        "",
        "Become this user when the ports are open; empty: stay who one is.",
        "端口打开后切换到此用户；留空表示不切换。",
    )
    seccomp: str = _key(
        "auto",
        "Give up system calls that a sensor never needs when the ports are open: auto (they fail, where libseccomp is "
        "installed), kill (they end the process) or off.",
        "端口打开后放弃传感器用不到的系统调用：auto（已安装 libseccomp 时，这些调用返回失败）、kill（调用即终止进程）或 off。",
        choices=("auto", "kill", "off"),
    )
    memory_mib: int = _key(
        0,
        "The memory that the process may use; 0: as much as the service manager allows.",
        "进程可用的内存（MiB）；0 表示由服务管理器限制。",
        0,
        1 << 20,
    )
    metrics_port: int = _key(
        0,
        "Serve metrics for Prometheus at this TCP port of 127.0.0.1, for example 9820; 0: do not. Read at the start.",
        "在 127.0.0.1 的此 TCP 端口提供 Prometheus 指标，例如 9820；0 表示不提供。仅在启动时读取。",
        0,
        65535,
    )


@dataclass(slots=True)
class Config:
    """All of it; the names of the tables are those of the file."""

    capture: Capture = field(default_factory=Capture)
    record: Record = field(default_factory=Record)
    store: Store = field(default_factory=Store)
    disk: Disk = field(default_factory=Disk)
    health: Health = field(default_factory=Health)
    life: Life = field(default_factory=Life)
    rules: list[str] = _key(
        [], "Folders of Sigma rules to use as well as the shipped ones.", "除自带规则外还要使用的 Sigma 规则文件夹。"
    )
    sinks: list[str] = _key(
        [],
        "Receivers of alerts and data, each a URI as docs/sinks.md explains.",
        "接收告警和数据的目的地，每个为一个 URI，写法见 docs/sinks.md。",
    )

    @classmethod
    def read(cls, path: Path) -> Config:
        """The configuration of a file. UsageError names the file and the key where something is wrong."""
        try:
            with path.open("rb") as file:
                data = tomllib.load(file)
        except OSError as error:
            raise UsageError("{path}: cannot be read ({why})", path=path, why=error.strerror) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError("{path}: is no TOML ({why})", path=path, why=error) from error
        return cls.of(data, path)

    @classmethod
    def of(cls, data: Mapping[str, Any], path: Path | str) -> Config:
        """The configuration that these data say; `path` is named where something is wrong."""
        config = cls()
        _fill(config, data, path, "")
        return config


def _fill(target: Any, data: Mapping[str, Any], path: Path | str, prefix: str) -> None:
    known = {one.name: one for one in fields(target)}
    for name, value in data.items():
        place = prefix + name
        if name not in known:
            names = ", ".join(known)
            raise UsageError("{path}: there is no key {key}; there are {names}", path=path, key=place, names=names)
        default = getattr(target, name)
        if not known[name].metadata:
            if not isinstance(value, Mapping):
                raise UsageError("{path}: {key} must be {kind}", path=path, key=place, kind="[...]")
            _fill(default, value, path, place + ".")
            continue
        setattr(target, name, _checked(value, default, known[name].metadata, path, place))


def _checked(value: Any, default: Any, meta: Mapping[str, Any], path: Path | str, place: str) -> Any:
    if isinstance(default, bool) or isinstance(value, bool):
        good, kind = isinstance(default, bool) and isinstance(value, bool), type(default).__name__
    elif isinstance(default, list):
        good, kind = isinstance(value, list) and all(isinstance(one, str) for one in value), "list[str]"
    elif isinstance(default, str):
        choices = meta["choices"]
        good, kind = isinstance(value, str) and (not choices or value in choices), " | ".join(choices) or "str"
    else:
        good = isinstance(value, int if isinstance(default, int) else (int, float))
        good = good and meta["low"] <= value <= meta["high"]
        kind = f"{meta['low']:g} ... {meta['high']:g}"
    if not good:
        raise UsageError("{path}: {key} must be {kind}", path=path, key=place, kind=kind)
    return value
