"""What a client's lists may say: fields of assets, zones, conduits, tags and tickets, their headings, how a cell is read.

A reader of a cell gets what the file held (text, number, bool, date, list) and gives a plain JSON value, or raises
`BadCell` with the reason. Headings are recognised in Chinese and English (`Field.aliases`).
"""

# ruff: noqa: E501  (a heading and its translation are read as one line; ruff counts a Chinese character as two)

from __future__ import annotations

import datetime
import ipaddress
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sentinel.assess._cells import MAX_TEXT, failed_formula
from sentinel.assess.model import Text
from sentinel.model import Activity

MAX_LIST = 256
"""Addresses, subnets or names in one cell."""
VLANS = range(1, 4095)

Reader = Callable[[Any], Any]


class BadCell(ValueError):
    """What a cell holds cannot be what its column says; `reason` in both languages."""

    def __init__(self, zh: str, en: str):
        super().__init__(en)
        self.reason = Text(zh, en)


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a list."""

    name: str
    title: Text
    help: Text
    read: Reader
    aliases: tuple[str, ...] = ()
    choices: Mapping[str, Text] = field(default_factory=dict)
    """Values for a drop-down list, with what they mean."""

    def heads(self) -> set[str]:
        """Every heading under which the column is recognised, normalised."""
        both = f"{self.title.zh}{self.title.en}"
        return {normal(text) for text in (self.name, self.title.zh, self.title.en, both, *self.aliases)}

    def offered(self, value: str) -> str:
        """One of the choices as a drop-down list shows it, with its meaning."""
        meaning = self.choices[value]
        return f"{value} {meaning.zh} {meaning.en}" if meaning.zh != meaning.en else value

    def plain(self, value: Any) -> Any:
        """What a cell holds, without the meaning that a drop-down list shows behind a choice."""
        first = value.split()[0] if isinstance(value, str) and value.strip() else ""
        return first if first in self.choices and value == self.offered(first) else value


def normal(heading: str) -> str:
    """A heading without case, spaces, punctuation, full-width forms and what stands in brackets."""
    text = re.sub(r"\(.*?\)", "", unicodedata.normalize("NFKC", heading).lower())
    return re.sub(r"[\W_]+", "", text)


# --- readers ---------------------------------------------------------------------------------------------------------


def text(value: Any) -> str:
    """Text on one line, without control characters."""
    if failed_formula(value):
        raise BadCell(f"单元格中的公式出错（{value}）", f"the formula of the cell failed ({value})")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, list | dict):
        raise BadCell("此处应是一个值，不是列表", "one value is expected here, no list")
    said = " ".join(unicodedata.normalize("NFC", str(value)).split())
    said = "".join(c for c in said if unicodedata.category(c)[0] != "C")
    if len(said) > MAX_TEXT:
        raise BadCell(f"超过 {MAX_TEXT} 个字符", f"longer than {MAX_TEXT} characters")
    return said


def both_languages(value: Any) -> Any:
    """Text, or a mapping of zh and en to text."""
    if isinstance(value, dict):
        if not value or not set(value) <= {"zh", "en"}:
            raise BadCell("只接受 zh 和 en 两个键", "only the keys zh and en are known")
        return {key: text(item) for key, item in value.items()}
    return text(value)


def texts(value: Any) -> list[str]:
    """Several texts: a list, or separated by semicolons, commas, 、 or line breaks."""
    parts = (
        value
        if isinstance(value, list)
        else re.split(r"[;；,，、\n]+", value if isinstance(value, str) else text(value))
    )
    found = [text(part) for part in parts]
    if len(found) > MAX_LIST:
        raise BadCell(f"一格中超过 {MAX_LIST} 项", f"more than {MAX_LIST} in one cell")
    return list(dict.fromkeys(item for item in found if item))


def _each(value: Any, read: Reader) -> list[Any]:
    parts = value if isinstance(value, list) else re.split(r"[;；,，、\s]+", text(value))
    if len(parts) > MAX_LIST:
        raise BadCell(f"一格中超过 {MAX_LIST} 项", f"more than {MAX_LIST} in one cell")
    return list(dict.fromkeys(read(part) for part in parts if part not in (None, "")))


def ip(value: Any) -> str:
    """A network address in its usual form."""
    said = text(value)
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        raise BadCell(f"“{said}”不是 IP 地址", f"{said!r} is no IP address") from None


def mac(value: Any) -> str:
    """A MAC address, however it is punctuated, as aa:bb:cc:dd:ee:ff."""
    said = text(value)
    digits = re.sub(r"[:\-. ]", "", said).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise BadCell(f"“{said}”不是 MAC 地址", f"{said!r} is no MAC address")
    return ":".join(digits[n : n + 2] for n in range(0, 12, 2))


def ips(value: Any) -> list[str]:
    """Network addresses."""
    return _each(value, ip)


def macs(value: Any) -> list[str]:
    """MAC addresses."""
    return _each(value, mac)


def address(value: Any) -> str:
    """A network or MAC address."""
    said = text(value)
    if re.search(r"[-:]", said) and re.fullmatch(r"([0-9A-Fa-f]{2}[-:]){5}[0-9A-Fa-f]{2}", said):
        return mac(said)
    return ip(said)


def addresses(value: Any) -> list[str]:
    """Network or MAC addresses."""
    return _each(value, address)


def subnets(value: Any) -> list[str]:
    """Networks as 10.20.1.0/24; an address alone is its own network."""
    return _each(value, _subnet)


def _subnet(value: Any) -> str:
    said = text(value)
    try:
        return str(ipaddress.ip_network(said, strict=True))
    except ValueError:
        pass
    try:
        right = ipaddress.ip_network(said, strict=False)
    except ValueError:
        raise BadCell(f"“{said}”不是子网", f"{said!r} is no subnet") from None
    raise BadCell(f"“{said}”的主机位不为零，应为 {right}", f"{said!r} has host bits set; {right} is meant?")


def vlans(value: Any) -> list[int]:
    """VLAN identifiers; 100-103 is four of them."""
    found: list[int] = []
    for part in _each(value, text):
        first, _, last = part.partition("-")
        low, high = whole(first), whole(last or first)
        if low not in VLANS or high not in VLANS or high < low:
            raise BadCell(f"“{part}”不是 VLAN 编号（1–4094）", f"{part!r} is no VLAN identifier (1 to 4094)")
        found.extend(range(low, high + 1))
    return sorted(set(found))


def whole(value: Any) -> int:
    """A whole number, not negative."""
    said = text(value)
    if not re.fullmatch(r"\d{1,10}", said):
        raise BadCell(f"“{said}”不是整数", f"{said!r} is no whole number")
    return int(said)


_GRADES = {
    "很低": 1, "低": 2, "中": 3, "中等": 3, "高": 4, "很高": 5, "verylow": 1, "low": 2, "medium": 3, "high": 4,
    "veryhigh": 5, "critical": 5, "关键": 5,
}  # fmt: skip


def grade(value: Any) -> int:
    """1 to 5, or the words for it."""
    said = text(value)
    number = _GRADES.get(normal(said))
    if number is None:
        number = int(said) if re.fullmatch(r"\d", said) else 0
    if not 1 <= number <= 5:
        raise BadCell(f"“{said}”不是 1 至 5 的等级", f"{said!r} is no grade from 1 to 5")
    return number


def security_level(value: Any) -> int:
    """0 to 4, also as SL2."""
    said = text(value).upper().removeprefix("SL").strip(" -T")
    if said not in ("0", "1", "2", "3", "4"):
        raise BadCell(f"“{text(value)}”不是 0 至 4 的安全等级", f"{text(value)!r} is no security level from 0 to 4")
    return int(said)


def level(value: Any) -> str:
    """A Purdue level."""
    said = normal(text(value).replace(".", "p"))
    said = re.sub(r"^(level|lvl|l|第)|(层|级)$", "", said).replace("p", ".").removesuffix(".0")
    if said in ("dmz", "idmz", "隔离区"):
        return "3.5"
    if said not in LEVELS:
        raise BadCell(
            f"“{text(value)}”不是普渡层级（{'、'.join(LEVELS)}）",
            f"{text(value)!r} is no Purdue level ({', '.join(LEVELS)})",
        )
    return said


_YES = {"yes", "y", "true", "1", "x", "是", "有", "√", "✓", "真", "单向"}
_NO = {"no", "n", "false", "0", "", "否", "无", "×", "假", "双向"}


def yes_no(value: Any) -> bool:
    """Whether it is so."""
    said = text(value).lower()
    if said in _YES or said in _NO:
        return said in _YES
    raise BadCell(f"“{said}”应为“是”或“否”", f"{said!r} should be yes or no")


_ONE_WAY = {"oneway": True, "单向": True, "source>target": True, "->": True, "→": True, "simplex": True,
            "both": False, "双向": False, "twoway": False, "<->": False, "↔": False, "bidirectional": False}  # fmt: skip


def direction(value: Any) -> bool:
    """Whether a conduit is one-way: in words, as an arrow, or as yes and no."""
    said = text(value)
    found = _ONE_WAY.get(said, _ONE_WAY.get(normal(said)))
    if found is not None:
        return found
    try:
        return yes_no(said)
    except BadCell:
        raise BadCell(f"“{said}”应为“单向”或“双向”", f"{said!r} should be one-way or both") from None


_PROTOCOLS = {
    "modbustcp": "modbus", "mbtcp": "modbus", "s7": "s7comm", "s7communication": "s7comm", "西门子s7": "s7comm",
    "profinetio": "profinet", "ethernetip": "enip", "cip": "enip", "opc": "opcua", "iec104": "iec104",
    "iec608705104": "iec104", "104": "iec104", "61850mms": "mms", "任意": "*", "any": "*", "全部": "*", "all": "*",
}  # fmt: skip


def protocols(value: Any) -> list[str]:
    """Protocol labels, `tcp/443`, or `*` for any."""
    return list(dict.fromkeys(_protocol(part) for part in texts(value)))


def _protocol(value: Any) -> str:
    said = unicodedata.normalize("NFKC", text(value)).lower()
    port = re.fullmatch(r"(?:(tcp|udp|sctp)[/: -]?(\d{1,5})|(\d{1,5})/(tcp|udp|sctp))", said)
    if port:
        transport, number = port[1] or port[4], int(port[2] or port[3])
        if number > 65535:
            raise BadCell(f"“{said}”的端口大于 65535", f"{said!r}: ports end at 65535")
        return f"{transport}/{number}"
    known = _PROTOCOLS.get(normal(said))
    if known is None and not (said == "*" or re.fullmatch(r"[a-z][a-z0-9_.+-]{0,31}", said)):
        raise BadCell(
            f"“{said}”不是协议名或 tcp/443 形式的端口", f"{said!r} is neither a protocol nor a port as tcp/443"
        )
    return known or said


_ACTIVITIES = {
    "读": "read", "读取": "read", "写": "write", "写入": "write", "控制": "control", "操作": "control", "下装": "program",
    "下载": "program", "上载": "program", "程序": "program", "组态": "program", "启停": "mode", "模式": "mode", "配置": "configure",
    "参数": "configure", "识别": "identify", "文件": "file", "固件": "file", "校时": "time", "对时": "time", "诊断": "diagnose",
    "download": "program", "upload": "program", "startstop": "mode", "firmware": "file",
}  # fmt: skip
ACTIVITIES = tuple(activity.name.lower() for activity in Activity)


def activities(value: Any) -> list[str]:
    """Activities of messages."""
    return list(dict.fromkeys(_activity(part) for part in texts(value)))


def _activity(value: Any) -> str:
    said = normal(text(value))
    found = _ACTIVITIES.get(said, said)
    if found not in ACTIVITIES:
        known = ", ".join(ACTIVITIES)
        raise BadCell(f"“{text(value)}”不是已知操作（{known}）", f"{text(value)!r} is no activity ({known})")
    return found


def names(value: Any) -> list[str]:
    """Addresses, or names and numbers of assets, which the site resolves."""
    found = []
    for part in texts(value):
        try:
            found.append(address(part))
        except BadCell:
            found.append(part)
    return list(dict.fromkeys(found))


_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]*(\d{1,2})[:时点](\d{1,2})?分?(?::?(\d{1,2})秒?(?:\.\d+)?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}:?\d{2})?"
)


def moment(value: Any) -> datetime.datetime:
    """A point in time, with its zone where it was written, else without."""
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    said = unicodedata.normalize("NFKC", text(value))
    found = _TIME.fullmatch(said)
    try:
        if found is None:
            raise ValueError
        numbers = [int(part or 0) for part in found.groups()[:6]]
        time = datetime.datetime(*numbers)  # type: ignore[arg-type]
        return time if found[7] is None else time.replace(tzinfo=_offset(found[7]))
    except ValueError:
        raise BadCell(
            f"“{said}”不是时间（如 2026-03-01 08:00 或 2026-03-01 08:00+08:00）",
            f"{said!r} is no time (as 2026-03-01 08:00 or 2026-03-01 08:00+08:00)",
        ) from None


def _offset(said: str) -> datetime.tzinfo:
    if said in ("Z", "UTC"):
        return datetime.UTC
    digits = said[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return datetime.timezone(datetime.timedelta(minutes=-minutes if said[0] == "-" else minutes))


def day(value: Any) -> str:
    """A date as 2026-03-01."""
    found = moment(value)
    if not 1990 <= found.year <= 2100:
        raise BadCell(f"年份 {found.year} 不合理", f"the year {found.year} cannot be meant")
    return found.date().isoformat()


def number(value: Any) -> int | float:
    """A number; a separator of thousands and a full-width form are understood."""
    said = unicodedata.normalize("NFKC", text(value)).replace(",", "")
    factor = 1
    for unit, times in (("亿", 10**8), ("万", 10**4)):
        if said.endswith(unit):
            said, factor = said.removesuffix(unit).strip(), times
    try:
        found = float(said) * factor
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadCell(f"“{said}”不是数", f"{said!r} is no number")
    return int(found) if found.is_integer() else found


def one_of(choices: Mapping[str, Text], aliases: Mapping[str, str] | None = None) -> Reader:
    """A reader for one of the values, also by what they mean in either language."""
    known = {normal(text): value for value, meaning in choices.items() for text in (value, meaning.zh, meaning.en)}
    known.update({normal(alias): value for alias, value in (aliases or {}).items()})

    def read(value: Any) -> str:
        found = known.get(normal(text(value)))
        if found is None:
            zh = "、".join(meaning.zh for meaning in choices.values())
            raise BadCell(f"“{text(value)}”不在可选值之中（{zh}）", f"{text(value)!r} is none of {', '.join(choices)}")
        return found

    return read


# one column of a list is one line
# fmt: off
# --- the lists -------------------------------------------------------------------------------------------------------

LEVELS = {
    "0": Text("过程（传感器、执行器）", "process: sensors and actuators"),
    "1": Text("基本控制（PLC、RTU、SIS）", "basic control: PLC, RTU, SIS"),
    "2": Text("监控（HMI、工程师站）", "supervision: HMI, engineering station"),
    "3": Text("生产运行（MES、历史数据库）", "operations: MES, historian"),
    "3.5": Text("工业隔离区", "industrial DMZ"),
    "4": Text("企业网", "enterprise network"),
    "5": Text("互联网与外部", "Internet and outside"),
}
KINDS = {
    "plc": Text("可编程控制器", "PLC"), "rtu": Text("远动终端", "RTU"), "sis": Text("安全仪表系统", "safety system"),
    "hmi": Text("操作员站", "operator station"), "engineering": Text("工程师站", "engineering station"),
    "historian": Text("历史数据服务器", "historian"), "server": Text("服务器", "server"), "switch": Text("交换机", "switch"),
    "router": Text("路由器或防火墙", "router or firewall"), "gateway": Text("网关", "gateway"), "sensor": Text("传感器或仪表", "sensor"),
    "drive": Text("驱动器或变频器", "drive"), "host": Text("其他主机", "other host"), "unknown": Text("未知", "unknown"),
}  # fmt: skip
_KIND_ALIASES = {
    "控制器": "plc", "controller": "plc", "dcs控制器": "plc", "dcs": "plc", "cpu": "plc", "安全plc": "sis", "esd": "sis",
    "远程终端": "rtu", "ied": "rtu", "继电保护": "rtu", "上位机": "hmi", "触摸屏": "hmi", "人机界面": "hmi", "操作站": "hmi", "scada": "hmi",
    "工程站": "engineering", "工程师工作站": "engineering", "engineeringworkstation": "engineering", "es": "engineering", "ews": "engineering",
    "历史站": "historian", "历史数据库": "historian", "mes": "server", "数据库": "server", "防火墙": "router", "firewall": "router",
    "路由器": "router", "仪表": "sensor", "传感器": "sensor", "变送器": "sensor", "摄像头": "sensor", "变频器": "drive", "伺服": "drive",
    "vfd": "drive", "电脑": "host", "pc": "host", "主机": "host", "笔记本": "host", "串口服务器": "gateway", "其他": "unknown",
}  # fmt: skip
ZONE_KINDS = {
    "ot": Text("工业控制", "control network"), "it": Text("办公或信息网", "office or IT network"), "dmz": Text("隔离区", "DMZ"),
    "sis": Text("安全仪表", "safety system"), "wireless": Text("无线", "wireless"), "cloud": Text("云平台", "cloud"),
    "identifier": Text("标识解析节点", "identifier node"), "park": Text("园区", "park"), "remote": Text("远程接入", "remote access"),
    "external": Text("外部", "outside"),
}  # fmt: skip
_ZONE_ALIASES = {"生产网": "ot", "控制网": "ot", "工控网": "ot", "办公网": "it", "管理网": "it", "企业网": "it", "互联网": "external", "外网": "external", "5g": "wireless", "无线网": "wireless", "云": "cloud"}
TICKET_KINDS = {"change": Text("变更", "change"), "window": Text("维护窗口", "maintenance window")}
_TICKET_ALIASES = {"变更单": "change", "工单": "change", "检修": "window", "检修窗口": "window", "停机窗口": "window", "maintenance": "window", "window": "window"}
REPEATS = {"none": Text("不重复", "once"), "daily": Text("每天", "every day"), "weekly": Text("每周", "every week")}
_GRADE_WORDS = {str(n): Text(word, en) for n, word, en in ((1, "很低", "very low"), (2, "低", "low"), (3, "中", "medium"), (4, "高", "high"), (5, "很高", "very high"))}
_DIRECTIONS = {"both": Text("双向", "both ways"), "one-way": Text("单向", "one way")}


def _f(name: str, zh: str, en: str, help_zh: str, help_en: str, read: Reader = text, aliases: str = "", choices: Mapping[str, Text] | None = None) -> Field:
    return Field(
        name,
        Text(zh, en),
        Text(help_zh, help_en),
        read,
        tuple(aliases.split("|")) if aliases else (),
        choices or {},
    )


_NOTE = _f("note", "备注", "Note", "任何说明。", "Anything else.", aliases="说明|remark|remarks|comment|description|描述")

ASSETS = (
    _f("id", "资产编号", "Asset ID", "贵方自己的编号，重复导入时用它对应；没有则依次用 IP、MAC、名称。", "Your own number; imports are matched by it. Without one: IP, then MAC, then name.", aliases="编号|设备编号|资产号|位号|id|tag|asset|asset number|device id|no"),
    _f("name", "资产名称", "Name", "人们怎么称呼它。", "What people call it.", aliases="名称|设备名称|主机名|计算机名|hostname|device name|asset name|device|设备"),
    _f("kind", "类别", "Kind", "从列表中选择。", "Choose from the list.", one_of(KINDS, _KIND_ALIASES), "资产类型|设备类型|设备类别|类型|type|category|asset type|device type", KINDS),
    _f("role", "用途", "Role", "它在生产中做什么。", "What it does for the process.", aliases="功能|作用|purpose|function"),
    _f("ips", "IP 地址", "IP addresses", "多个用分号隔开。", "Several: separated by semicolons.", ips, "ip|ip address|ip地址|地址|网络地址|ipv4|ipaddr|address|addresses"),
    _f("macs", "MAC 地址", "MAC addresses", "多个用分号隔开。", "Several: separated by semicolons.", macs, "mac|mac address|mac地址|物理地址|ethernet address"),
    _f("unit", "站号", "Unit", "网关后面设备的 Modbus 单元号或 DNP3 地址。", "Modbus unit or DNP3 address of a device behind a gateway.", whole, "单元号|单元标识|从站号|从站地址|unit id|slave|slave id|station"),
    _f("vendor", "厂商", "Vendor", "", "", aliases="厂家|品牌|制造商|生产厂家|manufacturer|brand|make"),
    _f("model", "型号", "Model", "产品名或订货号。", "Product name or order number.", aliases="产品型号|订货号|规格型号|规格|product|order number|part number|mlfb"),
    _f("firmware", "固件版本", "Firmware", "控制器为固件版本，主机为操作系统版本。", "Of a controller its firmware, of a host its operating system.", aliases="固件|软件版本|版本|操作系统|系统版本|version|firmware version|os|software"),
    _f("serial", "序列号", "Serial number", "", "", aliases="sn|s/n|serial|出厂编号"),
    _f("level", "普渡层级", "Purdue level", "0 至 5；隔离区为 3.5。", "0 to 5; the DMZ is 3.5.", level, "层级|层次|level|purdue|layer|网络层级", LEVELS),
    _f("zone", "所属区域", "Zone", "区域表中的编号。", "Its number in the list of zones.", aliases="区域|安全区域|安全域|网络区域|zone id|area|segment"),
    _f("owner", "责任人", "Owner", "部门或姓名。", "Department or name.", aliases="负责人|管理员|责任部门|使用部门|保管人|responsible|custodian|department"),
    _f("location", "位置", "Location", "", "", aliases="安装位置|存放位置|地点|机房|机柜|site|place|room|cabinet|rack"),
    _f("criticality", "重要程度", "Criticality", "1（很低）至 5（很高）。", "1 (very low) to 5 (very high).", grade, "重要性|重要等级|资产等级|关键程度|importance|critical", _GRADE_WORDS),
    _f("c", "机密性", "Confidentiality", "1 至 5；不清楚就留空。", "1 to 5; leave it empty where unknown.", grade, "c|保密性|保密性赋值|机密性赋值", _GRADE_WORDS),
    _f("i", "完整性", "Integrity", "1 至 5；不清楚就留空。", "1 to 5; leave it empty where unknown.", grade, "i|完整性赋值", _GRADE_WORDS),
    _f("a", "可用性", "Availability", "1 至 5；不清楚就留空。", "1 to 5; leave it empty where unknown.", grade, "a|可用性赋值", _GRADE_WORDS),
    _f("bearing", "业务承载性", "Business bearing", "1 至 5：业务在多大程度上依赖它（GB/T 20984-2022）。", "1 to 5: how much of the business rests on it (GB/T 20984-2022).", grade, "业务承载|承载性|business dependence", _GRADE_WORDS),
    _NOTE,
)
ZONES = (
    _f("id", "区域编号", "Zone ID", "短而不变，例如 cell-1。", "Short and lasting, as cell-1.", aliases="编号|区域|zone|id|zone id"),
    _f("name", "区域名称", "Name", "", "", both_languages, "名称|中文名称|zone name"),
    _f("name_en", "英文名称", "Name in English", "英文报告中使用。", "For the English report.", aliases="英文名|english name|name en"),
    _f("level", "普渡层级", "Purdue level", "0 至 5；隔离区为 3.5。", "0 to 5; the DMZ is 3.5.", level, "层级|level|purdue|layer", LEVELS),
    _f("kind", "区域类别", "Kind", "从列表中选择。", "Choose from the list.", one_of(ZONE_KINDS, _ZONE_ALIASES), "类别|类型|type|zone type|区域类型", ZONE_KINDS),
    _f("subnets", "子网", "Subnets", "如 10.20.1.0/24；多个用分号隔开。", "As 10.20.1.0/24; several: separated by semicolons.", subnets, "网段|ip 网段|ip范围|地址段|subnet|network|networks|cidr"),
    _f("vlans", "VLAN", "VLANs", "编号，或 100-103。", "Numbers, or 100-103.", vlans, "vlan|vlan id|vlan号|vlan编号"),
    _f("members", "成员", "Members", "不论子网都属于本区域的 IP 或 MAC。", "IP or MAC addresses that belong to it whatever their subnet.", addresses, "成员地址|member|addresses|hosts"),
    _f("sl_t", "目标安全等级", "SL-T", "0 至 4（IEC 62443-3-2）；没有定就留空。", "0 to 4 (IEC 62443-3-2); empty where not set.", security_level, "slt|sl-t|安全等级|target security level", {str(n): Text(f"SL {n}", f"SL {n}") for n in range(5)}),
    _NOTE,
)
CONDUITS = (
    _f("id", "通道编号", "Conduit ID", "可不填，缺省为“源>目的”。", "May be empty: source>target.", aliases="编号|管道编号|conduit|id"),
    _f("source", "源区域", "Source zone", "区域编号。", "Number of a zone.", aliases="源|起点|源区|from|source|src|from zone|zone a"),
    _f("target", "目的区域", "Target zone", "区域编号。", "Number of a zone.", aliases="目的|目标|终点|目标区域|目的区|to|target|destination|dst|to zone|zone b"),
    _f("protocols", "允许的协议", "Allowed protocols", "协议名（modbus）或端口（tcp/443）；* 为任意；留空为都不允许。", "Protocols (modbus) or ports (tcp/443); * is any; empty: none is allowed.", protocols, "协议|允许协议|服务|端口|protocol|protocols|services|service|ports|allowed"),
    _f("one_way", "方向", "Direction", "单向：数据只准从源到目的；双向。", "one-way: payload only from source to target; or both.", direction, "单向|是否单向|one way|oneway|direction", _DIRECTIONS),
    _NOTE,
)
TAGS = (
    _f("device", "设备", "Device", "IP 地址，或资产编号、名称。", "IP address, or an asset's number or name.", aliases="ip|ip 地址|设备地址|控制器|plc|控制站|controller|station"),
    _f("unit", "站号", "Unit", "Modbus 单元号或 DNP3 地址；没有就留空。", "Modbus unit or DNP3 address; empty where there is none.", whole, "单元号|从站号|unit id|slave"),
    _f("object", "对象", "Object", "如 holding_register、coil、data_block、analog_input；地址写成 40001 或 DB1.DBW4 时可不填。", "As holding_register, coil, data_block, analog_input; not needed with addresses as 40001 or DB1.DBW4.", aliases="对象类型|数据区|寄存器类型|area|type|register type|memory"),
    _f("block", "数据块", "Block", "S7 数据块编号。", "Number of the S7 data block.", whole, "db|块号|db 号|data block"),
    _f("address", "地址", "Address", "从 0 起的数字，或 40001、DB1.DBW4、MW10 这类写法。", "A number from 0, or the notation of the controller: 40001, DB1.DBW4, MW10.", aliases="点地址|寄存器地址|寄存器|偏移|register|offset|plc address|变量地址"),
    _f("name", "位号", "Tag name", "如 TIC-101.PV。", "As TIC-101.PV.", aliases="名称|点名|变量名|标签|tag|name|point|point name|variable"),
    _f("unit_of_measure", "工程单位", "Unit of measure", "如 °C、bar。", "As °C, bar.", aliases="单位|量纲|uom|units|engineering unit|eu"),
    _NOTE,
)
TICKETS = (
    _f("id", "单号", "Ticket", "工单或窗口的编号。", "Number of the ticket or window.", aliases="编号|工单号|变更单号|id|ticket id|number|no|change id"),
    _f("kind", "类别", "Kind", "变更，或维护窗口。", "change, or maintenance window.", one_of(TICKET_KINDS, _TICKET_ALIASES), "类型|type|工单类型", TICKET_KINDS),
    _f("start", "开始时间", "Start", "如 2026-03-01 08:00；可带时区 +08:00，不带则按导入时说明的时区。", "As 2026-03-01 08:00, with +08:00 where needed; without one the zone named at import holds.", moment, "开始|起始时间|计划开始|start time|begin"),
    _f("end", "结束时间", "End", "同上。", "As above.", moment, "结束|截止时间|计划结束|end time|until time|finish"),
    _f("sources", "从哪里", "From hosts", "IP 地址或资产编号、名称；留空为任意。", "IP addresses, or numbers or names of assets; empty: any.", names, "源|源地址|操作站|sources|source|from|操作终端"),
    _f("targets", "对哪些设备", "To hosts", "同上；留空为任意。", "As above; empty: any.", names, "目标|目标设备|对象|设备|targets|target|devices|to|to devices"),
    _f("activities", "操作", "Activities", f"{'、'.join(ACTIVITIES)}；留空为任意。", f"{', '.join(ACTIVITIES)}; empty: any.", activities, "操作类型|动作|activity|actions|action"),
    _f("repeat", "重复", "Repeat", "窗口可每天或每周重复。", "A window may come back every day or every week.", one_of(REPEATS, {"每日": "daily", "每星期": "weekly", "无": "none", "否": "none"}), "周期|recurrence", REPEATS),
    _f("until", "重复至", "Repeat until", "最后一天。", "The last day.", day, "重复截止|recurrence end|until"),
    _NOTE,
)
# fmt: on
