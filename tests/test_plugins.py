"""Parsers are found by file and entry point; a broken one is listed with its reason and stops nothing else."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import fake_parsers as fake
import pytest

from sentinel.model import Activity, Extra, Operation
from sentinel.plugins import describe, load_parsers

GOOD = """
from fake_parsers import module
globals().update({k: v for k, v in vars(module(__name__.rpartition(".")[2])).items() if not k.startswith("__")})
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes files into a package of its own; returns its name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "made_up"
    folder.mkdir()

    def write(**files: str) -> str:
        (folder / "__init__.py").write_text("")
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return "made_up"

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "made_up"]:
        del sys.modules[name]


def test_shipped_parsers() -> None:
    found = load_parsers()
    names = [protocol.name for protocol in found.protocols]
    files = {p.stem for p in Path(importlib.import_module("parsers").__path__[0]).glob("[a-z]*.py")}
    assert (found.broken, names) == ([], sorted(names)) and set(names) >= files
    assert [protocol.index for protocol in found.protocols] == list(range(len(names)))
    assert found.by_name("modbus").title == "Modbus" and found.by_name("nothing") is None


def test_files_with_an_underscore_are_helpers(package) -> None:
    found = load_parsers(package(one=GOOD, _helper="raise SystemError", two=GOOD))
    assert [p.name for p in found.protocols] == ["one", "two"]
    assert (found.protocols[1].index, found.broken) == (1, [])


@pytest.mark.parametrize(("text", "reason"), [
    ("def", "SyntaxError"),
    ("import no_such_module_anywhere", "no_such_module_anywhere"),
    ("1 / 0", "ZeroDivisionError"),
    ("NAME = 'bad'", "declares no TITLE"),
    (GOOD + "OPERATIONS = {70000: OPERATIONS[1]}", "70000"),
    (GOOD + "OPERATIONS = {1: 'say'}", "Operation"),
    (GOOD + "del parse", "declares no parse"),
])  # fmt: skip
def test_a_broken_one_is_listed_with_its_reason(package, text, reason) -> None:
    found = load_parsers(package(bad=text, good=GOOD))
    assert [(p.name, p.index) for p in found.protocols] == [("good", 0)]
    (broken,) = found.broken
    assert broken.name == "bad" and reason in broken.reason


def test_entry_points_add_parsers_but_replace_none(package, tmp_path) -> None:
    name = package(one=GOOD)
    for module, text in {"one": GOOD, "other": GOOD + "TITLE = 'From elsewhere'", "torn": "raise ImportError"}.items():
        (tmp_path / "made_up" / f"_{module}.py").write_text(text)
    installed = tmp_path / "elsewhere-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    lines = "".join(f"{module} = made_up._{module}\n" for module in ("one", "other", "torn"))
    (installed / "entry_points.txt").write_text(f"[sentinel.parsers]\n{lines}")
    found = load_parsers(name)
    assert [(p.name, p.title) for p in found.protocols] == [("one", "Fake"), ("_other", "From elsewhere")]
    assert [b.name for b in found.broken] == ["torn"]


@pytest.mark.parametrize("name", ["NAME", "TITLE", "TRANSPORTS", "PORTS", "OPERATIONS", "parse", "probe"])
def test_what_must_be_declared(name) -> None:
    with pytest.raises(ValueError, match=f"declares no {name}"):
        describe(fake.module(**{name: None}), 0)


def test_what_may_be_left_out() -> None:
    protocol = describe(fake.module(TABLE=None, orient=None), 3)
    assert (protocol.index, protocol.table, protocol.orient, protocol.over, protocol.objects) == (3, (), None, (), {})
    assert (protocol.statuses, protocol.stream_cap) == ({}, 65536)


SAY = Operation("say", "Say", Activity.READ)


@pytest.mark.parametrize(("changes", "words"), [
    ({"TABLE": (Extra("x", "i128", "No such type."),)}, "i128"),
    ({"TABLE": tuple(Extra(f"c{n}", "i64", "Many.") for n in range(63))}, "62"),
    ({"OPERATIONS": {-1: SAY}}, "-1"),
    ({"OPERATIONS": {65535: SAY}}, "65535"),
])  # fmt: skip
def test_what_is_refused(changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        describe(fake.module(**changes), 0)


@pytest.mark.parametrize("changes", [
    {"TRANSPORTS": "tcp"}, {"TRANSPORTS": ("TCP",)}, {"OVER": "cotp"},
    {"TABLE": (Extra("x", "i64", "Twice."), Extra("x", "i64", "Twice."))}, {"OPERATIONS": {1.5: SAY}},
])  # fmt: skip
def test_mistakes_that_would_be_silent(changes) -> None:
    with pytest.raises(ValueError):
        describe(fake.module(**changes), 0)


def test_two_parsers_of_one_name(package) -> None:
    found = load_parsers(package(one=GOOD, two=GOOD + "NAME = 'one'"))
    assert ([p.name for p in found.protocols], len(found.broken)) == (["one"], 1)
