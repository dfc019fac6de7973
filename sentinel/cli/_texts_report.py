"""The Chinese of `assess`, `report` and `demo`; see `_texts.py`."""

from __future__ import annotations

TEXTS: dict[str, str] = {}
