"""Where the servers that tests start are kept once they were fetched. Imports nothing that has to be installed."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """SENTINEL_CACHE, else `sentinel` in the user's cache folder."""
    return Path(
        os.environ.get("SENTINEL_CACHE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sentinel"
    )
