"""Office documents are zip archives: the same content must give the same bytes, whenever it is written."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can hold."""
_FIRST = "[Content_Types].xml"
"""What the readers of office documents expect to find first (ECMA-376-2)."""


def fixed(archive: bytes, changes: Mapping[str, Callable[[bytes], bytes]] | None = None) -> bytes:
    """The archive with its members in one order, without their times; `changes`: member -> what is done to it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != _FIRST, name)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            data = source.read(name)
            target.writestr(entry, changes[name](data) if changes and name in changes else data)
    return out.getvalue()
