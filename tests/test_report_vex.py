"""The VEX document: only what is proven not to be affected."""

from __future__ import annotations

import dataclasses
import json

from fake_assessment import full

from sentinel.assess.model import CheckResult, Observation, Outcome, Text
from sentinel.report import vex

WORDS = Text("固件高于修复版本", "The firmware is above the fixed version")


def with_match(match_class: str):
    product = {"vendor": "Siemens", "model": "6ES7 315", "firmware": "V3.4"}
    values = {"match_class": match_class, "cve": "CVE-2022-38465", **product}
    seen = Observation("o", "AS-06", "plc", Outcome.NOT_OBSERVED, WORDS, WORDS, values=values)
    return dataclasses.replace(full(), checks=(CheckResult("AS-06", Outcome.NOT_OBSERVED, WORDS, (seen,)),))


def test_nothing_proven_gives_no_document() -> None:
    assert vex.render(full(), "en") is None
    assert vex.render(with_match("B"), "en") is None


def test_a_proven_product_is_not_affected() -> None:
    document = json.loads(vex.render(with_match("N"), "zh"))
    assert document["document"]["category"] == "csaf_vex"
    (product,) = document["product_tree"]["full_product_names"]
    (vulnerability,) = document["vulnerabilities"]
    assert vulnerability["product_status"]["known_not_affected"] == [product["product_id"]]
    assert vulnerability["notes"][0]["text"] == WORDS.zh
