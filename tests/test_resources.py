from __future__ import annotations

from pathlib import Path

import pytest

from sentinel import resources

ROOT = Path(__file__).resolve().parents[1]


def test_tree_has_its_data_at_the_top() -> None:
    assert resources.rulesets() == ROOT / "rulesets"
    assert resources.pcaps() == ROOT / "pcaps"


def test_installed_package_has_its_data_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "sentinel"
    (package / "rulesets").mkdir(parents=True)
    # a folder of that name beside an installed package belongs to someone else
    (tmp_path / "rulesets").mkdir()
    monkeypatch.setattr(resources, "PACKAGE", package)
    assert resources.rulesets() == package / "rulesets"


def test_damaged_installation_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "sentinel")
    with pytest.raises(FileNotFoundError, match="install the package again"):
        resources.pcaps()


def test_a_folder_of_rules_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_RULESETS", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none: no such folder"):
        resources.rulesets()


def test_updates_lie_beside_the_releases_of_a_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTINEL_UPDATES")
    monkeypatch.setattr(resources.sys, "prefix", str(tmp_path / "opt/sentinel/releases/0.1.0-0"))
    assert resources.updates() == tmp_path / "opt/sentinel/updates"
    monkeypatch.setattr(resources.sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert resources.updates() == tmp_path / "data/sentinel/updates"
