"""Fuzzes the targets of targets.py, each for a bounded time.

    python tests/fuzz/run.py [--seconds 60] [TARGET ...]      every target, or those named
    python tests/fuzz/run.py TARGET --replay build/fuzz/TARGET/sources-crash-...

Each target runs on two legs side by side, each in a process of its own. `sources`: the Python sources, guided by
coverage (atheris), or by seeded random changes where atheris is not installed. `compiled`: the extensions as they
are built, by seeded random changes, many times as fast; left out where nothing is compiled. An input that breaks a
target is kept under build/fuzz/TARGET, the traceback in the log or text beside it; the exit code is 1 where there is
one.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import mmap
import re
import struct
import subprocess
import sys
import time
import traceback
from importlib.machinery import EXTENSION_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORE = (ROOT / "sentinel/wire", ROOT / "parsers")
BUILD = ROOT / "build/fuzz"
LEGS = ("sources", "compiled")
HANG = 20
"""Seconds that one input may take."""
MEMORY_MB = 2048
MOST_CRASHES = 10
"""Different failures of one target after which its leg stops."""
_HEAD = struct.Struct("<QQ")


def compiled() -> bool:
    """Whether this tree holds extensions for this interpreter."""
    return any((CORE[0] / f"reader{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def prefer_sources() -> None:
    """Let the core be imported from its Python sources although extensions stand beside them."""

    def hook(folder: str) -> FileFinder:
        if Path(folder).resolve() not in CORE:
            raise ImportError(f"{folder} is not part of the core")
        return FileFinder(folder, (SourceFileLoader, [".py"]))

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()


class Current:
    """The input that is being tried, in a file that outlives the process, however that ends."""

    def __init__(self, path: Path, size: int):
        with path.open("wb") as file:
            file.truncate(_HEAD.size + size)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.tried = 0

    def put(self, data: bytes) -> None:
        """The next input."""
        self.tried += 1
        self._map[_HEAD.size : _HEAD.size + len(data)] = data
        self._map[: _HEAD.size] = _HEAD.pack(self.tried, len(data))

    @staticmethod
    def read(path: Path) -> tuple[int, bytes]:
        """(inputs tried, the last of them); nothing where the leg has not come so far."""
        content = path.read_bytes() if path.exists() else b""
        if len(content) < _HEAD.size:
            return 0, b""
        tried, length = _HEAD.unpack_from(content)
        return tried, content[_HEAD.size : _HEAD.size + length]


def keep(folder: Path, leg: str, data: bytes, story: str) -> Path:
    """Keep an input that broke its target, and what happened."""
    path = folder / f"{leg}-crash-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(story, encoding="utf-8")
    return path


# -- one target in this process ----------------------------------------------------------------------------------------


def guided(name: str, seconds: int) -> None:
    """Fuzz the sources of one target with atheris; does not return."""
    import atheris

    with atheris.instrument_imports(include=["sentinel", "parsers"]):
        from fuzz.targets import targets
    target = targets()[name]
    folder = BUILD / name
    corpus, known = folder / "corpus", folder / "seeds"
    for place in (corpus, known):
        place.mkdir(exist_ok=True)
    for seed in target.seeds():
        (known / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    options = [
        f"-max_total_time={seconds}", f"-timeout={HANG}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1",
        f"-artifact_prefix={folder}/sources-", "-max_len=8192",
    ]  # fmt: skip
    atheris.Setup([name, *options, str(corpus), str(known)], target.run)
    atheris.Fuzz()


def mutated(name: str, leg: str, seconds: int, seed: int) -> int:
    """Fuzz one target by seeded random changes; returns the number of different failures."""
    from fuzz.mutate import MAX_INPUT, mutations
    from fuzz.targets import targets

    target, folder = targets()[name], BUILD / name
    known = target.seeds()
    current = Current(folder / f"{leg}.current", max(MAX_INPUT, *map(len, known)))
    places: set[tuple] = set()
    end = time.monotonic() + seconds
    for data in (one for source in (known, mutations(known, seed)) for one in source):
        if time.monotonic() > end or len(places) >= MOST_CRASHES:
            break
        current.put(data)
        try:
            target.run(data)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = (type(error), last.filename, last.lineno, str(error)[:60])
            if place not in places:
                places.add(place)
                keep(folder, leg, data, traceback.format_exc())
    return len(places)


# -- all of them, each in a process of its own -------------------------------------------------------------------------


def start(name: str, leg: str, seconds: int, seed: int) -> subprocess.Popen[bytes]:
    """One target on one leg, its words in a log."""
    folder = BUILD / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{leg}.current").unlink(missing_ok=True)
    command = [sys.executable, __file__, name, "--leg", leg, "--seconds", str(seconds), "--seed", str(seed)]
    with (folder / f"{leg}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)


def watch(name: str, leg: str, process: subprocess.Popen[bytes], seconds: int) -> str:
    """Wait for one leg; end it where an input hangs. Returns a line about it."""
    folder = BUILD / name
    latest = folder / f"{leg}.current"
    by_changes = leg == "compiled" or importlib.util.find_spec("atheris") is None
    moved = time.monotonic()
    seen = -1
    while process.poll() is None:
        time.sleep(0.2)
        if by_changes and (tried := Current.read(latest)[0]) != seen:
            seen, moved = tried, time.monotonic()
        if time.monotonic() - moved > (HANG if by_changes else seconds + 4 * HANG):
            process.kill()
            process.wait()
    log = (folder / f"{leg}.log").read_text("utf-8", "replace")
    if by_changes:
        tried, data = Current.read(latest)
        if process.returncode not in (0, 1):
            keep(folder, leg, data, f"ended with {process.returncode}\n{log[-4000:]}")
    else:
        tried = int((re.findall(r"number_of_executed_units: (\d+)", log) or ["0"])[-1])
    how = "changes" if by_changes else "coverage"
    state = "ok" if process.returncode == 0 else f"FAILED, see build/fuzz/{name}"
    return f"{name:16} {leg:9} {how:9} {tried:>9,} inputs  {state}"


def run_all(names: list[str], legs: list[str], seconds: int, seed: int) -> int:
    """Every named target on every leg; returns the exit code."""
    failed = False
    for name in names:
        running = [(leg, start(name, leg, seconds, seed)) for leg in legs]
        try:
            for leg, process in running:
                print(watch(name, leg, process, seconds), flush=True)
                failed |= process.returncode != 0
        finally:
            for _, process in running:
                process.kill()
    return int(failed)


def main() -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1, help="of the random changes")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one target on one input")
    parser.add_argument("--leg", choices=LEGS, help="run one target in this process")
    given = parser.parse_args()
    if given.leg == "sources":
        prefer_sources()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    if given.leg:
        (name,) = given.targets
        (BUILD / name).mkdir(parents=True, exist_ok=True)
        if given.leg == "sources" and importlib.util.find_spec("atheris") is not None:
            guided(name, given.seconds)
        return int(mutated(name, given.leg, given.seconds, given.seed) > 0)
    from fuzz.targets import targets

    known = targets()
    unknown = [name for name in given.targets if name not in known]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    if given.replay:
        if len(given.targets) != 1:
            parser.error("--replay needs one target")
        known[given.targets[0]].run(given.replay.read_bytes())
        return 0
    legs = [leg for leg in LEGS if leg == "sources" or compiled()]
    return run_all(given.targets or list(known), legs, given.seconds, given.seed)


if __name__ == "__main__":
    sys.exit(main())
