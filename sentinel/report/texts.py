"""Words that chapters, figures and renderers share, in Chinese and English: titles, verdicts, grades, kinds, levels."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.assess.model import Outcome, Provenance, Text

OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.VIOLATED: Text("流量证明不满足", "disproved by traffic"),
    Outcome.CONTRADICTED: Text("答复与流量矛盾", "answer contradicted"),
    Outcome.CONFIRMED: Text("已证实", "confirmed"),
    Outcome.PASS_UNVERIFIED: Text("已声明，未验证", "stated, not verified"),
    Outcome.NOT_OBSERVED: Text("覆盖范围内未见", "not seen within the coverage"),
    Outcome.NOT_ASSESSABLE: Text("无法评估", "not assessable"),
    Outcome.NOT_APPLICABLE: Text("不适用", "not applicable"),
}

TONE_OF_OUTCOME: Mapping[Outcome, str] = {
    Outcome.VIOLATED: "bad",
    Outcome.CONTRADICTED: "bad",
    Outcome.CONFIRMED: "good",
    Outcome.PASS_UNVERIFIED: "warn",
    Outcome.NOT_OBSERVED: "unknown",
    Outcome.NOT_ASSESSABLE: "unknown",
    Outcome.NOT_APPLICABLE: "",
}

TONE_OF_VERDICT: Mapping[str, str] = {
    "符合": "good",
    "部分符合": "warn",
    "不符合": "bad",
    "待现场核查": "unknown",
    "不适用": "",
}
"""Colour of a verdict by its Chinese word: what a requirement comes to, whatever the outcome behind it."""

GRADES: Mapping[int, Text] = {
    5: Text("很高", "very high"),
    4: Text("高", "high"),
    3: Text("中", "medium"),
    2: Text("低", "low"),
    1: Text("很低", "very low"),
}

PROVENANCE: Mapping[Provenance, Text] = {
    Provenance.MEASURED: Text("实测", "measured"),
    Provenance.DOCUMENTED: Text("有文件", "documented"),
    Provenance.STATED: Text("口述", "stated"),
    Provenance.ASSUMED: Text("假定", "assumed"),
}

STATES: Mapping[str, Text] = {
    "stated": Text("口述", "stated"),
    "documented": Text("有文件", "documented"),
    "verified": Text("已核实", "verified"),
    "wire": Text("流量实测", "from the wire"),
}

KINDS: Mapping[str, Text] = {
    "plc": Text("PLC", "PLC"),
    "rtu": Text("RTU", "RTU"),
    "sis": Text("安全仪表系统", "safety system"),
    "hmi": Text("操作站", "HMI"),
    "engineering": Text("工程师站", "engineering station"),
    "historian": Text("历史数据服务器", "historian"),
    "server": Text("服务器", "server"),
    "switch": Text("交换机", "switch"),
    "router": Text("路由器或防火墙", "router or firewall"),
    "gateway": Text("网关", "gateway"),
    "sensor": Text("现场设备", "field device"),
    "drive": Text("驱动器", "drive"),
    "host": Text("主机", "host"),
    "unknown": Text("未识别", "not identified"),
}

ZONE_KINDS: Mapping[str, Text] = {
    "ot": Text("生产控制", "control"),
    "it": Text("办公管理", "office"),
    "dmz": Text("隔离区", "DMZ"),
    "sis": Text("安全仪表", "safety"),
    "wireless": Text("无线", "wireless"),
    "cloud": Text("云", "cloud"),
    "identifier": Text("标识节点", "identifier node"),
    "park": Text("园区", "park"),
    "remote": Text("远程接入", "remote access"),
    "external": Text("外部", "external"),
}

LEVELS: Mapping[str, Text] = {
    "5": Text("L5 企业与外部", "L5 Enterprise and outside"),
    "4": Text("L4 办公与管理", "L4 Office and business"),
    "3.5": Text("L3.5 隔离区", "L3.5 DMZ"),
    "3": Text("L3 生产管理", "L3 Site operations"),
    "2": Text("L2 监控", "L2 Supervision"),
    "1": Text("L1 控制", "L1 Control"),
    "0": Text("L0 现场", "L0 Process"),
    "": Text("层级未定", "Level not known"),
}
"""Purdue levels from top to bottom, as they are drawn."""

HORIZONS: Mapping[str, Text] = {
    "quick": Text("立即（两周内）", "quick (two weeks)"),
    "90-day": Text("90 天", "90 days"),
    "shutdown": Text("停机窗口", "shutdown window"),
    "project": Text("立项实施", "project"),
}

COSTS: Mapping[str, Text] = {
    "A": Text("A 无需采购", "A no purchase"),
    "B": Text("B 部门预算内", "B within a department's budget"),
    "C": Text("C 需立项", "C needs a project"),
}

STATUS: Mapping[str, Text] = {
    "open": Text("未整改", "open"),
    "accepted": Text("已接受", "accepted"),
    "fixed": Text("已整改", "fixed"),
    "reopened": Text("复测未通过", "reopened"),
    "false_positive": Text("误报", "false positive"),
}

TREATMENTS: Mapping[str, Text] = {
    "treat": Text("处置", "treat"),
    "decide": Text("由责任人决定", "owner decides"),
    "accept": Text("接受", "accept"),
    "transfer": Text("转移", "transfer"),
    "avoid": Text("规避", "avoid"),
}

SEVERITIES: Mapping[str, Text] = {
    "critical": Text("严重", "critical"),
    "high": Text("高", "high"),
    "medium": Text("中", "medium"),
    "low": Text("低", "low"),
    "informational": Text("提示", "informational"),
}

REQUIREMENTS: Mapping[str, Text] = {
    "IAC": Text("标识与鉴别", "Identification and authentication"),
    "UC": Text("使用控制", "Use control"),
    "SI": Text("系统完整性", "System integrity"),
    "DC": Text("数据保密性", "Data confidentiality"),
    "RDF": Text("受限数据流", "Restricted data flow"),
    "TRE": Text("事件及时响应", "Timely response to events"),
    "RA": Text("资源可用性", "Resource availability"),
}
"""The seven foundational requirements of IEC 62443."""

TOPICS: Mapping[str, Text] = {
    "ORG": Text("组织", "Organisation"),
    "POL": Text("制度", "Policy"),
    "HR": Text("人员", "People"),
    "SUP": Text("供应商", "Suppliers"),
    "BLD": Text("建设与工艺", "Plant and process"),
    "OPS": Text("运维", "Operation"),
    "PHY": Text("物理环境", "Physical"),
    "IR": Text("应急", "Incident response"),
    "BCK": Text("备份恢复", "Backup and restore"),
    "DAT": Text("数据", "Data"),
    "CLD": Text("云与平台", "Cloud and platform"),
    "IDN": Text("标识解析", "Identifier resolution"),
}

EVIDENCE_KINDS: Mapping[str, Text] = {
    "frames": Text("报文", "frames"),
    "answer": Text("访谈答复", "answer"),
    "record": Text("客户资料", "client's record"),
    "alert": Text("告警", "alert"),
    "coverage": Text("覆盖情况", "coverage"),
}

INPUTS: Mapping[str, Text] = {
    "C": Text("保密性赋值", "confidentiality"),
    "I": Text("完整性赋值", "integrity"),
    "A": Text("可用性赋值", "availability"),
    "bearing": Text("业务承载性", "business bearing"),
    "business": Text("业务重要性", "business importance"),
    "Tc": Text("威胁能力", "threat capability"),
    "Tf": Text("威胁频率", "threat frequency"),
    "e0": Text("可利用性基值", "base exploitability"),
    "x": Text("在野利用加值", "known exploitation"),
    "reach": Text("可达性", "reach"),
    "E": Text("已有措施", "existing measure"),
    "Vi": Text("影响程度", "impact degree"),
    "AV": Text("资产价值", "asset value"),
    "Ve": Text("脆弱性可利用性", "exploitability"),
    "T": Text("威胁值", "threat"),
}
"""Inputs of a risk by the letter that the profile gives them."""

UNKNOWN = Text("未知", "not known")
NOT_STATED = Text("未提供", "not provided")
MORE = Text("，另 {} 处", ", and {} more")

TITLES: Mapping[str, tuple[Text, Text]] = {
    "full": (
        Text("工业控制系统网络安全风险评估报告", "Risk assessment of industrial control systems"),
        Text("被动监测、访谈与资料核对", "From passive monitoring, interviews and records"),
    ),
    "gap": (
        Text("网络安全等级保护差距分析报告", "Gap analysis against the classified protection baseline"),
        Text("通用要求与工业控制系统扩展要求", "General part and extension for industrial control systems"),
    ),
    "miit": (
        Text("工业控制系统网络安全防护自评估报告", "Self-assessment against the MIIT guide for control systems"),
        Text("33 项防护要求逐条对照", "The 33 items, one by one"),
    ),
    "iec": (
        Text("IEC 62443 区域与管道风险评估报告", "Zone and conduit assessment after IEC 62443-3-2"),
        Text("区域、管道与安全等级", "Zones, conduits and security levels"),
    ),
    "sme": (
        Text("中小企业上云上平台安全一页报告", "One-page security check for moving to the cloud"),
        Text("给企业负责人的两分钟报告", "Two minutes for the owner"),
    ),
    "indicators": (
        Text("工业互联网项目指标核查表", "Programme indicators, claimed and measured"),
        Text("申报值与实测值", "What was claimed and what passed the taps"),
    ),
}
"""Variant -> title and subtitle."""

VARIANTS = tuple(TITLES)
FORMATS = ("docx", "pdf", "html", "xlsx", "json", "oscal", "navigator", "vex")
LANGUAGES = ("zh", "en")

HASH_NOTE = Text(
    "哈希树由评估快照和全部抓包的 SHA-256 组成（构造见 RFC 6962 第 2.1 节），清单见证据附录；"
    "任何一项改动都会改变树根。",
    "The tree is built over the SHA-256 of the assessment and of every capture (as in RFC 6962, 2.1); the list is in"
    " the annexes. Any change to any of them changes the root.",
)

RENDERER: Mapping[str, Text] = {
    "skip": Text("跳到正文", "Skip to the content"),
    "contents": Text("目录", "Contents"),
    "search": Text("在表中查找", "Search this table"),
    "sort": Text("按此列排序", "Sort by this column"),
    "rows": Text("行", "rows"),
    "page": Text("第 {page} 页 共 {pages} 页", "Page {page} of {pages}"),
    "classification": Text("密级", "Classification"),
    "note": Text("注：", "Note: "),
    "colon": Text("：", ": "),
}


def titles(variant: str) -> tuple[Text, Text]:
    """Title and subtitle of a variant."""
    return TITLES[variant]


def look_up(words: Mapping[str, Text], key: str, lang: str) -> str:
    """A word by its key; the key itself where a pack or a client uses one that is not ours."""
    found = words.get(key)
    return key if found is None else found.in_(lang)


def percent(value: float) -> str:
    """A share as per cent: with as many places as a small one needs."""
    places = 2 if 0 < value < 0.01 else 1 if 0 < value < 0.1 else 0
    return f"{value * 100:.{places}f}%"


def visibility(value: float, seen: bool) -> str:
    """A share as per cent; what was seen is never nothing, however short it was."""
    return "<0.01%" if seen and value < 0.0001 else percent(value)


def hours(value: float, lang: str) -> str:
    """A duration given in hours, in the unit that suits it, from seconds to days."""
    zh = lang == "zh"
    if value < 1 / 60:
        return f"{value * 3600:.0f} {'秒' if zh else 's'}"
    if value < 1:
        return f"{value * 60:.1f} {'分钟' if zh else 'min'}"
    if value < 48:
        return f"{value:.1f} {'小时' if zh else 'h'}"
    return f"{value / 24:,.1f} {'天' if zh else 'days'}"


def side(value: str, lang: str) -> str:
    """One half of a text that was written in both languages, as in `自动化部门 / Automation`."""
    return Text.of(value).in_(lang)
