"""Products that are confirmed not to be affected, as a CSAF 2.0 VEX document; none where nothing was confirmed.

Source: OASIS CSAF 2.0, profile 5 (VEX). Only matches of class N (version at or above the fix, with proof on the wire)
are stated: a vulnerability that was not looked for is not "not affected".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sentinel.assess.model import Assessment, Observation
from sentinel.report._common import iso, label

CHECK, PROVEN = "AS-06", "N"


def render(assessment: Assessment, lang: str) -> bytes | None:
    """The document as JSON; None where no product is confirmed not to be affected."""
    proofs = [
        o
        for result in assessment.checks
        if result.check == CHECK
        for o in result.observations
        if o.values.get("match_class") == PROVEN and o.values.get("cve")
    ]
    if not proofs:
        return None
    document = _document(assessment, proofs, lang)
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _document(assessment: Assessment, proofs: list[Observation], lang: str) -> dict[str, Any]:
    when = iso(assessment.as_of)
    products: dict[str, Mapping[str, Any]] = {}
    by_cve: dict[str, list[Observation]] = {}
    for o in proofs:
        products.setdefault(_product(o), o.values)
        by_cve.setdefault(str(o.values["cve"]), []).append(o)
    publisher = str(assessment.site.engagement.get("organisation") or assessment.program)
    return {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "lang": "zh-CN" if lang == "zh" else "en",
            "publisher": {"category": "user", "name": publisher, "namespace": "https://sentinel.invalid/"},
            "title": label(assessment),
            "tracking": {
                "id": f"sentinel-{assessment.id}",
                "current_release_date": when,
                "initial_release_date": when,
                "revision_history": [{"date": when, "number": "1", "summary": "Assessment"}],
                "status": "final",
                "version": "1",
            },
        },
        "product_tree": {
            "full_product_names": [
                {"product_id": id_, "name": " ".join(str(v[k]) for k in ("vendor", "model", "firmware") if v.get(k))}
                for id_, v in sorted(products.items())
            ]
        },
        "vulnerabilities": [
            {
                "cve": cve,
                "product_status": {"known_not_affected": sorted({_product(o) for o in found})},
                "notes": [{"category": "details", "text": found[0].detail.in_(lang)}],
                "threats": [
                    {
                        "category": "impact",
                        "details": found[0].detail.in_(lang),
                        "product_ids": sorted({_product(o) for o in found}),
                    }
                ],
            }
            for cve, found in sorted(by_cve.items())
        ],
    }


def _product(o: Observation) -> str:
    return "-".join(str(o.values.get(key, "")) for key in ("vendor", "model", "firmware")).replace(" ", "_")
