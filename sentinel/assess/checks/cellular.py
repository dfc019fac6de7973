"""5G in the plant: what GTP-U tunnels carry, and whether terminals reach each other (TG-01).

The user plane is read inside its tunnel; its control (GTP-C, PFCP) has no parser, so which DNN, slice or session a
terminal has is not known. Terminals are the addresses inside tunnels that lie in zones of kind `wireless` or `park`;
where no such zone is declared, who is a terminal and who the server behind the UPF cannot be told apart.
"""

# ruff: noqa: E501  (a sentence and its translation are read as one; ruff counts a Chinese character as two)

from __future__ import annotations

import polars as pl

from sentinel.assess.checks._look import NOT_ASSESSABLE, Look, join, looks, talked, times
from sentinel.assess.model import CheckResult, Text


@looks(
    "TG-01", Text("5G 用户面与终端隔离", "5G user plane and isolation of terminals"),
    Text("GTP-U 隧道里有什么，终端之间、租户之间是否互通？", "What do GTP-U tunnels carry, and do terminals or tenants reach each other?"),
    sources=("flows", "protocol:gtp-c", "protocol:pfcp"),
)  # fmt: skip
def user_plane(look: Look) -> CheckResult:
    """Sessions between two terminals, or between the zones of two tenants."""
    plant = look.plant
    inside = plant.talks.filter(pl.col("tunnel").str.split("/").list.contains("gtp-u"))
    control = plant.talks.filter(pl.col("service").is_in(["pfcp", "gtp-c", "gtp-u"]))
    parks = {zone.id for zone in plant.site.zones if zone.kind == "park"}
    pools = parks | {zone.id for zone in plant.site.zones if zone.kind == "wireless"}
    if inside.is_empty() and control.is_empty() and len(parks) < 2:
        return look.result((), NOT_ASSESSABLE, Text("这些采集点没有 GTP-U、GTP-C 或 PFCP 流量，也没有声明两个以上的园区租户。", "There is no GTP-U, GTP-C or PFCP at these taps, and no two tenants of a park are declared."))
    found = []
    tunnelled = pl.col("tunnel").str.split("/").list.contains("gtp-u") & pl.col("client_zone").is_in(list(pools)) & pl.col("server_zone").is_in(list(pools))
    tenants = pl.col("client_zone").is_in(list(parks)) & pl.col("server_zone").is_in(list(parks)) & (pl.col("client_zone") != pl.col("server_zone"))
    for row in plant.classes(plant.sessions.filter(tunnelled | tenants)).iter_rows(named=True):
        if plant.allowing(row):
            continue
        across = row["client_zone"] != row["server_zone"]
        outcome, doubt = look.judge(row["client_zone"], row["server_zone"])
        said = talked(plant, row)
        here, there = plant.called(row["client_zone"]), plant.called(row["server_zone"])
        what = Text(f"租户区域“{here.zh}”与“{there.zh}”互通", f"the zones {here.en} and {there.en} reach each other") if across else Text("两个终端在隧道内互通", "two terminals reach each other inside the tunnel")
        found.append(look.see(
            f"{row['client_zone']}>{row['server_zone']} {row['service']} {row['transport']}/{row['server_port']} {row['tunnel']}".strip(), outcome, join(Text(f"{said.zh}；{what.zh}。", f"{said.en}; {what.en}."), doubt),
            addresses=row["addresses"], protocol=row["service"], count=row["sessions"], row=row, evidence=plant.flow_evidence(row), values={"bytes": row["bytes"], "across": across},
        ))  # fmt: skip
    n = int(inside["flows"].sum())
    if not pools:
        return look.result(found, NOT_ASSESSABLE, Text(f"GTP-U 隧道中有 {n} 条流，但没有声明终端地址池（类型为 wireless 或 park 的区域），无法区分终端与服务器。", f"{times(n, 'flow')} run inside GTP-U, but no pool of terminals is declared (zones of kind wireless or park): terminals and servers cannot be told apart."))
    outcome, reason = look.silent(Text(f"终端之间或租户之间的会话（隧道内 {n} 条流；GTP-C、PFCP 未解析，DNN 与切片未知）", f"session between terminals or tenants ({times(n, 'flow')} inside tunnels; GTP-C and PFCP are not decoded, so DNN and slice are not known)"))
    return look.result(found, outcome, reason)
