"""The OSCAL catalog of a pack: what NIST's schema demands of one, the same bytes each time, nothing lost."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sentinel.assess import oscal, packs
from sentinel.errors import AssessmentError

# Of NIST's oscal_catalog_schema.json, 1.1.3: the data types, and the keys of each object that a catalog here has.
TOKEN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
URI = re.compile(r"[a-z][a-z0-9+.-]+://\S+")
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "catalog": ({"uuid", "metadata"}, {"groups", "controls", "back-matter", "params"}),
    "metadata": ({"title", "last-modified", "version", "oscal-version"}, {"props", "links", "remarks"}),
    "group": ({"title"}, {"id", "class", "props", "links", "parts", "groups", "controls"}),
    "control": ({"id", "title"}, {"class", "params", "props", "links", "parts", "controls"}),
    "part": ({"name"}, {"id", "ns", "class", "title", "props", "prose", "parts", "links"}),
    "prop": ({"name", "value"}, {"uuid", "ns", "class", "remarks"}),
    "link": ({"href"}, {"rel", "media-type", "text"}),
    "back-matter": (set(), {"resources"}),
    "resource": ({"uuid"}, {"title", "description", "props", "rlinks", "remarks"}),
}
INSIDE = {
    "metadata": "metadata", "groups": "group", "controls": "control", "parts": "part", "props": "prop", "links": "link",
    "back-matter": "back-matter", "resources": "resource",
}  # fmt: skip


def objects(kind: str, value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a document with its kind."""
    yield kind, value
    for key, inner in value.items():
        if key in INSIDE:
            for item in inner if isinstance(inner, list) else [inner]:
                yield from objects(INSIDE[key], item)


@pytest.mark.parametrize("name", packs.available())
def test_a_catalog_is_as_the_schema_demands(name):
    ids: list[str] = []
    document = oscal.catalog(packs.load(name))
    assert document.keys() == {"catalog"}
    for kind, value in objects("catalog", document["catalog"]):
        required, optional = KEYS[kind]
        assert required <= value.keys() <= required | optional, (kind, value)
        for key, inner in value.items():
            if isinstance(inner, list):
                assert inner, (kind, key, "an empty list is not allowed")
            elif isinstance(inner, str):
                assert inner.strip() == inner and inner, (kind, key)
        if "id" in value:
            assert TOKEN.fullmatch(value["id"]), value["id"]
            ids.append(value["id"])
        if "uuid" in value:
            assert UUID.fullmatch(value["uuid"])
        if kind in ("prop", "part"):
            assert TOKEN.fullmatch(value["name"])
            assert URI.fullmatch(value.get("ns", "http://csrc.nist.gov"))
        if kind == "link":
            assert URI.fullmatch(value["href"])
    assert len(ids) == len(set(ids))
    metadata = document["catalog"]["metadata"]
    assert datetime.datetime.fromisoformat(metadata["last-modified"]).tzinfo is not None
    assert re.fullmatch(r"1\.1\.\d", metadata["oscal-version"])


@pytest.mark.parametrize("name", packs.available())
def test_no_control_is_lost_and_both_languages_are_there(name):
    pack = packs.load(name)
    found = {
        next(p["value"] for p in value["props"] if p["name"] == "label"): value
        for kind, value in objects("catalog", oscal.catalog(pack)["catalog"])
        if kind == "control"
    }
    assert found.keys() == {control.id for control in pack.controls}
    for control in pack.controls:
        own = found[control.id]
        prose = {part["name"]: part.get("prose") for part in own["parts"]}
        assert prose["statement"] == control.paraphrase.en and prose["statement-zh"] == control.paraphrase.zh
        assert [p["value"] for p in own["props"] if p["name"] == "level"] == list(control.levels)
        assert sum(part["name"] == "assessment-method" for part in own["parts"]) == len(control.tests)
        assert len(own.get("links", ())) == len(control.maps_to)


def test_the_watermark_travels_with_the_catalog():
    remarks = oscal.catalog(packs.load("cn-22239"))["catalog"]["metadata"]["remarks"]
    assert packs.WATERMARK.en in remarks and packs.WATERMARK.zh in remarks
    assert packs.WATERMARK.en not in oscal.catalog(packs.load("attack-ics"))["catalog"]["metadata"]["remarks"]


def test_the_same_pack_gives_the_same_document_and_another_edition_another_id():
    pack = packs.load("cn-miit-14")
    first, second = oscal.catalog(pack), oscal.catalog(packs.load("cn-miit-14"))
    assert json.dumps(first) == json.dumps(second)
    other = oscal.catalog(dataclasses.replace(pack, edition="the next one"))
    assert other["catalog"]["uuid"] != first["catalog"]["uuid"]


def test_a_test_says_how_it_is_made():
    pack = packs.load("cn-22239")
    controls = (v for k, v in objects("catalog", oscal.catalog(pack)["catalog"]) if k == "control")
    own = next(c for c in controls if c["id"] == "cn-22239_8.5.3.1a")
    methods = [part for part in own["parts"] if part["name"] == "assessment-method"]
    assert [part["props"][0]["value"] for part in methods] == ["TEST", "INTERVIEW"]
    assert methods[0]["parts"][0]["prose"].startswith("SG-03 services=smtp,smtps,")
    assert methods[0]["parts"][0]["prose"].endswith("coverage>=0.9")
    assert methods[1]["parts"][0]["prose"] == "Q-OPS-07: yes"


def test_ids_that_oscal_does_not_know_are_made_fit_and_stay_apart():
    pack = packs.load("cn-miit-14")
    first, second, third = pack.controls[:3]
    controls = (
        dataclasses.replace(first, id="a b"),
        dataclasses.replace(second, id="a/b"),
        dataclasses.replace(third, id="第三"),
    )
    document = oscal.catalog(dataclasses.replace(pack, id="3gpp", controls=controls))
    ids = [v["id"] for k, v in objects("catalog", document["catalog"]) if k == "control"]
    assert ids == ["p-3gpp_a-b", "p-3gpp_a-b_2", "p-3gpp_-"]


def test_a_pack_without_controls_is_no_catalog():
    with pytest.raises(AssessmentError, match="cn-data: has no controls"):
        oscal.catalog(dataclasses.replace(packs.load("cn-data"), controls=()))
