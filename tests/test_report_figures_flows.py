"""Data flows between zones."""

from __future__ import annotations

import figure_checks as check


def test_only_what_was_seen_flows():
    words = check.words(check.drawn("flows", "en"))
    assert "s7comm · 18 MB" in words and "declared, not seen" not in words


def test_harmless():
    check.harmless("flows")
