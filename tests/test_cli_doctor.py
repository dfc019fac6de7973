"""`sentinel doctor`: what it looks at, and when it says that something must be mended."""

from __future__ import annotations

import configparser
import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sentinel import plugins, resources
from sentinel.cli import _build, doctor, main
from sentinel.cli._settings import Settings

ROOT = Path(__file__).resolve().parents[1]
EN = Settings("en")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("SENTINEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["--lang", "en", *arguments, "doctor"], prog_name="sentinel")


def states(check) -> dict[str, str]:
    return {finding.what: finding.state for finding in check(EN)}


def only(monkeypatch, *states_: str) -> None:
    findings = [doctor.Finding(f"thing {k}", state, "said") for k, state in enumerate(states_)]
    monkeypatch.setattr(doctor, "CHECKS", (lambda _settings: iter(findings),))


@pytest.mark.parametrize(("found", "code"), [(("ok",), 0), (("ok", "note"), 0), (("ok", "bad"), 1), ((), 0)])
def test_exit_code(monkeypatch, found, code):
    only(monkeypatch, *found)
    assert run().exit_code == code


def test_quiet_shows_what_is_bad(monkeypatch):
    only(monkeypatch, "ok", "bad")
    output = run("-q").output
    assert "thing 1" in output and "thing 0" not in output


def test_everything_is_looked_at():
    output = run().output
    for what in ("Python", "Sentinel", "polars", "tshark", "parsers", "rules", "cache", "free space"):
        assert what in output, what


def test_requirements_are_those_of_the_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")

    def names(text: str) -> set[str]:
        lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
        return {line.split(">")[0].split("=")[0].split("<")[0].strip().lower() for line in lines}

    assert {name.lower() for name in doctor.REQUIRED} == names(config["options"]["install_requires"])
    extras = config["options.extras_require"]
    assert set(doctor.OPTIONAL) == names(extras["lab"]) | names(extras["oracle"])


def test_a_missing_dependency(monkeypatch):
    monkeypatch.setattr(doctor, "REQUIRED", ("no-such-distribution",))
    monkeypatch.setattr(doctor, "OPTIONAL", ("no-such-extra",))
    assert states(doctor.dependencies) == {"no-such-distribution": "bad", "no-such-extra": "note"}


@pytest.mark.parametrize(("version", "state"), [((3, 10), "bad"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 99), "note")])
def test_python(monkeypatch, version, state):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 0, "final", 0))
    assert states(doctor.python) == {"Python": state}


@pytest.mark.parametrize(
    ("compiled", "stale", "state"), [(False, [], "note"), (True, [], "ok"), (True, ["parsers/x.py"], "bad")]
)
def test_build(monkeypatch, compiled, stale, state):
    monkeypatch.setattr(_build, "compiled", lambda: compiled)
    monkeypatch.setattr(_build, "stale", lambda: stale)
    (finding,) = doctor.build(EN)
    assert finding.state == state
    assert all(name in finding.said for name in stale)


def test_stale_sources(monkeypatch, tmp_path):
    monkeypatch.setattr(_build, "ROOT", tmp_path)
    monkeypatch.setattr(_build, "compiled", lambda: True)
    assert _build.stale() == []
    (tmp_path / "sentinel").mkdir()
    (tmp_path / "same.py").write_bytes(b"1")
    (tmp_path / "other.py").write_bytes(b"2")
    digest = hashlib.sha256(b"1").hexdigest()
    sources = {"same.py": digest, "other.py": digest, "gone.py": digest}
    (tmp_path / "sentinel" / "build.json").write_text(json.dumps({"compiled": True, "sources": sources}))
    assert _build.stale() == ["other.py"]
    monkeypatch.setattr(_build, "compiled", lambda: False)
    assert _build.stale() == []


def test_broken_plugins_are_named_with_their_reason(monkeypatch):
    found = plugins.Parsers(broken=[plugins.Broken("odd", "SyntaxError: x")])
    monkeypatch.setattr(plugins, "load_parsers", lambda: found)
    findings = {f.what: (f.state, f.said) for f in doctor.plugins(EN)}
    assert findings == {"parsers": ("bad", "none was found"), "parser odd": ("bad", "SyntaxError: x")}


def test_data(monkeypatch, tmp_path):
    (tmp_path / "sigma" / "modbus").mkdir(parents=True)
    (tmp_path / "knowledge").mkdir()
    monkeypatch.setattr(resources, "rulesets", lambda: tmp_path)
    assert states(doctor.data) == {"rules": "bad"}
    (tmp_path / "sigma" / "modbus" / "a.yml").touch()
    (tmp_path / "knowledge" / "k.json").write_text('{"edition": "18.1"}')
    (tmp_path / "knowledge" / "list.json").write_text("[]")
    (tmp_path / "knowledge" / "broken.json").write_text("{")
    said = [f.said for f in doctor.data(EN)]
    assert said[0] == "1" and "k 18.1" in said and "list" in said and any("broken (" in s for s in said)


def test_no_data(monkeypatch):
    def missing():
        raise FileNotFoundError("the installation is damaged")

    monkeypatch.setattr(resources, "rulesets", missing)
    assert states(doctor.data) == {"data": "bad"}


def test_cache_that_cannot_be_written(cache):
    assert states(doctor.disk)["cache"] == "ok"
    cache.rmdir()
    cache.write_text("a file")
    assert states(doctor.disk)["cache"] == "note"


def test_little_space(monkeypatch):
    monkeypatch.setattr(doctor, "LOW_DISK", 1 << 80)
    assert states(doctor.disk)["free space"] == "note"


def test_tshark(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)
    assert states(doctor.tshark) == {"tshark": "note"}
