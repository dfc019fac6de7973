"""Updates are put in place whole or not at all, follow each other, and can be taken back."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the sensor extra is not installed")

from update_files import CONTENT, RULE, Keys, manifest, member, signed

from sentinel import resources, signing
from sentinel.errors import UpdateError
from sentinel.update import archive, check, place


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of updates of a box; rules are not judged, for that is the other module's."""
    monkeypatch.setenv("SENTINEL_UPDATES", str(tmp_path / "updates"))
    monkeypatch.delenv("SENTINEL_RULESETS", raising=False)
    monkeypatch.setattr(check, "problems", lambda rulesets: [])
    return tmp_path / "updates"


def update(path: Path, keys: Keys, version: str = "1", content: bytes = CONTENT) -> Path:
    text = manifest({RULE: content}, version=version)
    return signed(path, keys.private, text, [member(RULE, content)])


def apply(path: Path, keys: Keys, **options: bool) -> bool:
    return place.apply(path, signing.trusted([keys.public]), **options)


def in_place() -> bytes | None:
    """The rule that only updates bring, as the program would read it now."""
    path = resources.rulesets() / RULE
    return path.read_bytes() if path.exists() else None


def test_a_box_without_updates_has_the_shipped_rules(box: Path) -> None:
    assert resources.rulesets() == resources.shipped_rulesets()
    assert place.history() == [] and not box.exists()
    with pytest.raises(UpdateError, match="no update is in place"):
        place.rollback()
    assert not box.exists()


def test_an_update_counts_at_once_and_brings_the_rest_along(box: Path, keys: Keys, tmp_path: Path) -> None:
    assert apply(update(tmp_path / "u", keys), keys)
    assert in_place() == CONTENT
    assert [p.name for p in (resources.rulesets() / "sigma").iterdir()] == ["any"]
    for name in ("frameworks/pack.schema.json", "knowledge/attack-ics.json", "profiles/iec-order-1.yaml"):
        assert (resources.rulesets() / name).read_bytes() == (resources.shipped_rulesets() / name).read_bytes()
    (placed,) = place.history()
    assert placed.version == "1" and placed.used and placed.signed_by == signing.name_of(keys.private)
    assert not list(box.glob(".new-*"))


def test_everybody_may_read_it(box: Path, keys: Keys, tmp_path: Path) -> None:
    apply(update(tmp_path / "u", keys), keys)
    for path in [box / resources.STATE, *resources.rulesets().rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_twice_is_once(box: Path, keys: Keys, tmp_path: Path) -> None:
    path = update(tmp_path / "u", keys)
    assert [apply(path, keys), apply(path, keys)] == [True, False]
    assert len(place.history()) == 1


def test_the_next_one_replaces_it_and_can_be_taken_back(box: Path, keys: Keys, tmp_path: Path) -> None:
    apply(update(tmp_path / "a", keys, "1", b"one"), keys)
    apply(update(tmp_path / "b", keys, "2", b"two"), keys)
    assert in_place() == b"two"
    before = place.rollback()
    assert before is not None and before.version == "1" and in_place() == b"one"
    assert apply(tmp_path / "b", keys) and in_place() == b"two"
    assert place.rollback() is not None and place.rollback() is None
    assert in_place() is None and resources.rulesets() == resources.shipped_rulesets()
    assert [p for p in box.iterdir() if p.is_dir()] == []


def test_only_some_are_kept(box: Path, keys: Keys, tmp_path: Path) -> None:
    for number in range(5):
        apply(update(tmp_path / "u", keys, f"{number}"), keys)
    assert [one.version for one in place.history()] == ["2", "3", "4"]
    assert len([p for p in box.iterdir() if p.is_dir()]) == place.KEPT


def test_older_ones_are_refused_unless_asked_for(box: Path, keys: Keys, tmp_path: Path) -> None:
    apply(update(tmp_path / "b", keys, "1.10", b"new"), keys)
    with pytest.raises(UpdateError, match=r"version 1\.9 is older than 1\.10"):
        apply(update(tmp_path / "a", keys, "1.9", b"old"), keys)
    with pytest.raises(UpdateError, match=r"another update of version 1\.10"):
        apply(update(tmp_path / "c", keys, "1.10", b"another"), keys)
    assert in_place() == b"new"
    assert apply(tmp_path / "a", keys, allow_older=True) and in_place() == b"old"


def test_what_does_not_pass_changes_nothing(
    box: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(update(tmp_path / "a", keys, "1", b"one"), keys)
    monkeypatch.setattr(check, "problems", lambda rulesets: ["sigma/any/lone_rule.yml:1: bad"])
    with pytest.raises(UpdateError, match="do not pass the checks") as error:
        apply(update(tmp_path / "b", keys, "2", b"two"), keys)
    assert error.value.problems == ("sigma/any/lone_rule.yml:1: bad",)
    assert in_place() == b"one" and len([p for p in box.iterdir() if p.is_dir()]) == 1


def test_another_version_of_the_program_goes_back_to_its_own_rules(
    box: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = update(tmp_path / "u", keys)
    apply(path, keys)
    for module in (resources, place):
        monkeypatch.setattr(module, "VERSION", "99")
    assert resources.rulesets() == resources.shipped_rulesets()
    assert not place.history()[0].used
    assert apply(path, keys) and in_place() == CONTENT and len(place.history()) == 1


def test_a_folder_named_by_the_environment_counts_more(
    box: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(update(tmp_path / "u", keys), keys)
    monkeypatch.setenv("SENTINEL_RULESETS", str(tmp_path))
    assert resources.rulesets() == tmp_path


OUTSIDE = json.dumps({"history": [{"name": "../../etc", "program": place.VERSION}]})


@pytest.mark.parametrize("state", ["{", "[]", '{"history": 1}', OUTSIDE])
def test_a_damaged_state_is_named_and_the_shipped_rules_count(
    state: str, box: Path, keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    apply(update(tmp_path / "u", keys), keys)
    (box / resources.STATE).write_text(state)
    assert resources.rulesets() == resources.shipped_rulesets()
    assert "cannot be used" in caplog.text
    with pytest.raises(UpdateError, match="damaged"):
        place.history()


def test_an_update_that_was_deleted_is_named_too(box: Path, keys: Keys, tmp_path: Path) -> None:
    apply(update(tmp_path / "u", keys), keys)
    shutil.rmtree(box / place.history()[0].name)
    assert resources.rulesets() == resources.shipped_rulesets()
    with pytest.raises(UpdateError, match="damaged"):
        place.history()


def test_killed_before_the_switch_leaves_the_one_before(
    box: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(update(tmp_path / "a", keys, "1", b"one"), keys)
    with monkeypatch.context() as patched:
        patched.setattr(place, "_put", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            apply(update(tmp_path / "b", keys, "2", b"two"), keys)
    (box / ".new-left").mkdir()
    assert in_place() == b"one"
    assert apply(tmp_path / "b", keys) and in_place() == b"two"
    assert not (box / ".new-left").exists()


def test_two_at_once_is_one_too_many(box: Path, keys: Keys, tmp_path: Path) -> None:
    box.mkdir()
    with (box / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UpdateError, match="another update is at work"):
            apply(update(tmp_path / "u", keys), keys)


def test_making_one_checks_it_whole(box: Path, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / RULE).parent.mkdir(parents=True)
    (tmp_path / "in" / RULE).write_bytes(CONTENT)
    seen = []

    def problems(rulesets: Path) -> list[str]:
        seen.append(sorted(p.name for p in rulesets.iterdir()))
        return ["bad"] if len(seen) > 1 else []

    monkeypatch.setattr(check, "problems", problems)
    assert place.make(tmp_path / "in", tmp_path / "u", "1", keys.private).version == "1"
    assert set(archive.TOPS) <= set(seen[0])
    with pytest.raises(UpdateError, match="do not pass"):
        place.make(tmp_path / "in", tmp_path / "v", "1", keys.private)
    assert not (tmp_path / "v").exists()


def test_the_state_is_what_the_documentation_says(box: Path, keys: Keys, tmp_path: Path) -> None:
    apply(update(tmp_path / "u", keys), keys)
    state = json.loads((box / resources.STATE).read_text())
    assert state == {"history": [{"name": place.history()[0].name, "program": place.VERSION}]}
