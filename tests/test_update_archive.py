"""The file of an update: what comes out is what was signed, and nothing else comes out anywhere."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the sensor extra is not installed")

from update_files import CONTENT, RULE, Keys, manifest, member, signed, write

from sentinel import signing
from sentinel.errors import OutputError, UpdateError
from sentinel.update import archive

FILES = {RULE: CONTENT, "knowledge/attack-ics.json": b"{}\n"}
MEMBERS = [member(name, content) for name, content in FILES.items()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def unpacked(path: Path, keys: Keys, **options: bool) -> dict[str, bytes]:
    """What comes out of an update whose signer is trusted; and that nothing lies beside it."""
    into = path.parent / "out" / "rulesets"
    archive.unpack(path, into, signing.trusted([keys.public]), options.get("allow_unsigned", False))
    assert list(into.parent.iterdir()) == [into]
    return {str(p.relative_to(into)): p.read_bytes() for p in into.rglob("*") if p.is_file()}


def refused(path: Path, keys: Keys, said: str, allow_unsigned: bool = False) -> None:
    into = path.parent / "out" / "rulesets"
    before = set(path.parent.iterdir()) | {path.parent / "out"}
    with pytest.raises(UpdateError, match=said):
        archive.unpack(path, into, signing.trusted([keys.public]), allow_unsigned)
    assert set(path.parent.iterdir()) <= before


def test_what_was_packed_comes_out(folder: Path, keys: Keys, tmp_path: Path) -> None:
    made = archive.make(folder, tmp_path / "u", "1.2", keys.private)
    assert unpacked(tmp_path / "u", keys) == FILES
    assert made.signed_by == signing.name_of(keys.private) and made.version == "1.2"


def test_the_same_gives_the_same_bytes(
    folder: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    one, other = (archive.make(folder, tmp_path / name, "1", keys.private) for name in "ab")
    assert one == other and one.made == 1700000000
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_schema_of_packs_stays_with_the_program(folder: Path, tmp_path: Path) -> None:
    (folder / "frameworks").mkdir()
    (folder / "frameworks/pack.schema.json").write_text("{}")
    assert archive.files_in(folder).keys() == FILES.keys()


@pytest.mark.parametrize("name", ["sigma/any/run.sh", "sigma/Any/x.yml", "profiles/deep/x.yaml", "knowledge/x.py"])
def test_other_files_are_not_packed(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    with pytest.raises(UpdateError, match=f"{name}: not a file that an update may bring"):
        archive.files_in(folder)


def test_links_and_large_files_are_not_packed(folder: Path, tmp_path: Path) -> None:
    (folder / "sigma/any/lone.yml").symlink_to("/etc/passwd")
    with pytest.raises(UpdateError, match="lone.yml: not a file"):
        archive.files_in(folder)
    (folder / "sigma/any/lone.yml").unlink()
    (folder / RULE).write_bytes(bytes(archive.MAX_FILE + 1))
    with pytest.raises(UpdateError, match="larger than"):
        archive.make(folder, tmp_path / "u", "1", None)


def test_an_empty_folder_and_an_impossible_target_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="none of the folders"):
        archive.files_in(tmp_path / "out")
    with pytest.raises(OutputError, match="cannot be written"):
        archive.make(folder, tmp_path / "no" / "u", "1", None)


def test_unsigned_is_taken_only_where_that_was_said(folder: Path, keys: Keys, tmp_path: Path) -> None:
    made = archive.make(folder, tmp_path / "u", "1", None)
    assert made.signed_by is None
    refused(tmp_path / "u", keys, "not signed")
    assert unpacked(tmp_path / "u", keys, allow_unsigned=True) == FILES


def test_a_stranger_is_refused_even_where_unsigned_is_taken(
    folder: Path, keys: Keys, other_keys: Keys, tmp_path: Path
) -> None:
    archive.make(folder, tmp_path / "u", "1", other_keys.private)
    refused(tmp_path / "u", keys, "not signed by a key that is trusted")
    refused(tmp_path / "u", keys, "not signed by a key that is trusted", allow_unsigned=True)


def test_where_no_key_is_trusted_that_is_said(folder: Path, keys: Keys, tmp_path: Path) -> None:
    archive.make(folder, tmp_path / "u", "1", keys.private)
    with pytest.raises(UpdateError, match="no key is trusted on this machine"):
        archive.unpack(tmp_path / "u", tmp_path / "out", [], False)
    assert archive.unpack(tmp_path / "u", tmp_path / "out", [], True).signed_by is None


def test_nothing_is_written_before_the_signature_was_checked(keys: Keys, other_keys: Keys, tmp_path: Path) -> None:
    refused(signed(tmp_path / "u", other_keys.private, manifest(FILES), MEMBERS), keys, "not signed by")
    assert not (tmp_path / "out").exists()


def test_a_changed_manifest_is_refused(keys: Keys, tmp_path: Path) -> None:
    text = manifest(FILES)
    parts = [member("manifest.json", text + b" "), member("manifest.sig", signing.sign(text, keys.private)), *MEMBERS]
    refused(write(tmp_path / "u", parts), keys, "changed since")
    parts[1] = member("manifest.sig", b"short")
    refused(write(tmp_path / "u", parts), keys, "has 5 bytes instead of 64")


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (MEMBERS[:1], "knowledge/attack-ics.json is missing"),
        ([*MEMBERS, MEMBERS[0]], "stands twice"),
        ([*MEMBERS, member("sigma/more.yml", b"")], "sigma/more.yml is not in its manifest"),
        ([*MEMBERS, member("../outside", b"")], "outside is not in its manifest"),
        ([member(RULE, CONTENT[:-1] + b"x"), MEMBERS[1]], "is not what its manifest says"),
        ([member(RULE, b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")], "no plain file"),
        ([member(RULE, b"", type=tarfile.LNKTYPE, linkname="manifest.json")], "no plain file"),
        ([member(RULE, b"", type=tarfile.FIFOTYPE)], "no plain file"),
        ([member("sigma", b"", type=tarfile.DIRTYPE)], "no plain file"),
        ([member(RULE, bytes(archive.MAX_FILE + 1))], "too large"),
    ],
)
def test_what_the_manifest_does_not_say_is_refused(rest: list, said: str, keys: Keys, tmp_path: Path) -> None:
    refused(signed(tmp_path / "u", keys.private, manifest(FILES), rest), keys, said)


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x.yml", "sigma/../x.yml", "sigma//x.yml", "sigma/x.yml\n", "sigma/x.py", "frameworks/a/x.yaml",
     "frameworks/pack.schema.json", "examples/x.yaml", "manifest.json", "", "sigma/" + "d/" * 9 + "x.yml"],
)  # fmt: skip
def test_signed_paths_are_checked_as_well(name: str, keys: Keys, tmp_path: Path) -> None:
    path = signed(tmp_path / "u", keys.private, manifest({name: b""}), [member(name, b"")])
    refused(path, keys, "its manifest cannot be used")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "sentinel-update-2"}, {"format": None}, {"version": "1.x"}, {"version": "../1"}, {"version": 1},
        {"version": "1.2.3.4.5"}, {"made": -1}, {"made": True}, {"made": "now"}, {"files": {}}, {"files": []},
        {"files": {RULE: ["00", 1]}}, {"files": {RULE: 7}}, {"files": {RULE: ["0" * 64, -1]}}, {"more": 1},
    ],
)  # fmt: skip
def test_manifests_that_say_something_else_are_refused(changes: dict, keys: Keys, tmp_path: Path) -> None:
    path = signed(tmp_path / "u", keys.private, manifest(FILES, **changes), MEMBERS)
    refused(path, keys, "its manifest cannot be used")


@pytest.mark.parametrize("text", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_manifests_that_are_no_manifests_are_refused(text: bytes, keys: Keys, tmp_path: Path) -> None:
    refused(signed(tmp_path / "u", keys.private, text, MEMBERS), keys, "its manifest cannot be used")


def test_what_is_no_update_is_refused(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "u"
    for content in (b"", b"no archive", gzip.compress(b""), gzip.compress(b"no tar" * 500)):
        path.write_bytes(content)
        refused(path, keys, "no update")
    refused(write(path, MEMBERS), keys, "does not begin with manifest.json")
    refused(tmp_path / "none", keys, "none: cannot be read")
    refused(tmp_path, keys, "cannot be read")


def test_a_cut_file_is_refused_unless_all_that_was_signed_is_there(keys: Keys, tmp_path: Path) -> None:
    whole = signed(tmp_path / "whole", keys.private, manifest(FILES), MEMBERS).read_bytes()
    taken = []
    for length in range(0, len(whole), 3):
        (tmp_path / "u").write_bytes(whole[:length])
        try:
            taken.append(unpacked(tmp_path / "u", keys))
        except UpdateError:
            assert not taken
    assert all(files == FILES for files in taken)


def test_a_bomb_is_not_blown_up(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL", 1 << 20)
    with gzip.open(tmp_path / "u", "wb") as out:
        info, _ = member("manifest.json", b"")
        info.size = 3 << 20
        out.write(info.tobuf() + bytes(3 << 20))
    refused(tmp_path / "u", keys, "holds more than 1048576 bytes")


def test_a_name_tells_updates_of_one_version_apart(folder: Path, tmp_path: Path) -> None:
    one = archive.make(folder, tmp_path / "a", "1", None)
    (folder / RULE).write_bytes(b"other")
    other = archive.make(folder, tmp_path / "b", "1", None)
    assert one.name != other.name and one.name.startswith("1-")
    with tarfile.open(tmp_path / "a") as tar:
        text = tar.extractfile("manifest.json").read()  # type: ignore[union-attr]
    assert hashlib.sha256(text).hexdigest() == one.sha256 and json.loads(text)["version"] == "1"


def test_versions_compare_as_numbers() -> None:
    assert archive.order("2026.9.30") < archive.order("2026.10.1") < archive.order("2026.10.1.5")
    assert not any(map(archive.is_version, ("", "1.", ".1", "1.a", "1.2.3.4.5", "-1", "1\n")))
