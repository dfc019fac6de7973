"""Writes rulesets/kibana/sentinel.ndjson: data views for the sink's data streams and a dashboard, to be imported into
Kibana (Stack Management, Saved Objects, Import). Names of fields come from the schema; a test fails where the file is
older than this script or than the schema. Run it with `make kibana`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sentinel.sinks.documents import fields  # noqa: E402
from sentinel.store.outbox import OFFERED  # noqa: E402

PATH = ROOT / "rulesets/kibana/sentinel.ndjson"
CORE, TYPES = "8.8.0", {"index-pattern": "8.0.0", "visualization": "8.5.0", "search": "8.0.0", "dashboard": "8.9.0"}
"""Versions of the forms below: Kibana 8.9 and later bring them up to date themselves."""

TITLES = {
    "alerts": "ICS alerts 工控告警", "assets": "ICS assets 工控资产", "facts": "ICS facts 设备事实",
    "faults": "ICS faults 故障", "flows": "ICS flows 流", "messages": "ICS messages 报文", "items": "ICS items 条目",
    "points": "ICS points 过程值",
}  # fmt: skip
DANGEROUS = 'ics.activity: ("write" or "control" or "program" or "mode" or "configure" or "file" or "time")'


@dataclass(frozen=True)
class Panel:
    """One picture: `kind` of Kibana's, over `table`, split by fields; `metric`: the field that is counted, or rows."""

    key: str
    title: str
    kind: str
    table: str
    split: tuple[str, ...]
    where: tuple[int, int, int, int]
    metric: str = ""
    over_time: bool = False
    query: str = ""


PANELS = (
    Panel("alerts", "Alerts 告警数", "metric", "alerts", (), (0, 0, 8, 8), "event.id"),
    Panel("alerts-time", "Alerts by severity 各级别告警", "histogram", "alerts", ("log.level",), (8, 0, 40, 8),
          "event.id", True),
    Panel("rules", "What was found 告警内容", "table", "alerts", ("rule.name", "log.level"), (0, 8, 24, 14),
          "event.id"),
    Panel("techniques", "ATT&CK for ICS", "pie", "alerts", ("threat.technique.id",), (24, 8, 12, 14), "event.id"),
    Panel("who", "Who did it to whom 来源与目标", "table", "alerts", ("source.address", "destination.address"),
          (36, 8, 12, 14), "event.id"),
    Panel("activity", "Activity 操作类别", "histogram", "messages", ("ics.activity",), (0, 22, 24, 12), "", True),
    Panel("changes", "Who changes what 谁在更改", "table", "messages",
          ("source.address", "destination.address", "event.action"), (24, 22, 24, 12), "", False, DANGEROUS),
    Panel("protocols", "Protocols 协议", "pie", "flows", ("network.protocol",), (0, 34, 12, 12)),
    Panel("assets", "Assets 资产", "table", "assets", ("ics.assets.role", "ics.assets.vendor", "ics.assets.model"),
          (12, 34, 24, 12), "ics.assets.asset"),
    Panel("faults", "Faults 故障", "table", "faults", ("ics.faults.code",), (36, 34, 12, 12)),
)  # fmt: skip


def objects() -> Iterator[dict[str, Any]]:
    """Every saved object, in the order of the file."""
    for table in OFFERED:
        attributes = {"title": f"logs-ics.{table}-*", "name": TITLES[table], "timeFieldName": "@timestamp"}
        yield saved("index-pattern", view(table), attributes, [])
    for panel in PANELS:
        yield picture(panel)
    yield list_of_alerts()
    yield dashboard()


def view(table: str) -> str:
    """Id of a table's data view."""
    return f"sentinel-ics-{table}"


def saved(kind: str, id_: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> dict[str, Any]:
    """One saved object."""
    return {
        "type": kind, "id": id_, "attributes": attributes, "references": references, "coreMigrationVersion": CORE,
        "typeMigrationVersion": TYPES[kind],
    }  # fmt: skip


def picture(panel: Panel) -> dict[str, Any]:
    """A visualisation of Kibana's own aggregations."""
    metric: dict[str, Any] = {"id": "1", "enabled": True, "schema": "metric", "type": "count", "params": {}}
    if panel.metric:
        metric |= {"type": "cardinality", "params": {"field": panel.metric}}
    aggregations = [metric]
    split = {"metric": "group", "table": "bucket", "pie": "segment", "histogram": "group"}[panel.kind]
    if panel.over_time:
        params = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1}
        aggregations.append(bucket("2", "date_histogram", "segment", params))
    for number, field in enumerate(panel.split, 3):
        params = {"field": field, "size": 20, "order": "desc", "orderBy": "1"}
        aggregations.append(bucket(str(number), "terms", split, params))
    state = {"title": panel.title, "type": panel.kind, "aggs": aggregations, "params": params_of(panel.kind)}
    attributes = {
        "title": panel.title, "visState": dumps(state), "uiStateJSON": "{}", "description": "", "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": source(panel.query)},
    }  # fmt: skip
    return saved("visualization", f"sentinel-ics-{panel.key}-panel", attributes, [index(panel.table)])


def bucket(id_: str, kind: str, schema: str, params: dict[str, Any]) -> dict[str, Any]:
    """One way to split."""
    return {"id": id_, "enabled": True, "type": kind, "schema": schema, "params": params}


def params_of(kind: str) -> dict[str, Any]:
    """How a kind of picture is drawn, where Kibana's defaults are not enough."""
    if kind == "table":
        return {"perPage": 10, "showPartialRows": False, "showMetricsAtAllLevels": False, "showTotal": False}
    if kind == "histogram":
        series = {"show": True, "type": "histogram", "mode": "stacked", "data": {"id": "1", "label": ""},
                  "valueAxis": "ValueAxis-1"}  # fmt: skip
        return {
            "type": "histogram", "addLegend": True, "addTooltip": True, "legendPosition": "right",
            "seriesParams": [series],
            "categoryAxes": [{"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": True,
                              "scale": {"type": "linear"}, "labels": {"show": True, "truncate": 100}, "title": {}}],
            "valueAxes": [{"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left", "show": True,
                           "scale": {"type": "linear", "mode": "normal"}, "labels": {"show": True}, "title": {}}],
        }  # fmt: skip
    return {"addLegend": True, "addTooltip": True, "isDonut": True} if kind == "pie" else {}


def list_of_alerts() -> dict[str, Any]:
    """The alerts themselves, newest first."""
    columns = ["log.level", "rule.name", "source.address", "destination.address", "message", "observer.name"]
    attributes = {
        "title": "ICS alerts, newest first 最新告警", "description": "", "columns": columns,
        "sort": [["@timestamp", "desc"]], "kibanaSavedObjectMeta": {"searchSourceJSON": source("")},
    }  # fmt: skip
    return saved("search", "sentinel-ics-alerts-list", attributes, [index("alerts")])


def dashboard() -> dict[str, Any]:
    """All panels, and the list below them."""
    parts = [("visualization", f"sentinel-ics-{p.key}-panel", p.where) for p in PANELS]
    parts.append(("search", "sentinel-ics-alerts-list", (0, 46, 48, 18)))
    panels, references = [], []
    for number, (kind, id_, (x, y, w, h)) in enumerate(parts):
        place = {"x": x, "y": y, "w": w, "h": h, "i": str(number)}
        panels.append({"type": kind, "gridData": place, "panelIndex": str(number), "embeddableConfig": {},
                       "panelRefName": f"panel_{number}"})  # fmt: skip
        references.append({"name": f"{number}:panel_{number}", "type": kind, "id": id_})
    query = {"query": "", "language": "kuery"}
    attributes = {
        "title": "Sentinel: industrial network 工控网络", "description": "Alerts, changes, protocols and assets.",
        "panelsJSON": dumps(panels), "optionsJSON": dumps({"useMargins": True, "hidePanelTitles": False}), "version": 1,
        "timeRestore": False, "kibanaSavedObjectMeta": {"searchSourceJSON": dumps({"query": query, "filter": []})},
    }  # fmt: skip
    return saved("dashboard", "sentinel-ics", attributes, references)


def source(query: str) -> str:
    """The search behind a picture."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    return dumps({"query": {"query": query, "language": "kuery"}, "filter": [], "indexRefName": name})


def index(table: str) -> dict[str, str]:
    """The data view that a picture is of."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    return {"name": name, "type": "index-pattern", "id": view(table)}


def used() -> Iterator[tuple[str, str]]:
    """(table, field) of everything that is counted or split by."""
    for panel in PANELS:
        for field in (*panel.split, *([panel.metric] if panel.metric else [])):
            yield panel.table, field


def dumps(value: Any) -> str:
    """JSON on one line, in a stable order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def text() -> str:
    """The whole file; KeyError for a field that no document has."""
    for table, field in used():
        if fields(table)[field] == "text":
            raise KeyError(f"{field} of {table} cannot be counted: it is text")
    return "".join(dumps(one) + "\n" for one in objects())


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(text(), encoding="utf-8")
