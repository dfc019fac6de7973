"""Builds the compiled core: each module of sentinel/wire and parsers is one extension (setup.cfg holds the rest)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from sysconfig import get_config_var, get_path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SHARED = "sentinel._cyutility"
FLAGS = ["-O3", "-g0", "-fwrapv", "-Wno-unreachable-code"]
DIRECTIVES = {"language_level": 3, "boundscheck": True, "wraparound": False, "infer_types": True}
FOLDERS = ("sentinel/wire", "parsers")
CORE = sorted(p for d in FOLDERS for p in Path(d).glob("*.p[yx]*") if p.name != "__init__.py")
# A module without a function is a table: nothing in it runs per packet.
COMPILED = [str(p) for p in CORE if p.suffix == ".py" and re.search("^(def|class) ", p.read_text("utf-8"), re.M)]


class BuildCore(build_ext):
    """Compiles the core; a build that fails says why and fails (SENTINEL_PURE=1 asks for none)."""

    def run(self):
        compiler = (os.environ.get("CC") or get_config_var("CC") or "cc").split()[0]
        if shutil.which(compiler) is None:
            sys.exit(f"No C compiler ({compiler}) is installed; on Debian and Ubuntu: apt-get install gcc libc6-dev")
        if not Path(get_path("include"), "Python.h").exists():
            sys.exit("The header Python.h is not installed; on Debian and Ubuntu: apt-get install python3-dev")
        self.parallel = self.parallel or os.cpu_count()
        digests = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in (*CORE, Path("setup.py"))}
        # tests/conftest.py and `sentinel doctor` notice by the stamp that an extension is older than its source.
        stamp = Path("" if self.inplace else self.build_lib, "sentinel/build.json")
        if self.inplace and stamp.exists() and json.loads(stamp.read_text())["sources"] != digests:
            for stale in (so for d in FOLDERS for so in Path(d).glob("*.so")):
                stale.unlink()
        self.translate(digests)
        super().run()
        stamp.write_text(json.dumps({"compiled": COMPILED, "sources": digests}, indent=1) + "\n")

    def translate(self, digests):
        """Python to C. Cython goes by time stamps, which a copied file may carry from the past: contents decide."""
        from Cython import __version__
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError

        folder = Path("build", f"cython-{__version__}")
        record = folder / "sources.json"
        known = json.loads(record.read_text()) if record.exists() else {}
        changed = {name for name, digest in digests.items() if known.get(name) != digest}
        for name in changed if changed.issubset(COMPILED) else COMPILED:
            (folder / name).with_suffix(".c").unlink(missing_ok=True)
        shared, *modules = self.extensions
        shared.sources = [str(folder / "_cyutility.c")]
        if not Path(shared.sources[0]).exists():
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-m", "cython", "--generate-shared", shared.sources[0]], check=True)
        options = {"build_dir": str(folder), "shared_utility_qualified_name": SHARED, "nthreads": self.parallel}
        try:
            translated = cythonize(modules, compiler_directives=DIRECTIVES, **options)
        except CompileError as error:
            sys.exit(f"Cython cannot translate {error}: its reason stands above")
        for module, done in zip(modules, translated, strict=True):
            module.sources = done.sources
        record.write_text(json.dumps(digests, indent=1) + "\n")


if __name__ == "__main__":
    modules = [Extension(n[:-3].replace("/", "."), [n], extra_compile_args=FLAGS) for n in COMPILED]
    extensions = [Extension(SHARED, [], extra_compile_args=FLAGS), *modules]
    setup(ext_modules=[] if os.environ.get("SENTINEL_PURE") == "1" else extensions, cmdclass={"build_ext": BuildCore})
