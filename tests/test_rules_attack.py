"""What is kept of MITRE's bundle, and that the shipped file is what the script makes of the shared one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from conftest import CAPTURES

from sentinel import resources
from sentinel.rules.attack import NoBundle, chinese_names, derive, main, read_bundle, shipped, to_text

BUNDLE = CAPTURES.parent / "knowledge" / "ics-attack-18.1.json.zst"


def number(id_: str) -> list[dict[str, str]]:
    return [{"source_name": "somebody"}, {"source_name": "mitre-attack", "external_id": id_}]


def bundle() -> dict[str, Any]:
    technique = {"type": "attack-pattern", "x_mitre_domains": ["ics-attack"], "x_mitre_version": "1.0"}
    return {
        "type": "bundle",
        "objects": [
            {"type": "x-mitre-collection", "x_mitre_version": "9.9", "modified": "2031-01-01T00:00:00Z"},
            {"type": "marking-definition", "definition": {"statement": "Copyright."}},
            {**technique, "id": "a", "name": "B", "external_references": number("T0002"), "revoked": True},
            {**technique, "id": "b", "name": "A", "external_references": number("T0001"),
             "kill_chain_phases": [{"phase_name": "impact"}]},
            {**technique, "id": "c", "name": "C", "x_mitre_domains": ["enterprise-attack"]},
            {"type": "x-mitre-tactic", "name": "Impact", "x_mitre_shortname": "impact",
             "external_references": number("TA0105")},
            {"type": "course-of-action", "id": "m", "name": "M", "external_references": number("M0001")},
            {"type": "course-of-action", "id": "n", "name": "N", "revoked": True,
             "external_references": number("M0002")},
            {"type": "relationship", "relationship_type": "mitigates", "source_ref": "m", "target_ref": "b"},
            {"type": "relationship", "relationship_type": "mitigates", "source_ref": "n", "target_ref": "b"},
            {"type": "relationship", "relationship_type": "uses", "source_ref": "m", "target_ref": "a"},
        ],
    }  # fmt: skip


def test_derives_ids_names_tactics_state_and_mitigations() -> None:
    kept = derive(bundle())
    assert (
        kept["edition"] == "9.9" and kept["copyright"] == "Copyright." and kept["notice"].startswith("© 2031 The MITRE")
    )
    assert [t["id"] for t in kept["techniques"]] == ["T0001", "T0002"]
    first, second = kept["techniques"]
    assert first["tactics"] == ["impact"] and first["mitigations"] == ["M0001"] and not first["revoked"]
    assert second["revoked"] and not second["deprecated"]
    assert kept["mitigations"] == [{"id": "M0001", "name": "M"}]
    assert json.loads(to_text(kept)) == kept


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"type": "bundle"}', b'{"type": "bundle", "objects": [{"type": "attack-pattern"}]}', b"\xff"],
)
def test_what_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(NoBundle):
        derive(read_bundle(path))


def test_a_bundle_of_another_shape() -> None:
    broken = bundle()
    broken["objects"][3]["external_references"] = []
    with pytest.raises(NoBundle, match="no ATT&CK number"):
        derive(broken)
    del broken["objects"][3]["external_references"]
    with pytest.raises(NoBundle, match="not shaped"):
        derive(broken)


def test_main_reads_plain_and_compressed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, packed = tmp_path / "b.json", tmp_path / "b.json.zst"
    plain.write_text(json.dumps(bundle()))
    packed.write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    assert main([str(plain), str(tmp_path / "1")]) == main([str(packed), str(tmp_path / "2")]) == 0
    assert (tmp_path / "1").read_text() == (tmp_path / "2").read_text()
    packed.write_bytes(b"no zstd")
    assert main([str(packed), str(tmp_path / "3")]) == main([]) == main([str(tmp_path / "none"), "x"]) == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.skipif(not BUNDLE.is_file(), reason=f"no {BUNDLE}")
def test_the_shipped_file_is_what_the_script_makes() -> None:
    path = resources.rulesets() / "knowledge" / "attack-ics.json"
    assert path.read_text(encoding="utf-8") == to_text(derive(read_bundle(BUNDLE)))


def test_chinese_names_are_of_living_techniques() -> None:
    alive = {t["id"] for t in shipped()["techniques"] if not t["deprecated"] and not t["revoked"]}
    assert chinese_names().keys() <= alive and all(chinese_names().values())
