"""STIX bundles: what an alert becomes, ids as the specification makes them."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from sink_documents import a_case, alerts, an_alert, of

from sentinel.errors import SinkError
from sentinel.sinks import stix
from sentinel.sinks.base import open_sink, parse

ID = re.compile(r"[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
REQUIRED = {
    "identity": {"name"}, "observed-data": {"first_observed", "last_observed", "number_observed", "object_refs"},
    "attack-pattern": {"name"}, "sighting": {"sighting_of_ref"}, "note": {"content", "object_refs"},
    "ipv4-addr": {"value"}, "ipv6-addr": {"value"}, "mac-addr": {"value"}, "network-traffic": {"protocols"},
}  # fmt: skip
"""Properties that STIX 2.1 requires of each type beside the common ones."""
OBSERVABLE = {"ipv4-addr", "ipv6-addr", "mac-addr", "network-traffic"}


def objects(made: dict) -> dict[str, dict]:
    found = {one["id"]: one for one in made["objects"]}
    assert len(found) == len(made["objects"])
    return found


def test_a_bundle_keeps_to_the_specification(tmp_path) -> None:
    rows = (an_alert("a"), an_alert("b", src="00:80:f4:00:00:01"), an_alert("c", src="2001:db8::1", techniques=[]))
    made = stix.bundle(alerts(tmp_path / "c", *rows), "en")
    found = objects(made)
    assert ID.fullmatch(made["id"])
    for one in found.values():
        assert ID.fullmatch(one["id"])
        assert one["id"].startswith(one["type"] + "--")
        assert one["spec_version"] == "2.1"
        assert REQUIRED[one["type"]] <= one.keys()
        if one["type"] not in OBSERVABLE:
            assert STAMP.fullmatch(one["created"])
            assert STAMP.fullmatch(one["modified"])
        for name, value in one.items():  # every reference leads to an object of the bundle
            if name.endswith(("_ref", "_refs")):
                assert set(value if isinstance(value, list) else [value]) <= found.keys()


def test_ids_of_observables_are_those_of_the_specification(tmp_path) -> None:
    found = objects(stix.bundle(alerts(tmp_path / "c"), "en"))
    expected = uuid.uuid5(uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7"), '{"value":"10.0.0.66"}')
    assert found[f"ipv4-addr--{expected}"]["value"] == "10.0.0.66"


def test_an_alert_is_a_sighting_of_its_technique_with_a_note(tmp_path) -> None:
    found = objects(stix.bundle(alerts(tmp_path / "c", an_alert(count=4)), "zh")).values()
    (sighting,) = (one for one in found if one["type"] == "sighting")
    (pattern,) = (one for one in found if one["type"] == "attack-pattern")
    (note,) = (one for one in found if one["type"] == "note")
    assert sighting["sighting_of_ref"] == pattern["id"]
    assert sighting["count"] == 4
    assert pattern["external_references"][0]["external_id"] == "T0858"
    assert note["abstract"] == "控制器被停止"
    assert note["content"] == "10.0.0.66 命令停止。 询问是谁。"


def test_the_same_alerts_are_the_same_file(tmp_path) -> None:
    documents = alerts(tmp_path / "c")
    out = tmp_path / "out"
    out.mkdir()
    for _ in range(2):
        assert open_sink(parse(f"stix://{out}")).send(documents).accepted == 1
    (path,) = out.iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["type"] == "bundle"


def test_rows_that_are_no_alerts_are_refused_with_the_reason(tmp_path) -> None:
    sent = open_sink(parse(f"stix://{tmp_path}")).send(of(a_case(tmp_path / "c", 2), "messages"))
    assert sent.accepted == 0
    assert len(sent.refused) == 2


def test_a_folder_that_is_none_is_said_at_once(tmp_path) -> None:
    with pytest.raises(SinkError, match="whole path of a folder"):
        open_sink(parse(f"stix://{tmp_path}/none"))
