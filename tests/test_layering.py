"""Nothing calls upstream (design: "One direction"): what each module imports, read from its source.

Imports inside functions count like all others: they are late, not upward. Strings that name a module (plugins,
entry points) do not: that is how the core reaches parsers without importing them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = ("sentinel", "parsers", "detectors")

BASE = {"sentinel.model", "sentinel.schema", "sentinel.errors", "sentinel.resources", "sentinel.version"}

# What a module or package may import of the project, itself and its own package aside. The longest name decides.
ALLOWED: dict[str, set[str]] = {
    "sentinel.model": set(),
    "sentinel.errors": set(),
    "sentinel.version": set(),
    # an update counts only for the version of the program that checked it
    "sentinel.resources": {"sentinel.version"},
    "sentinel.schema": set(),
    "sentinel.wire": {"sentinel.model", "sentinel.schema"},
    # the one place where the core asks which protocol a flow speaks
    "sentinel.wire.dissect": {"sentinel.model", "sentinel.schema", "sentinel.wire", "sentinel.identify"},
    "parsers": {"sentinel.model", "sentinel.schema", "sentinel.wire"},
    "sentinel.plugins": BASE,
    "sentinel.identify": {"sentinel.model", "sentinel.plugins", "sentinel.wire"},
    "sentinel.pairing": {"sentinel.model", "sentinel.schema", "sentinel.wire"},
    "sentinel.points": {"sentinel.model", "sentinel.schema", "sentinel.wire", "sentinel.pairing"},
    "sentinel.tables": {
        "sentinel.model", "sentinel.schema", "sentinel.wire", "sentinel.pairing", "sentinel.points", "sentinel.plugins",
        "sentinel.identify", "sentinel.community_id",
    },
    "sentinel.community_id": {"sentinel.wire"},
    "sentinel.sources": BASE | {"sentinel.wire"},
    "detectors": BASE,
    "sentinel.memory": set(),
    "sentinel.columns": BASE,
    "sentinel.rules": BASE | {"sentinel.plugins", "sentinel.columns"},
    "sentinel.inventory": BASE | {"sentinel.columns"},
    "sentinel.store": BASE,
    # evidence is cut from the captures again
    "sentinel.store.evidence": BASE | {"sentinel.sources", "sentinel.wire"},
    "sentinel.sinks": BASE | {"sentinel.plugins", "sentinel.store"},
    "sentinel.assess": BASE | {"sentinel.store"},
    "sentinel.report": BASE | {"sentinel.store", "sentinel.assess"},
    "sentinel.console": BASE | {"sentinel.store"},
    "sentinel.signing": BASE,
    # updates are checked as the commands that lint rules and check packs do
    "sentinel.update": BASE | {"sentinel.signing", "sentinel.plugins", "sentinel.rules", "sentinel.assess"},
    "sentinel.metrics": BASE,
    "sentinel.exercise": BASE,
    "sentinel.reading": {
        "sentinel.model", "sentinel.wire", "sentinel.pairing", "sentinel.plugins", "sentinel.identify",
    },
    "sentinel.analysis": {
        "sentinel.columns", "sentinel.inventory", "sentinel.pairing", "sentinel.plugins", "sentinel.shares",
        "sentinel.store", "sentinel.summary", "sentinel.tables",
    },
    "sentinel.pipeline": {"sentinel", "detectors"},
    # the sensor: the order of the pipeline, in small steps and without an end
    "sentinel.sensor": {"sentinel"},
    # which processes read is beside the order in which things happen
    "sentinel.portions": {
        "sentinel.pipeline", "sentinel.analysis", "sentinel.pairing", "sentinel.plugins", "sentinel.rules",
        "sentinel.store", "sentinel.columns", "sentinel.wire",
    },
    "sentinel.cluster": BASE | {
        "sentinel.pipeline", "sentinel.reading", "sentinel.portions", "sentinel.shares", "sentinel.summary",
        "sentinel.plugins", "sentinel.memory", "sentinel.rules", "sentinel.sources", "sentinel.store", "sentinel.wire",
    },
    "sentinel.shares": BASE | {"sentinel.summary", "sentinel.inventory", "sentinel.rules"},
    "sentinel.summary": BASE | {"sentinel.wire", "sentinel.store"},
    "sentinel.cli": {"sentinel"},
    "sentinel.__main__": {"sentinel.cli"},
}

# Modules that are tested through another one; a line that is no longer needed fails the test below.
WITHOUT_TEST = {
    "sentinel.__main__": "one line; tests of the commands call it",
    "sentinel.errors": "a tree of exceptions without code",
    "sentinel.assess.model": "nouns without behaviour; test_assess_snapshot writes and reads all of them",
    "sentinel.model": "enumerations",
    "sentinel.version": "one constant; test_packaging compares it with the wheel's",
    "sentinel.wire.layout": "constants; test_rows writes and reads the cells by them",
}

# Libraries that only one part of the program may know.
KEPT_APART = {
    "scapy": "sentinel.exercise",
    "pymodbus": "sentinel.exercise",
    "snap7": "sentinel.exercise",
    "py1815": "sentinel.exercise",
    "opendnp3": "sentinel.exercise",
    "pyshark": "sentinel.cli",
    "sigma": "sentinel.rules",
    "elasticsearch": "sentinel.sinks",
    "kafka": "sentinel.sinks",
    "click": "sentinel.cli",
    "rich": "sentinel.cli",
    "sqlite3": "sentinel.store",
    "dask": "sentinel.cluster",
    "distributed": "sentinel.cluster",
}

# What a first look at the program must not wait for.
HEAVY = ("numpy", "polars", "sigma", "scapy", "pyshark", "sentinel.pipeline", "sentinel.wire", "parsers")


@cache
def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name; packages are named as `package.__init__`."""
    paths = (p for top in OWN for p in (ROOT / top).rglob("*.py"))
    return {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in sorted(paths)}


@cache
def imports(name: str) -> frozenset[str]:
    """Dotted names of the modules that a module imports, anywhere in its source."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import; write the whole name"
            source = (node.module or "").removeprefix("cython.cimports.")
            submodules = {f"{source}.{alias.name}" for alias in node.names} & modules().keys()
            found |= submodules or {source}
    return frozenset(found)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("name", sorted(n for n in modules() if not n.endswith("__init__")))
def test_imports_go_downstream(name: str) -> None:
    rule = max((rule for rule in ALLOWED if within(name, rule)), key=len, default=None)
    assert rule is not None, f"{name}: say in ALLOWED what it may import"
    own = name.rpartition(".")[0] if name.rpartition(".")[0] not in OWN[:1] else name
    allowed = ALLOWED[rule] | {rule, own}
    upward = {m for m in imports(name) if any(within(m, o) for o in OWN) and not any(within(m, a) for a in allowed)}
    assert not upward, f"{name} imports {', '.join(sorted(upward))}, which its place does not allow"


def test_rules_of_imports_are_needed() -> None:
    planned = {f"sentinel.{name}" for name in ("pairing", "pipeline", "sinks", "assess", "report", "console")}
    unused = [rule for rule in ALLOWED if not any(within(name, rule) for name in modules())]
    assert set(unused) <= planned, "ALLOWED names modules that do not exist"


def test_only_the_pipeline_knows_the_whole_order() -> None:
    stages = ("sentinel.sources", "sentinel.wire", "sentinel.rules", "sentinel.store", "sentinel.inventory")
    whole = [n for n in modules() if all(any(within(m, stage) for m in imports(n)) for stage in stages)]
    # the end of a killed sensor's run is its order once more, with marks at which each part begins
    assert set(whole) <= {"sentinel.pipeline", "sentinel.sensor.resume"}


@pytest.mark.parametrize(("library", "home"), KEPT_APART.items())
def test_libraries_are_kept_apart(library: str, home: str) -> None:
    strangers = [n for n in modules() if not within(n, home) and any(within(m, library) for m in imports(n))]
    assert not strangers, f"{library} belongs to {home} alone"


def test_initialisers_hold_no_logic() -> None:
    for name, path in modules().items():
        if name.endswith("__init__"):
            body = ast.parse(path.read_text(encoding="utf-8")).body
            docstrings = [n for n in body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
            assert body == docstrings, f"{name} holds code"


def test_every_module_has_one_test_file() -> None:
    chosen: dict[str, str] = {}
    for name in modules():
        last = name.rpartition(".")[2]
        # helpers of one module (`_name`) are tested through it
        if last == "__main__" or not last.startswith("_"):
            words = name.removeprefix("sentinel.").split(".")
            names = ["_".join(words[i:]) for i in range(len(words))]
            chosen[name] = next((n for n in names if (ROOT / f"tests/test_{n}.py").exists()), "")
    missing = [name for name, test in chosen.items() if not test and name not in WITHOUT_TEST]
    shared = [name for name, test in chosen.items() if test and list(chosen.values()).count(test) > 1]
    needless = [name for name in WITHOUT_TEST if chosen.get(name) != ""]
    assert not missing, f"no tests/test_<module>.py or test_<package>_<module>.py of {', '.join(missing)}"
    assert not shared, f"put the package's name before the module's, test file shared by {', '.join(shared)}"
    assert not needless, f"no longer needed in WITHOUT_TEST: {', '.join(needless)}"


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, sentinel.cli.main; print([m for m in sys.modules if m in set(sys.argv[1:])])"
    run = subprocess.run([sys.executable, "-c", code, *HEAVY], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
