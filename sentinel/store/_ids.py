"""Ids that are hashes of content, so that two runs over one capture can be compared."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii as _quoted


def fact_id(device: str, unit: int | None, kind: str, value: str, source: str) -> str:
    """Id of a fact: who it is about, what it says and who said so, whenever it was said; None, 0 and "" differ."""
    values = ", ".join(map(_quoted, (kind, value, source)))
    text = f'["fact", {_quoted(device)}, {"null" if unit is None else unit}, {values}]'
    return hashlib.sha256(text.encode()).hexdigest()[:16]
