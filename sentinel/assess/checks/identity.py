"""Identity and cryptography: who proves who he is, and what protects it (AU-01 to AU-05, CR-01 to CR-03).

Of log-ins only those of S7comm and DNP3 are decoded; of the other services it is known that a session was there and how
much it carried. Such a session is an indication: the service carries log-ins in clear by design, whether one was made
is not known. A password never becomes part of an observation; the frame that carried it is named.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from sentinel.assess.checks._look import (
    CONFIRMED,
    NOT_ASSESSABLE,
    NOT_OBSERVED,
    PROPOSED,
    VIOLATED,
    Look,
    few,
    join,
    looks,
    stamp,
    talked,
    times,
)  # fmt: skip
from sentinel.assess.checks._services import CLEAR_LOGIN, CONTROL, ENCRYPTED, SECURED, word
from sentinel.assess.model import CheckResult, Evidence, Text

LOGIN_SERVICES = CLEAR_LOGIN | frozenset("ssh rdp vnc smb winrm ldap mssql mysql postgresql oracle mqtt opcua".split())
_PASSWORD = pl.col("operation") == "password_set"
_SECURE_AUTHENTICATION = ("authentication_request", "authentication_request_no_ack", "authentication_response")


@looks(
    "AU-01", Text("明文口令", "Clear-text credential"),
    Text("口令是否以明文或可还原的形式传输？", "Does a credential pass in clear text, or in a form that anyone can turn back?"),
    sources=("messages", "flows", "protocol:telnet", "protocol:ftp", "protocol:http", "protocol:snmp"),
)  # fmt: skip
def clear_text(look: Look) -> CheckResult:
    """S7 passwords, which are only encoded; sessions of services whose log-ins are in clear as indications."""
    plant = look.plant
    found = []
    for row in plant.by_pair(plant.exchanges.filter(_PASSWORD & (pl.col("kind") == "request"))).iter_rows(named=True):
        detail = Text(
            f"{plant.name(row['client'])} 向 {plant.name(row['server'])} 发送了 {row['count']:,} 次 {word(row['protocol'])} 保护口令；该编码可还原，任何能抓包的人都能得到口令。",
            f"{plant.name(row['client'])} sent the protection password of {plant.name(row['server'])} {times(row['count'], 'time')} over {word(row['protocol'])}; its encoding can be turned back by anyone who captures it.",
        )
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['protocol']}", VIOLATED, detail, addresses=(row["client"], row["server"]), protocol=row["protocol"], techniques=("T0859",),
            count=row["count"], row=row, evidence=plant.row_evidence(row), values={"events": row["count"], "days": plant.days},
        ))  # fmt: skip
    services = plant.sessions.filter(pl.col("service").is_in(list(CLEAR_LOGIN)))
    for row in plant.grouped(services, "server", "service").iter_rows(named=True):
        said = talked(plant, row)
        what = Text("团体名（v1、v2c）", "the community string (v1, v2c)") if row["service"] == "snmp" else Text("登录信息", "log-ins")
        found.append(look.see(
            f"{row['service']} {row['server']}", NOT_ASSESSABLE, Text(f"{said.zh}；该服务以明文传输{what.zh}，其中有无登录未解析。", f"{said.en}; this service carries {what.en} in clear text, but whether one was in it was not decoded."),
            addresses=row["addresses"], protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"], "proven": row["proven"]},
        ))  # fmt: skip
    decoded = Text("Telnet、FTP、HTTP、SNMP 等的登录尚无解析器；", "Log-ins of Telnet, FTP, HTTP, SNMP and others have no parser yet;")
    if services.height:
        return look.result(found, NOT_ASSESSABLE, join(decoded, Text(f"见到 {services['sessions'].sum()} 个此类会话。", f"{times(int(services['sessions'].sum()), 'session')} of them were seen.")))
    outcome, reason = look.silent(Text("明文口令，也未见以明文登录的服务", "clear-text credential, nor a service that carries them in clear,"))
    return look.result(found, outcome, reason)


@looks(
    "AU-02", Text("默认口令", "Default credential"),
    Text("是否使用出厂默认口令？", "Is a default credential of a vendor in use?"), sources=("protocol:login",),
)  # fmt: skip
def default_credential(look: Look) -> CheckResult:
    """Needs decoded log-ins."""
    sessions = int(look.plant.sessions.filter(pl.col("service").is_in(list(LOGIN_SERVICES)))["sessions"].sum())
    return look.result((), NOT_ASSESSABLE, Text(
        f"见到 {sessions} 个可登录服务的会话，但本版本不解析登录内容，无法与默认口令比较。",
        f"{times(sessions, 'session')} of services with a log-in were seen; log-ins are not decoded, so nothing can be compared with default credentials.",
    ))  # fmt: skip


@looks(
    "AU-03", Text("无鉴别的控制协议", "Unauthenticated control protocol"),
    Text("是否使用不作身份鉴别的控制协议？", "Is a control protocol in use that asks nobody who he is?"), sources=("messages", "flows"),
)  # fmt: skip
def unauthenticated(look: Look) -> CheckResult:
    """Every server of a control protocol in its plain form, with its clients and their writes."""
    plant = look.plant
    secure = {
        (row["server"], row["protocol"])
        for row in plant.exchanges.filter(pl.col("operation").is_in(_SECURE_AUTHENTICATION)).iter_rows(named=True)
    }
    writes = {
        (server, protocol): n
        for server, protocol, n in plant.exchanges.filter(pl.col("activity").is_in(["write", "control"]) & (pl.col("kind") == "request"))
        .group_by("server", "protocol").agg(pl.col("count").sum()).iter_rows()
    }  # fmt: skip
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in plant.sessions.filter(pl.col("service").is_in(list(CONTROL))).iter_rows(named=True):
        if row["proven"] or row["service"] != "iso-tsap":
            groups[row["service"], row["server"]].append(row)
    found, table = [], []
    for (protocol, server), rows in sorted(groups.items()):
        clients = list(dict.fromkeys(row["client"] for row in rows))
        proven, n = any(row["proven"] for row in rows), writes.get((server, protocol), 0)
        if (server, protocol) in secure:
            continue
        table.append({"protocol": protocol, "server": server, "clients": len(clients), "writes": n})
        names = few(map(plant.name, clients))
        if proven:
            detail = Text(
                f"{plant.name(server)} 接受 {word(protocol)} 而不鉴别对方：{len(clients)} 个客户端（{names.zh}），其中写入或控制请求 {n:,} 个。",
                f"{plant.name(server)} takes {word(protocol)} without asking who sends it: {times(len(clients), 'client')} ({names.en}), {times(n, 'request')} to write or control.",
            )
        else:
            detail = Text(
                f"{plant.name(server)} 上有 {word(protocol)} 端口的会话（{names.zh}），该协议本身不作鉴别；仅按端口号判断，载荷未解析。",
                f"{plant.name(server)} has sessions on the port of {word(protocol)} ({names.en}), which authenticates nobody; by the port number alone, the payload was not decoded.",
            )
        found.append(look.see(
            f"{protocol} {server}", VIOLATED if proven else NOT_ASSESSABLE, detail, addresses=(server, *clients), protocol=protocol, techniques=("T0855",) if n else (),
            count=sum(row["sessions"] for row in rows), first_time=min(r["first"] for r in rows), last_time=max(r["last"] for r in rows), evidence=plant.flow_evidence(*rows),
            values={"protocol": protocol, "clients": len(clients), "writes": n, "proven": proven},
        ))  # fmt: skip
    tables = {"unauthenticated": table}
    if not groups:
        outcome, reason = look.silent(Text("控制协议", "control protocol"))
        return look.result((), outcome, reason, tables)
    if not found:
        return look.result((), NOT_OBSERVED, Text("见到的控制协议会话都带有鉴别报文（DNP3 安全认证）。", "Every session of a control protocol bore authentication messages (DNP3 Secure Authentication)."), tables)
    return look.result(found, NOT_ASSESSABLE, Text("只见到按端口号判断的控制协议会话。", "Only sessions that are of a control protocol by their port number were seen."), tables)


@looks(
    "AU-04", Text("登录失败", "Failed log-ins"),
    Text("是否有连续的登录失败？失败后是否锁定？", "Are there bursts of failed log-ins, and does anything lock the account out?"),
    {"failures": 3, "connections": 10, "minutes": 5}, sources=("messages", "flows", "alerts"),
)  # fmt: skip
def failed_logins(look: Look) -> CheckResult:
    """Refused S7 passwords and alerts of failed authentication; many short connections to a log-in service."""
    plant = look.plant
    tries = plant.exchanges.filter(_PASSWORD)
    refused = plant.by_pair(tries.filter(pl.col("kind") == "exception"))
    accepted = {(r["client"], r["server"]): r for r in plant.by_pair(tries.filter(pl.col("kind") == "response")).iter_rows(named=True)}
    found, told = [], set()
    for row in refused.filter(pl.col("count") >= look.params["failures"]).iter_rows(named=True):
        ends = row["client"], row["server"]
        told.add(ends)
        let_in = accepted.get(ends)
        after = let_in is not None and let_in["last"] > row["last"]
        detail = Text(
            f"{plant.name(ends[1])} 拒绝了 {plant.name(ends[0])} 的 {row['count']:,} 个口令，首次 {stamp(row['first'])} UTC，" + ("其后又接受了一个：没有锁定。" if after else "每次都作了应答，未见锁定。"),
            f"{plant.name(ends[1])} refused {times(row['count'], 'password')} of {plant.name(ends[0])}, first at {stamp(row['first'])} UTC, " + ("and then took one: there is no lock-out." if after else "and answered every time: no lock-out was seen."),
        )
        evidence: list[Evidence] = [*plant.row_evidence(row), *(piece for a in _of(look, *ends, ("password_attempts",)) for piece in plant.alert_evidence(a))]
        found.append(look.see(
            f"{ends[0]}>{ends[1]} {row['protocol']}", VIOLATED, detail, addresses=ends, protocol=row["protocol"], techniques=("T0859",), count=row["count"], row=row, evidence=evidence,
            values={"failures": row["count"], "lockout": False, "guessed": after, "events": 1, "days": plant.days},
        ))  # fmt: skip
    for ends, alerts in sorted(plant.alerts_of.items()):
        for alert in alerts:
            if "authentication_failed" in alert["name"] and ends not in told:
                found.append(look.see(
                    f"{ends[0]}>{ends[1]} {alert['name']}", VIOLATED, Text(alert["why_zh"], alert["why_en"]), addresses=ends, protocol=alert["protocol"], techniques=("T0859",),
                    count=alert["count"], row=alert, evidence=plant.alert_evidence(alert), values={"failures": alert["count"], "events": 1, "days": plant.days},
                ))  # fmt: skip
    found += _bursts(look)
    services = plant.sessions.filter(pl.col("service").is_in(list(LOGIN_SERVICES)))
    if not found and tries.is_empty() and services.is_empty():
        return look.result((), NOT_ASSESSABLE, Text("抓包中没有任何登录，也没有可登录服务的会话。", "The captures hold no log-in and no session of a service with one."))
    outcome, reason = look.silent(Text(f"连续的登录失败（阈值 {look.params['failures']} 次；只解析 S7comm 与 DNP3 的登录）", f"burst of {look.params['failures']} failed log-ins or more (only those of S7comm and DNP3 are decoded)"))
    return look.result(found, outcome, reason)


def _of(look: Look, src: str, dst: str, words: tuple[str, ...]) -> list[dict[str, Any]]:
    return [alert for alert in look.plant.alerts_of.get((src, dst), ()) if any(w in alert["name"] for w in words)]


def _bursts(look: Look) -> list[Any]:
    """Many connections of one host to one log-in service in a short time: what guessing looks like from outside."""
    plant = look.plant
    window = f"{look.params['minutes']}m"
    flows = plant.flows.filter(pl.col("session") & (pl.col("transport") == "tcp") & pl.col("service").is_in(["ssh", "rdp", "ftp", "telnet", "vnc", "smb", "winrm"]))
    most = (
        flows.with_columns(pl.from_epoch("first", "ns").dt.truncate(window).alias("window"))
        .group_by("client", "server", "service", "window").agg(pl.len().alias("n"), pl.struct("capture", "frame", "last_frame", "last").head(5).alias("pieces"), pl.col("first").min(), pl.col("last").max())
        .filter(pl.col("n") >= look.params["connections"]).sort("client", "server", "service", "window")
        .unique(["client", "server", "service"], keep="first", maintain_order=True)
    )  # fmt: skip
    found = []
    for row in most.iter_rows(named=True):
        detail = Text(
            f"{plant.name(row['client'])} 在 {look.params['minutes']} 分钟内向 {plant.name(row['server'])} 建立了 {row['n']} 个 {word(row['service'])} 连接：像是在猜口令，登录结果未解析。",
            f"{plant.name(row['client'])} opened {row['n']} connections of {word(row['service'])} to {plant.name(row['server'])} within {look.params['minutes']} minutes: it looks like guessing; how the log-ins ended was not decoded.",
        )
        found.append(look.see(
            f"{row['client']}>{row['server']} {row['service']}", NOT_ASSESSABLE, detail, kind="burst", addresses=(row["client"], row["server"]), protocol=row["service"], techniques=("T0859",), count=row["n"],
            row=row, evidence=plant.flow_evidence(row), values={"connections": row["n"]},
        ))  # fmt: skip
    return found


@looks(
    "AU-05", Text("匿名或来宾访问", "Anonymous or guest access"),
    Text("是否有匿名或来宾访问（SMB、FTP、OPC UA、MQTT）？", "Is there anonymous or guest access (SMB, FTP, OPC UA, MQTT)?"),
    sources=("protocol:smb", "protocol:ftp", "protocol:opcua", "protocol:mqtt"),
)  # fmt: skip
def anonymous(look: Look) -> CheckResult:
    """Needs decoded log-ins; says how many sessions would have to be looked into."""
    rows = look.plant.sessions.filter(pl.col("service").is_in(["smb", "ftp", "opcua", "mqtt"]))
    if rows.is_empty():
        outcome, reason = look.silent(Text("SMB、FTP、OPC UA 或 MQTT 会话", "session of SMB, FTP, OPC UA or MQTT"))
        return look.result((), outcome, reason)
    names = "、".join(map(word, sorted(rows["service"].unique())))
    n = int(rows["sessions"].sum())
    return look.result((), NOT_ASSESSABLE, Text(
        f"见到 {n} 个会话（{names}），但尚无解析器，是否匿名登录未知。",
        f"{times(n, 'session')} of {names.replace('、', ', ')} were seen, but there is no parser for them yet: whether they were anonymous is not known.",
    ))  # fmt: skip


@looks(
    "CR-01", Text("加密协议版本、算法与证书", "Versions, ciphers and certificates"),
    Text("TLS、SSH、IPsec、TLCP 的版本、算法、证书是否合格？", "Are version, cipher and certificate of TLS, SSH, IPsec and TLCP sound?"),
    sources=("protocol:tls", "protocol:ssh", "protocol:ipsec"),
)  # fmt: skip
def ciphers(look: Look) -> CheckResult:
    """Needs the handshakes decoded; says how many sessions there were."""
    rows = look.plant.sessions.filter(pl.col("service").is_in(list(ENCRYPTED)))
    if rows.is_empty():
        outcome, reason = look.silent(Text("加密会话", "encrypted session"))
        return look.result((), outcome, reason)
    proven, guessed = (int(rows.filter(pl.col("proven") == known)["sessions"].sum()) for known in (True, False))
    names = sorted(map(word, rows["service"].unique()))
    return look.result((), NOT_ASSESSABLE, Text(
        f"见到加密会话（{'、'.join(names)}）：按载荷识别 {proven} 个、仅按端口号判断 {guessed} 个；握手未解析，版本、算法和证书未知。",
        f"Encrypted sessions ({', '.join(names)}) were seen: {proven} recognised by their payload and {guessed} by their port alone; handshakes are not decoded, so versions, ciphers and certificates are not known.",
    ))  # fmt: skip


@looks(
    "CR-02", Text("OPC UA 安全模式与策略", "OPC UA mode and policy"),
    Text("OPC UA 是否使用签名与加密？", "Does OPC UA sign and encrypt?"), sources=("protocol:opcua",),
)  # fmt: skip
def opcua(look: Look) -> CheckResult:
    """Needs OPC UA decoded."""
    rows = look.plant.sessions.filter(pl.col("service") == "opcua")
    if rows.is_empty():
        outcome, reason = look.silent(Text("OPC UA 会话", "OPC UA session"))
        return look.result((), outcome, reason)
    n = int(rows["sessions"].sum())
    return look.result((), NOT_ASSESSABLE, Text(
        f"见到 {n} 个 OPC UA 端口的会话，但尚无解析器，安全模式和策略未知。",
        f"{times(n, 'session')} on the port of OPC UA were seen, but there is no parser for it yet: mode and policy are not known.",
    ))  # fmt: skip


@looks(
    "CR-03", Text("控制协议的安全变体", "Secured variants of control protocols"),
    Text("控制协议是否使用其安全变体（Modbus/TLS、DNP3-SA、CIP Security、IEC 62351）？", "Are the secured variants of control protocols in use (Modbus/TLS, DNP3-SA, CIP Security, IEC 62351)?"),
    {"scope": "all"}, sources=("flows", "messages"),
)  # fmt: skip
def secured(look: Look) -> CheckResult:
    """Plain control sessions, by `scope` all of them, those across zones (`boundary`), or to public addresses or GTP-U (`wan`)."""
    plant = look.plant
    variants = set(SECURED.values())
    rows = [row for row in plant.sessions.filter(pl.col("service").is_in([*CONTROL, *variants])).iter_rows(named=True) if _in_scope(look, row)]
    signed = {
        (row["client"], row["server"])
        for row in plant.exchanges.filter(pl.col("operation").is_in(_SECURE_AUTHENTICATION)).iter_rows(named=True)
    }
    good: list[dict[str, Any]] = []
    plain: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        safe = row["service"] in variants or (row["client"], row["server"]) in signed
        (good if safe else plain[row["service"]]).append(row)
    found = []
    for protocol, mine in sorted(plain.items()):
        proven = [row for row in mine if row["proven"]]
        # whether two hosts stand on two sides of a boundary is only sure where somebody drew it
        sure = look.params["scope"] != "boundary" or any(plant.firm(row["client_zone"], row["server_zone"]) for row in proven)
        servers = few(plant.name(row["server"]) for row in proven or mine)
        variant = Text(f"，其安全变体是 {word(SECURED[protocol])}", f"; its secured variant is {word(SECURED[protocol])}") if protocol in SECURED else Text("", "")
        why = Text("", "") if proven else Text("（仅按端口号判断）", " (by the port number alone)")
        n = sum(row["sessions"] for row in proven or mine)
        detail = Text(f"{word(protocol)} 以明文形式使用{why.zh}：{n} 个会话，服务器 {servers.zh}{variant.zh}。", f"{word(protocol)} is in use in its plain form{why.en}: {times(n, 'session')}, servers {servers.en}{variant.en}.")
        found.append(look.see(
            protocol, VIOLATED if proven and sure else NOT_ASSESSABLE, detail if sure else join(detail, PROPOSED), addresses=(row["server"] for row in proven or mine), protocol=protocol, count=n, first_time=min(r["first"] for r in proven or mine),
            last_time=max(r["last"] for r in proven or mine), evidence=plant.flow_evidence(*(proven or mine)), values={"protocol": protocol, "sessions": n},
        ))  # fmt: skip
    if not rows:
        outcome, reason = look.silent(Text("范围内的控制协议会话", "session of a control protocol in scope"))
        return look.result((), outcome, reason)
    if good and not any(plain.values()) and all(row["proven"] for row in good):
        return look.result((), CONFIRMED, Text(f"全部 {len(good)} 对主机的控制会话都使用安全变体。", f"The control sessions of all {times(len(good), 'pair')} of hosts use a secured variant."), confirmed_zones=(z for r in good for z in (r["client_zone"], r["server_zone"])))
    return look.result(found, NOT_ASSESSABLE, Text("只见到按端口号判断的会话，或边界由本程序推定。", "Only sessions known by their port number were seen, or the boundary is one that this program proposes."))


def _in_scope(look: Look, row: dict[str, Any]) -> bool:
    if look.params["scope"] == "boundary":
        return bool(row["client_zone"] != row["server_zone"])
    if look.params["scope"] == "wan":
        return look.plant.is_public(row["client"]) != look.plant.is_public(row["server"]) or "gtp-u" in row["tunnel"].split("/")
    return bool(row["proven"] or row["service"] != "iso-tsap")
