"""Ids that are hashes of content, so that two runs over one capture can be compared."""

from __future__ import annotations

import hashlib
import json


def fact_id(device: str, unit: int | None, kind: str, value: str, source: str) -> str:
    """Id of a fact: who it is about, what it says and who said so, whenever it was said; None, 0 and "" differ."""
    text = json.dumps(["fact", device, unit, kind, value, source], ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
