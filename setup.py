"""Builds the compiled core: every module of sentinel/wire and parsers, one extension each (setup.cfg holds the rest)."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).resolve().parent
SHARED = "sentinel._cyutility"
UNCOMPILED = ("__init__.py", "layout.py")
FLAGS = ["-O2", "-g0", "-Wno-unreachable-code"]


def compiled_sources():
    """Paths, relative to the project, of the modules whose inner loop runs per byte, packet or PDU."""
    found = [p for d in ("sentinel/wire", "parsers") for p in (ROOT / d).glob("*.py") if p.name not in UNCOMPILED]
    return sorted(str(p.relative_to(ROOT)) for p in found)


def stamp(compiled, sources):
    """Record what was built, so that a stale extension beside an edited source is noticed (tests/conftest.py)."""
    files = [*sources, *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "sentinel/wire").glob("*.pxd")))]
    hashes = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in files}
    (ROOT / "sentinel/build.json").write_text(json.dumps({"compiled": compiled, "sources": hashes}, indent=1) + "\n")


def extensions():
    """The extension modules; none where SENTINEL_PURE=1 asks for the uncompiled build. A failing build fails."""
    sources = compiled_sources()
    if os.environ.get("SENTINEL_PURE") == "1":
        stamp(False, sources)
        return []
    from Cython.Build import cythonize

    shared = "sentinel/_cyutility.c"
    subprocess.run([sys.executable, "-m", "cython", "--generate-shared", shared], check=True, cwd=ROOT)
    modules = cythonize(
        [Extension(name[:-3].replace("/", "."), [name], extra_compile_args=FLAGS) for name in sources],
        nthreads=0,
        shared_utility_qualified_name=SHARED,
        compiler_directives={"language_level": 3, "boundscheck": True, "wraparound": False, "infer_types": True},
    )
    stamp(True, sources)
    return [Extension(SHARED, [shared], extra_compile_args=FLAGS), *modules]


setup(ext_modules=extensions())
