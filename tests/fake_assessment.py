"""Two assessments for tests of the report: a plant with everything, and a client of whom hardly anything is known.

The risks are those of the specification's worked example; addresses are from the documentation ranges of RFC 5737.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import (
    Answer,
    Assessment,
    Asset,
    CheckResult,
    Conduit,
    Contradiction,
    Control,
    ControlResult,
    Coverage,
    Entry,
    Evidence,
    Finding,
    Input,
    Observability,
    Observation,
    Outcome,
    Pack,
    Provenance,
    Remediation,
    Risk,
    SecurityLevel,
    Sheet,
    Site,
    Tag,
    Test,
    Text,
    Ticket,
    Zone,
)
from sentinel.assess.snapshot import identify

DAY = 86_400_000_000_000
START = 1_780_272_000_000_000_000  # 2026-06-01T00:00:00Z
SHA1 = "4f1b0c5d2a7e93c6b8a1d0e4f7265930c1d8ab42e7f05319a6cc84d2b7e01f35"
SHA2 = "9c02e7ab51d34f8860fa27c1be9d4473a5e016d2c8f94b77350ad61e28fb4c90"


def frames(*numbers: int, capture: int = 1) -> Evidence:
    return Evidence("frames", capture=capture, sha256=SHA1 if capture == 1 else SHA2, frames=numbers)


def answered(question: str) -> Evidence:
    return Evidence("answer", question)


def alert(
    ident: str, zh: str, en: str, techniques: list[str], src: str, dst: str, frame: int, **more: Any
) -> dict[str, Any]:
    return {
        "alert": ident,
        "rule": f"rule-{ident}",
        "name": f"s7_{ident}",
        "title_zh": zh,
        "title_en": en,
        "why_zh": f"{src} 对 {dst} 做了此事。",
        "why_en": f"{src} did this to {dst}.",
        "action_zh": "核对工单。",
        "action_en": "Compare with the tickets.",
        "severity": "high",
        "techniques": json.dumps(techniques),
        "protocol": "s7comm",
        "src": src,
        "dst": dst,
        "unit": None,
        "count": 1,
        "first_time": START + 5 * DAY + frame * 1_000_000,
        "last_time": START + 5 * DAY + frame * 2_000_000,
        "evidence": json.dumps([[1, frame]]),
        "flows": "[3]",
        "state": "open",
        **more,
    }


ZONES = (
    Zone("cell-1", Text("一号压装单元", "Press cell"), "1", "ot", ("192.0.2.0/26",), (10,), sl_t=2),
    Zone("office", Text("办公网", "Office network"), "4", "it", ("198.51.100.0/24",), (40,), sl_t=1),
    Zone(
        "zone-203-0-113",
        Text("203.0.113.0/24", "203.0.113.0/24"),
        "3",
        "ot",
        ("203.0.113.0/24",),
        declared=False,
        reason=Text("该网段内有历史数据服务器", "The subnet holds a historian"),
    ),
)

CONDUITS = (
    Conduit("office-historian", "office", "zone-203-0-113", ("tcp/443",), note="read only"),
    Conduit("historian-cell", "zone-203-0-113", "cell-1", ("s7comm",), one_way=False),
)


def _asset(ident: str, name: str, kind: str, zone: str, level: str, ip: str, **more: Any) -> Asset:
    values: dict[str, Any] = {"observed": True, "listed": True, "ips": (ip,), "macs": (), **more}
    return Asset(ident, name, kind=kind, zone=zone, level=level, **values)


ASSETS = (
    _asset(
        "a-plc",
        "PRESS-PLC1",
        "plc",
        "cell-1",
        "1",
        "192.0.2.10",
        vendor="Siemens",
        model="6ES7 315-2EH14-0AB0",
        firmware="V3.2.7",
        macs=("00:1b:1b:20:30:40",),
        owner="Equipment dept.",
        criticality=5,
        cia=(2, 5, 5),
        bearing=5,
        location="Hall 2",
        provenance={"model": "wire:szl", "firmware": "wire:szl", "vendor": "wire:oui", "owner": "list"},
        evidence=(frames(1201, 1204),),
    ),
    _asset(
        "a-switch",
        "SW-PRESS",
        "switch",
        "cell-1",
        "1",
        "192.0.2.2",
        vendor="Siemens",
        model="SCALANCE X212-2",
        firmware="V4.02",
        cia=(1, 4, 5),
        bearing=5,
        criticality=4,
        provenance={"model": "wire:lldp", "firmware": "wire:lldp", "vendor": "wire:lldp"},
        evidence=(frames(88),),
    ),
    _asset("a-hmi", "HMI-1", "hmi", "cell-1", "2", "192.0.2.20", vendor="Siemens", cia=(2, 4, 4), bearing=4),
    _asset("a-es", "ES-1", "engineering", "cell-1", "2", "192.0.2.21", listed=True, cia=(3, 5, 3), bearing=4),
    _asset("a-io", "ET200-1", "sensor", "cell-1", "0", "192.0.2.30", observed=True, cia=(1, 4, 4), bearing=3),
    _asset("a-drive", "DRIVE-1", "drive", "cell-1", "0", "192.0.2.31"),
    _asset("a-unknown", "192.0.2.55", "unknown", "cell-1", "1", "192.0.2.55", listed=False),
    _asset(
        "a-hist",
        "HIST-1",
        "historian",
        "zone-203-0-113",
        "3",
        "203.0.113.5",
        cia=(4, 4, 3),
        bearing=3,
        criticality=3,
        vendor="Dell",
        owner="IT dept.",
        provenance={"vendor": "wire:oui", "owner": "list"},
    ),
    _asset("a-ws1", "OFFICE-PC7", "host", "office", "4", "198.51.100.77", listed=False),
    _asset("a-ws2", "OFFICE-PC8", "host", "office", "4", "198.51.100.78"),
    _asset("a-fw", "FW-1", "router", "office", "4", "198.51.100.1", vendor="Hillstone"),
    _asset("a-spare", "PLC-SPARE", "plc", "cell-1", "1", "192.0.2.11", observed=False, model="6ES7 315-2EH14-0AB0"),
)


def _control(
    framework: str, ident: str, zh: str, en: str, group: tuple[str, str], *, obs: str = "T", levels=(), **more: Any
) -> Control:
    return Control(
        framework,
        ident,
        Text(zh, en),
        Text(f"{zh}（本项目转述）", f"{en} (our words)"),
        Text(*group),
        levels,
        Observability(obs),
        **more,
    )


_BOUNDARY = ("安全区域边界", "Security area boundary")
_NETWORK = ("安全通信网络", "Secure communication network")
_DEVICE = ("控制设备安全", "Control devices")
PACKS = (
    Pack(
        "cn-22239",
        "catalog",
        Text("网络安全等级保护基本要求", "Baseline for classified protection of cybersecurity"),
        "GB/T 22239-2019",
        "GB/T 22239-2019, chapter 8.5",
        checksum={"l3_ics": 21},
        watermark=Text("条款转述未与正式文本核对", "Paraphrases not checked against the official text"),
        controls=(
            _control(
                "cn-22239",
                "8.5.2.1a",
                "网络架构",
                "Architecture",
                _NETWORK,
                levels=("3",),
                unit="L3-CNS5-01",
                tests=(Test(check="SG-01"),),
            ),
            _control(
                "cn-22239",
                "8.5.3.1a",
                "访问控制",
                "Access control",
                _BOUNDARY,
                levels=("2", "3"),
                unit="L3-ABS5-01",
                tests=(Test(check="SG-03"), Test(question="Q-OPS-07")),
            ),
            _control("cn-22239", "8.5.4.1a", "控制设备安全", "Control device", _DEVICE, obs="P", unit="L3-CES5-01"),
            _control("cn-22239", "8.5.4.1c", "端口管控", "Ports", _DEVICE, obs="I", unit="L3-CES5-03"),
        ),
    ),
    Pack(
        "cn-miit-14",
        "catalog",
        Text("工业控制系统网络安全防护指南", "Guide to protecting industrial control systems"),
        "2024-01-19",
        "工信部网安〔2024〕14号",
        verified_by="A. Reviewer",
        verified_on="2026-05-01",
        controls=(
            _control("cn-miit-14", "8", "分区分域", "Zoning", ("技术防护", "Technical protection")),
            _control(
                "cn-miit-14", "12", "边界访问控制", "Boundary access control", ("技术防护", "Technical protection")
            ),
            _control("cn-miit-14", "28", "上线前检测", "Test before go-live", ("安全运营", "Operation"), obs="I"),
        ),
    ),
    Pack(
        "measures-bao-an-2021",
        "programme",
        Text("宝安区工业互联网若干措施", "Bao'an measures for the industrial Internet"),
        "深宝发〔2021〕1号",
        "district government",
        valid_from="2021-03-11",
        valid_to="2022-03-10",
        controls=(
            _control(
                "measures-bao-an-2021",
                "M10",
                "风险评估",
                "Risk assessment",
                ("第一部分", "part one"),
                report="chapter-7",
            ),
            _control(
                "measures-bao-an-2021",
                "M14",
                "综合二级节点",
                "Comprehensive node",
                ("第二部分", "part two"),
                report="identifier-node",
            ),
        ),
        tables={"identifier_thresholds": ({"clause": "M14", "queries_per_month": 10_000_000},)},
    ),
    Pack(
        "attack-ics",
        "technique",
        Text("ATT&CK for ICS", "ATT&CK for ICS"),
        "18.1",
        "MITRE",
        controls=tuple(
            _control("attack-ics", ident, zh, en, ("战术", "Tactic"), obs=obs)
            for ident, zh, en, obs in (
                ("T0843", "程序下装", "Program Download", "T"),
                ("T0846", "远程系统发现", "Remote System Discovery", "T"),
                ("T0886", "远程服务", "Remote Services", "P"),
                ("T0847", "可移动介质复制", "Replication Through Removable Media", "I"),
                ("T0858", "改变运行模式", "Change Operating Mode", "T"),
                ("T0836", "修改参数", "Modify Parameter", "T"),
                ("T0831", "操纵控制", "Manipulation of Control", "I"),
                ("T0814", "拒绝服务", "Denial of Service", "T"),
            )
        ),
    ),
)


def _verdict(
    framework: str, control: str, outcome: Outcome, zh: str, en: str, why: tuple[str, str], **more: Any
) -> ControlResult:
    return ControlResult(framework, control, more.pop("scope", "site"), outcome, Text(zh, en), (Text(*why),), **more)


CONTROLS = (
    _verdict(
        "cn-22239",
        "8.5.2.1a",
        Outcome.VIOLATED,
        "不符合",
        "not met",
        ("办公网主机直接访问控制区。", "An office host reaches the control area directly."),
        checks=("SG-01",),
        evidence=(frames(5120, 5133),),
        confidence=0.9,
    ),
    _verdict(
        "cn-22239",
        "8.5.3.1a",
        Outcome.VIOLATED,
        "不符合",
        "not met",
        ("边界上见到 SMB 会话。", "An SMB session crosses the boundary."),
        checks=("SG-03",),
        questions=("Q-OPS-07",),
        evidence=(frames(7001), answered("Q-OPS-07")),
    ),
    _verdict(
        "cn-22239",
        "8.5.4.1a",
        Outcome.NOT_ASSESSABLE,
        "待现场核查",
        "to be checked on site",
        ("流量看不到设备自身的审计。", "Traffic does not show the audit log of the device itself."),
    ),
    _verdict(
        "cn-22239",
        "8.5.4.1c",
        Outcome.PASS_UNVERIFIED,
        "部分符合",
        "partly met",
        ("访谈称已封闭，未经验证。", "Said to be closed; not verified."),
        questions=("Q-PHY-02",),
        evidence=(answered("Q-PHY-02"),),
    ),
    _verdict(
        "cn-miit-14",
        "8",
        Outcome.CONTRADICTED,
        "不符合",
        "not met",
        ("答复称已分区，流量与之矛盾。", "Said to be zoned; the traffic says otherwise."),
        questions=("Q-BLD-02",),
        evidence=(frames(5120, 5133),),
    ),
    _verdict(
        "cn-miit-14",
        "12",
        Outcome.VIOLATED,
        "不符合",
        "not met",
        ("边界未限制通用服务。", "The boundary does not stop general services."),
        checks=("SG-03",),
        evidence=(frames(7001),),
    ),
    _verdict(
        "cn-miit-14",
        "28",
        Outcome.CONFIRMED,
        "符合",
        "met",
        ("有检测记录。", "There is a test record."),
        evidence=(answered("Q-SUP-02"),),
    ),
    _verdict(
        "measures-bao-an-2021", "M10", Outcome.CONFIRMED, "符合", "met", ("即本报告。", "This report."), confidence=1.0
    ),
    _verdict(
        "measures-bao-an-2021",
        "M14",
        Outcome.NOT_APPLICABLE,
        "不适用",
        "not applicable",
        ("企业不运营标识节点。", "The client runs no identifier node."),
    ),
)

OBSERVATIONS = (
    Observation(
        "obs-download",
        "CO-01",
        "198.51.100.77>192.0.2.10 s7comm",
        Outcome.VIOLATED,
        Text("未登记的程序下装", "Unregistered program download"),
        Text(
            "198.51.100.77 在 2026-06-06 向 PRESS-PLC1 下装了 OB1 和 FC3。",
            "198.51.100.77 downloaded OB1 and FC3 to PRESS-PLC1 on 2026-06-06.",
        ),
        assets=("a-plc", "a-ws1"),
        zones=("office", "cell-1"),
        protocol="s7comm",
        techniques=("T0843",),
        count=1,
        first_time=START + 5 * DAY,
        last_time=START + 5 * DAY + 60_000_000_000,
        evidence=(frames(5120, 5133),),
    ),
    Observation(
        "obs-smb",
        "AU-05",
        "198.51.100.78>203.0.113.5 smb",
        Outcome.VIOLATED,
        Text("SMB 来宾登录", "SMB guest log-in"),
        Text("198.51.100.78 以来宾身份登录 HIST-1。", "198.51.100.78 logged in to HIST-1 as guest."),
        assets=("a-hist", "a-ws2"),
        zones=("office", "zone-203-0-113"),
        protocol="smb",
        techniques=("T0886",),
        count=4,
        first_time=START + 2 * DAY,
        last_time=START + 9 * DAY,
        evidence=(frames(7001, 7044),),
    ),
)

CHECKS = (
    CheckResult(
        "CO-01",
        Outcome.VIOLATED,
        Text("见到无工单的工程操作。", "Engineering operations without a ticket were seen."),
        OBSERVATIONS[:1],
        coverage=0.8,
    ),
    CheckResult(
        "AU-05", Outcome.VIOLATED, Text("见到来宾登录。", "Guest log-ins were seen."), OBSERVATIONS[1:], coverage=0.8
    ),
    CheckResult(
        "SG-05",
        Outcome.NOT_OBSERVED,
        Text("覆盖范围内未见与公网的通信。", "No traffic with public addresses within the coverage."),
        coverage=0.8,
    ),
    CheckResult(
        "WL-01", Outcome.NOT_ASSESSABLE, Text("抓包点看不到无线侧。", "The taps do not see the wireless side.")
    ),
    CheckResult(
        "SG-01",
        Outcome.VIOLATED,
        Text("见到超出声明的区域间通信。", "Traffic between zones exceeds what is declared."),
        coverage=0.8,
        tables={
            "conduit_matrix": tuple(
                {
                    "source_zone": source,
                    "target_zone": target,
                    "declared": declared,
                    "seen": seen,
                    "bytes": size,
                    "packets": packets,
                    "encrypted_share": share,
                    "verdict": verdict,
                }
                for source, target, declared, seen, size, packets, share, verdict in (
                    ("office", "cell-1", "", "s7comm", 41_200, 410, 0.0, "undeclared"),
                    ("cell-1", "zone-203-0-113", "s7comm", "s7comm", 18_220_113, 900_000, 0.0, "allowed"),
                    ("office", "zone-203-0-113", "tcp/443", "", 0, 0, None, "not seen"),
                )
            )
        },
    ),
)

ANSWERS = {
    "Q-BLD-02": Answer("Q-BLD-02", "yes", "stated", "Li Ming", START + 20 * DAY, "interview"),
    "Q-OPS-07": Answer("Q-OPS-07", "yes", "documented", "Li Ming", START + 20 * DAY),
    "Q-PHY-02": Answer("Q-PHY-02", "yes", "stated", "Li Ming", START + 20 * DAY),
    "Q-SUP-02": Answer("Q-SUP-02", "yes", "verified", "Wang Fang", START + 21 * DAY),
}


def _remedy(
    zh: tuple[str, ...], en: tuple[str, ...], horizon: str, cost: str, check: str, owner: str, **more: Any
) -> Remediation:
    return Remediation(
        tuple(Text(a, b) for a, b in zip(zh, en, strict=True)),
        horizon,
        Text("停线窗口，周日 06:00-10:00", "Line stop, Sunday 06:00 to 10:00"),
        Text("保留原程序备份，失败时恢复。", "Keep the old program and restore it if the change fails."),
        owner,
        cost,
        check,
        {"min_hours": 168},
        **more,
    )


FINDINGS = (
    Finding(
        "f-download",
        "F-01",
        "unrestricted-engineering",
        Text("办公网计算机可以向控制器下装程序", "An office computer can download programs to the controller"),
        Text(
            "14 天内见到 1 次来自 198.51.100.77 的程序下装，没有对应工单。",
            "In 14 days, 1 program download came from 198.51.100.77; there is no ticket for it.",
        ),
        Text(
            "压装力由该控制器控制；程序被改后，压机可能以错误的力压装，造成整批报废。",
            "The controller sets the press force; with a changed program the press may run at the wrong force and"
            " scrap a batch.",
        ),
        ("obs-download",),
        ("a1",),
        ("a-plc", "a-ws1"),
        ("office", "cell-1"),
        (("cn-22239", "8.5.2.1a"), ("cn-miit-14", "12")),
        ("T0843",),
        START + 5 * DAY,
        START + 5 * DAY + 60_000_000_000,
        remediation=_remedy(
            ("在办公网与控制区之间只放行白名单", "为 PLC 设置保护等级"),
            ("Allow only listed connections between office and control area", "Set the protection level of the PLC"),
            "90-day",
            "B",
            "CO-01",
            "自动化科 / Automation dept.",
            compensating=Text("临时：拔除跨区跳线。", "Until then: pull the patch cable between the areas."),
        ),
        evidence=(frames(5120, 5133),),
    ),
    Finding(
        "f-smb",
        "F-02",
        "guest-access",
        Text("历史数据服务器接受来宾登录", "The historian accepts guest log-ins"),
        Text("4 次来宾 SMB 登录，跨 3/4 层。", "4 SMB guest log-ins across levels 3/4."),
        Text("生产数据可被任何办公主机读取和改写。", "Any office host can read and change production data."),
        ("obs-smb",),
        ("a2",),
        ("a-hist",),
        ("zone-203-0-113",),
        (("cn-22239", "8.5.3.1a"),),
        ("T0886",),
        START + 2 * DAY,
        START + 9 * DAY,
        remediation=_remedy(
            ("关闭来宾账户",), ("Disable the guest account",), "quick", "A", "AU-05", "信息科 / IT dept."
        ),
        evidence=(frames(7001, 7044), answered("Q-OPS-07")),
    ),
    Finding(
        "f-switch",
        "F-03",
        "outdated-firmware",
        Text("交换机固件存在已公开漏洞", "The switch runs firmware with published vulnerabilities"),
        Text(
            "SCALANCE X212-2 固件 V4.02，对应 8 份通告、11 个 CVE，最高 CVSS 9.8，均不在 KEV 目录。",
            "SCALANCE X212-2 with firmware V4.02: 8 advisories, 11 CVEs, highest CVSS 9.8, none in the KEV catalogue.",
        ),
        Text("交换机故障会使整个单元停线。", "A failing switch stops the whole cell."),
        (),
        (),
        ("a-switch",),
        ("cell-1",),
        (),
        (),
        remediation=_remedy(
            ("限制管理面访问", "停线窗口内升级固件"),
            ("Restrict access to the management plane", "Upgrade in a shutdown window"),
            "shutdown",
            "A",
            "AS-06",
            "自动化科 / Automation dept.",
        ),
        evidence=(frames(88),),
    ),
    Finding(
        "f-contradiction",
        "F-04",
        "undeclared-path",
        Text("声明的单向边界存在反向流量", "Traffic runs against the declared one-way boundary"),
        Text(
            "边界声明为单向，但见到办公网向控制区的会话。",
            "The boundary is declared one-way, but sessions run from office to control area.",
        ),
        Text("图纸不可作为防护依据。", "The drawing cannot be relied on as protection."),
        ("obs-download",),
        (),
        ("a-fw",),
        ("office",),
        (("cn-miit-14", "8"),),
        (),
        START + 5 * DAY,
        START + 6 * DAY,
        status="reopened",
        history=(
            Entry(40, "finding", "f-contradiction", {"status": "fixed"}, "Wang Fang", START + 3 * DAY, "edit"),
            Entry(41, "finding", "f-contradiction", {"status": "reopened"}, "retest", START + 6 * DAY, "edit"),
        ),
        remediation=_remedy(("部署单向导入设备",), ("Install a one-way gateway",), "project", "C", "SG-04", ""),
        evidence=(frames(5120), answered("Q-BLD-02")),
    ),
    Finding(
        "f-local",
        "F-05",
        "local-vulnerability",
        Text("控制器存在仅本地可利用的漏洞", "The controller has a vulnerability that only works locally"),
        Text("漏洞需要本地接触设备。", "The vulnerability needs physical access."),
        Text("影响限于能够进入车间的人员。", "It matters only for people who can enter the hall."),
        (),
        (),
        ("a-plc",),
        ("cell-1",),
        status="accepted",
        evidence=(Evidence("record", "assets/PRESS-PLC1"),),
    ),
)


def _inputs(**values: tuple[int, str, str, str]) -> dict[str, Input]:
    return {k: Input(v, Provenance(p), Text(zh, en)) for k, (v, p, zh, en) in values.items()}


def _risk(
    number: str,
    finding: str,
    asset: str,
    zh: str,
    en: str,
    inputs: Mapping[str, Input],
    values: tuple[str, ...],
    score: str,
    grade: int,
    low: str,
    high: str,
    grades: tuple[int, ...],
    after: Mapping[str, Any],
    **more: Any,
) -> Risk:
    names = ("Vc", "AVraw", "AV", "T", "Ve", "L", "F", "R", "Lstar", "Fstar")
    return Risk(
        f"r-{number}",
        number,
        finding,
        asset,
        Text(zh, en),
        "engineering-change",
        inputs,
        dict(zip(names, values, strict=True)),
        score,
        grade,
        low,
        high,
        grades,
        after=after,
        **more,
    )


_PLC_INPUTS = _inputs(
    C=(2, "stated", "资产清单", "asset list"),
    I=(5, "stated", "资产清单", "asset list"),
    A=(5, "stated", "资产清单", "asset list"),
    bearing=(5, "documented", "资产清单", "asset list"),
    business=(4, "stated", "访谈 Q-BLD-05", "interview, Q-BLD-05"),
    Tc=(3, "assumed", "配置缺省值", "default of the profile"),
    Tf=(4, "measured", "14 天 1 次，r = 2.14", "1 in 14 days, r = 2.14"),
    e0=(5, "measured", "S7comm 无认证", "S7comm without authentication"),
    x=(0, "documented", "不在 KEV", "not in KEV"),
    reach=(0, "measured", "见到低信任区路径", "path from a lower-trust zone seen"),
    E=(0, "stated", "无措施", "no measure"),
    Vi=(4, "stated", "后果表", "consequence table"),
)

RISKS = (
    _risk(
        "R-01",
        "f-download",
        "a-plc",
        "办公网主机向 PLC 下装程序",
        "An office host downloads a program to the PLC",
        _PLC_INPUTS,
        ("4.7225", "4.5541", "5", "3.4641", "5", "4.1618", "4.4721", "18.6121", "4", "4"),
        "18.61",
        4,
        "15.04",
        "20.00",
        (4,),
        {"score": "12.12", "grade": 3, "Lstar": "3", "Fstar": "4", "inputs": {"E": 2, "Tf": 2}},
    ),
    _risk(
        "R-02",
        "f-smb",
        "a-hist",
        "来宾读取并改写历史数据",
        "A guest reads and changes historian data",
        _inputs(Tf=(4, "measured", "9 天 4 次", "4 in 9 days"), Vi=(3, "stated", "后果表", "consequence table")),
        ("3.6781", "3.5340", "4", "3.4641", "4", "3.7224", "3.4641", "12.8948", "4", "3"),
        "12.89",
        3,
        "9.80",
        "15.81",
        (2, 3),
        {"score": "8.85", "grade": 2, "Lstar": "3", "Fstar": "3"},
        settle="Q-BLD-05",
    ),
    _risk(
        "R-03",
        "f-switch",
        "a-switch",
        "利用交换机漏洞中断单元通信",
        "A vulnerability of the switch is used to cut off the cell",
        _inputs(Tf=(2, "assumed", "行业先验", "prior of the sector"), Vi=(4, "stated", "后果表", "consequence table")),
        ("4.2928", "4.4115", "4", "2.4495", "4", "3.1302", "4.0000", "12.5208", "3", "4"),
        "12.52",
        3,
        "10.84",
        "14.00",
        (3,),
        {"score": "8.85", "grade": 2, "Lstar": "2", "Fstar": "4"},
    ),
    _risk(
        "R-04",
        "f-contradiction",
        "a-fw",
        "经未声明路径进入控制区",
        "The control area is entered by an undeclared path",
        {},
        ("3.0000", "3.0000", "3", "2.4495", "3", "2.7108", "3.0000", "8.1324", "3", "3"),
        "8.13",
        3,
        "7.00",
        "9.10",
        (3,),
        {"score": "6.00", "grade": 2, "Lstar": "2", "Fstar": "3"},
        treatment="decide",
    ),
    _risk(
        "R-05",
        "f-local",
        "a-plc",
        "现场人员利用本地漏洞",
        "Somebody on site uses the local vulnerability",
        {},
        ("4.7225", "4.5541", "5", "2.0000", "2", "2.0000", "3.8730", "7.7460", "2", "4"),
        "7.75",
        2,
        "6.10",
        "9.00",
        (2,),
        {},
        treatment="accept",
        accepted_by="Chen Wei, plant manager",
    ),
)

SHEETS = (
    Sheet(
        "data-flows",
        Text("数据流登记", "Register of data flows"),
        (
            Text("来源", "Source"),
            Text("去向", "Target"),
            Text("协议", "Protocol"),
            Text("字节", "Bytes"),
            Text("已登记", "Registered"),
        ),
        (
            (Text("一号压装单元", "Press cell"), "HIST-1 (203.0.113.5)", "s7comm", 18_220_113, Text("是", "yes")),
            ("OFFICE-PC7 (198.51.100.77)", Text("一号压装单元", "Press cell"), "s7comm", 41_200, Text("否", "no")),
            ("HIST-1 (203.0.113.5)", Text("办公网", "Office network"), "smb", 902_113, None),
        ),
        (Text("仅统计本抓包点所见。", "Counted at these taps only."),),
        clauses=("M08", "M24"),
        evidence=(frames(5120),),
    ),
    Sheet(
        "identifier-node",
        Text("标识解析节点", "Identifier node"),
        empty=Text(
            "覆盖范围内未见标识解析，企业也未声明节点。",
            "No identifier resolution was seen within the coverage, and the client declares no node.",
        ),
        clauses=("M14", "M15", "M16", "M17"),
    ),
    Sheet(
        "scorecard",
        Text("安全模拟与攻防验证记分表", "Simulation and attack/defence scorecard"),
        (
            Text("步骤", "Step"),
            Text("技术", "Technique"),
            Text("期望告警", "Expected alert"),
            Text("实际告警", "Alert seen"),
        ),
        ((1, "T0858", "s7_stop", "s7_stop"),),
        clauses=("M09", "M11"),
    ),
)

LEVELS = tuple(
    SecurityLevel(zone, fr, target, low, high, gaps, gaps[:1])
    for zone, target, rows in (
        (
            "cell-1",
            2,
            (
                ("IAC", 0, 2, ("SR 1.1 RE 2",)),
                ("UC", 0, 1, ("SR 2.1",)),
                ("SI", 1, 2, ()),
                ("DC", 0, 3, ()),
                ("RDF", 0, 0, ("SR 5.1", "SR 5.2")),
                ("TRE", 1, 1, ("SR 6.2",)),
                ("RA", 2, 3, ()),
            ),
        ),
        (
            "office",
            1,
            (
                ("IAC", 1, 2, ()),
                ("UC", 1, 2, ()),
                ("SI", 0, 2, ()),
                ("DC", 1, 1, ()),
                ("RDF", 0, 1, ("SR 5.1",)),
                ("TRE", 0, 4, ()),
                ("RA", 1, 1, ()),
            ),
        ),
    )
    for fr, low, high, gaps in rows
)

COVERAGE = Coverage(
    taps=(
        {
            "capture": 1,
            "name": "cell-1.pcapng",
            "hours": 336.0,
            "frames": 1_204_113,
            "loss": 0.0004,
            "dropped": 481,
            "cut": 0,
            "state": "complete",
            "one_sided": 0.02,
            "unknown": 0.05,
        },
        {
            "capture": 2,
            "name": "office.pcap",
            "hours": 24.0,
            "frames": 88_002,
            "loss": None,
            "dropped": None,
            "cut": 311,
            "state": "complete",
            "one_sided": 0.31,
            "unknown": None,
        },
    ),
    zones=(
        {"zone": "cell-1", "seen": True, "hours": 336.0, "packets": 1_190_002, "visibility": 0.92},
        {"zone": "office", "seen": True, "hours": 24.0, "packets": 61_000, "visibility": 0.35},
        {"zone": "zone-203-0-113", "seen": False, "hours": 0.0, "packets": 0, "visibility": 0.0},
    ),
    conduits=tuple(
        {
            "conduit": "",
            "source": source,
            "target": target,
            "declared": declared,
            "seen": packets > 0,
            "hours": hours,
            "packets": packets,
            "bytes": size,
            "visibility": 0.9,
        }
        for source, target, declared, hours, packets, size in (
            ("office", "cell-1", False, 24.0, 410, 41_200),
            ("cell-1", "zone-203-0-113", True, 300.0, 900_000, 18_220_113),
            ("office", "zone-203-0-113", True, 0.0, 0, 0),
        )
    ),
    hours=336.0,
    frames=1_292_115,
    loss=0.0004,
    one_sided=0.06,
    unknown=0.05,
    share=0.61,
    statements=(
        Text(
            "历史数据区没有抓包点，其内部通信未见。",
            "There is no tap in the historian's zone; traffic inside it was not seen.",
        ),
        Text("办公网抓包只有 24 小时，不含周末。", "The office capture is 24 hours long and holds no weekend."),
    ),
)

ALERTS = (
    alert("a1", "程序下装", "Program download", ["T0843"], "198.51.100.77", "192.0.2.10", 5120),
    alert(
        "a2",
        "SMB 来宾登录",
        "SMB guest log-in",
        ["T0886"],
        "198.51.100.78",
        "203.0.113.5",
        7001,
        protocol="smb",
        severity="medium",
        count=4,
    ),
    alert("a3", "扫描", "Scan", ["T0846"], "198.51.100.77", "192.0.2.0", 4801, severity="low", count=61),
)

CAPTURES = (
    {
        "capture": 1,
        "sha256": SHA1,
        "path": "cell-1.pcapng",
        "frames": 1_204_113,
        "first_time": START,
        "last_time": START + 14 * DAY,
        "cut": 0,
        "duplicates": 0,
        "dropped": 481,
    },
    {
        "capture": 2,
        "sha256": SHA2,
        "path": "office.pcap",
        "frames": 88_002,
        "first_time": START + 5 * DAY,
        "last_time": START + 6 * DAY,
        "cut": 311,
        "duplicates": 12,
        "dropped": None,
    },
)

YES = Text("是", "yes")

QUESTIONNAIRE = tuple(
    {
        "id": ident,
        "topic": ident.split("-")[1],
        "text": Text(zh, en),
        "type": "single",
        "role": Text("安全管理员", "security officer"),
        "answer": answer,
        "label": label,
        "state": state,
        "author": author,
        "time": START if author else None,
        "note": "",
        "status": status,
        "reason": reason,
        "proof": proof,
        "checks": (),
        "feeds": (),
    }
    for ident, zh, en, answer, label, state, author, status, reason, proof in (
        (
            "Q-BLD-02",
            "哪些区域声明为单向？",
            "Which conduits are declared one-way?",
            "yes",
            YES,
            "stated",
            "Li Ming",
            "answered",
            None,
            (),
        ),
        (
            "Q-OPS-07",
            "边界规则是否有导出？",
            "Is there an export of the boundary rules?",
            "yes",
            YES,
            "documented",
            "Li Ming",
            "answered",
            None,
            (),
        ),
        (
            "Q-PHY-02",
            "USB 口是否封闭？",
            "Are USB ports closed?",
            "yes",
            YES,
            "stated",
            "Li Ming",
            "answered",
            None,
            (),
        ),
        (
            "Q-OPS-01",
            "有无供应商远程维护？",
            "Is there remote maintenance by vendors?",
            "yes",
            YES,
            "wire",
            "RA-01",
            "wire",
            Text("抓包中见到远程桌面会话。", "A remote desktop session was captured."),
            (frames(8001),),
        ),
        ("Q-BCK-03", "上次恢复演练日期？", "When was a restore last tried?", None, None, "", "", "open", None, ()),
        (
            "Q-CLD-03",
            "设备上云凭据类型？",
            "Which credential do devices use?",
            None,
            None,
            "",
            "",
            "skipped",
            Text("不需要", "not asked"),
            (),
        ),
    )
)

ENGAGEMENT = {
    "client": "示例汽车零部件有限公司",
    "client_en": "Example Auto Parts Co., Ltd.",
    "site": "二号厂房",
    "author": "张工",
    "reviewer": "李工",
    "approver": "王总",
    "number": "RA-2026-014",
    "classification": "商业秘密",
    "version": "1.0",
    "authorisation": "授权书 SQ-2026-03，2026-05-20",
    "organisation": "示例安全评估有限公司",
    "process": "汽车底盘压装线",
}


STATES = {
    "seen": ("T0843", "T0846", "T0886"),
    "tested": ("T0858",),
    "detectable": ("T0814", "T0836"),
    "not_observable": ("T0831", "T0847"),
}
NAMES = {control.id: control.title for pack in PACKS if pack.kind == "technique" for control in pack.controls}
TECHNIQUES = tuple(
    {
        "id": ident, "name": NAMES.get(ident, Text(ident, ident)), "tactics": (), "state": state, "rules": (),
        "alerts": 0, "evidence": (),
    }
    for state, found in STATES.items()
    for ident in found
)  # fmt: skip


def full() -> Assessment:
    """A plant with everything."""
    return identify(
        Assessment(
            id="",
            as_of=START + 21 * DAY,
            program="0.2.0",
            profile="gb20984-ot-1",
            packs=PACKS,
            site=Site(
                ASSETS,
                ZONES,
                CONDUITS,
                (Tag("192.0.2.10", None, "DB", 10, 4, "Press force", "kN"),),
                (
                    Ticket(
                        "CR-118",
                        "change",
                        START + 8 * DAY,
                        START + 8 * DAY + 3_600_000_000_000,
                        ("192.0.2.21",),
                        ("192.0.2.10",),
                    ),
                ),
                ANSWERS,
                ENGAGEMENT,
            ),
            coverage=COVERAGE,
            captures=CAPTURES,
            alerts=ALERTS,
            checks=CHECKS,
            controls=CONTROLS,
            contradictions=(
                Contradiction(
                    "c-1",
                    "Q-BLD-02",
                    Text("办公网与控制区之间为单向边界", "The boundary between office and control area is one-way"),
                    Text(
                        "见到 198.51.100.77 到 192.0.2.10 的双向会话",
                        "A two-way session from 198.51.100.77 to 192.0.2.10 was seen",
                    ),
                    ("obs-download",),
                    (frames(5120, 5133), answered("Q-BLD-02")),
                ),
            ),
            findings=FINDINGS,
            risks=RISKS,
            business={"score": "14.62", "grade": 3, "after": {"score": "10.74", "grade": 3}, "importance": 4},
            levels=LEVELS,
            sheets=SHEETS,
            questionnaire=QUESTIONNAIRE,
            techniques=TECHNIQUES,
            calendar=(
                {
                    "due": "2027-06-22",
                    "what": Text("等保年度测评", "Yearly test of the baseline"),
                    "basis": "GB/T 22239",
                },
            ),
        )
    )


def empty() -> Assessment:
    """One short capture in which nothing of the plant was recognised, and a client who has said nothing yet."""
    return identify(
        Assessment(
            id="",
            as_of=START,
            program="0.2.0",
            profile="gb20984-ot-1",
            packs=(),
            site=Site(),
            coverage=Coverage(),
            captures=({**CAPTURES[0], "frames": 12},),
            alerts=(),
            checks=(),
            controls=(),
            contradictions=(),
            findings=(),
            risks=(),
            business={},
            levels=(),
            sheets=(),
            questionnaire=(),
        )
    )


HOSTILE = (
    "<script>alert(1)</script>",
    '#import "x": *',
    "{{ 7*7 }}{% raw %}",
    "\u202egnp.exe\u202c",
    "\x00\x07\x1b[31m",
    "]]> & ' \" </w:t>",
    "名" * 10_000,
    "A" * 10_000,
    "\ud800 lone",
    "$ x^2 $ \\ `code` _ * @ref",
)


def hostile() -> Assessment:
    """The same plant, whose devices, zones and answers carry names that mean harm."""
    import dataclasses

    base = full()
    assets = tuple(
        dataclasses.replace(
            asset,
            name=HOSTILE[i % len(HOSTILE)],
            vendor=HOSTILE[(i + 1) % len(HOSTILE)],
            owner=HOSTILE[(i + 2) % len(HOSTILE)],
        )
        for i, asset in enumerate(base.site.assets)
    )
    zones = tuple(
        dataclasses.replace(zone, name=Text(HOSTILE[i], HOSTILE[i + 1])) for i, zone in enumerate(base.site.zones)
    )
    findings = tuple(
        dataclasses.replace(f, title=Text(HOSTILE[i], HOSTILE[i]), seen=Text(HOSTILE[i + 2], HOSTILE[i + 2]))
        for i, f in enumerate(base.findings)
    )
    engagement = {**ENGAGEMENT, "client": HOSTILE[0] + HOSTILE[3] + HOSTILE[4], "number": HOSTILE[5]}
    site = dataclasses.replace(base.site, assets=assets, zones=zones, engagement=engagement)
    captures = tuple({**row, "path": HOSTILE[i]} for i, row in enumerate(base.captures))
    return dataclasses.replace(base, site=site, findings=findings, captures=captures)
