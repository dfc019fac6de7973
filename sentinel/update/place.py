"""Puts updates in place: one folder each, and a small file that says which one counts, replaced in one step.

    updates/
        state.json                      {"history": [{"name": ..., "program": ...}, ...]}, the one in place last
        2026.11.23-0f3a52b4c6d7/        manifest.json, record.json, rulesets/

Whoever reads rules sees those of before or those of after, and a kill at any moment leaves one of both.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel import resources, signing
from sentinel.errors import UpdateError
from sentinel.update import archive, check
from sentinel.update.archive import Manifest
from sentinel.version import VERSION

KEPT = 3
"""Updates that stay on disk, for going back."""
_NEW = ".new-"


@dataclass(frozen=True, slots=True)
class Placed:
    """An update that is on disk. `applied`: seconds since 1970 UTC; `program`: the version that checked it."""

    name: str
    version: str
    made: int
    applied: int
    signed_by: str | None
    program: str

    @property
    def used(self) -> bool:
        """Whether this program takes its rules: another version did not check them."""
        return self.program == VERSION


def apply(path: Path, keys: list[signing.Trusted], allow_unsigned: bool = False, allow_older: bool = False) -> bool:
    """Check an update and put it in place; False where it is in place already. UpdateError where it is refused."""
    folder = resources.updates()
    with _locked(folder):
        staging = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder))
        try:
            manifest = archive.unpack(path, staging / "rulesets", keys, allow_unsigned)
            placed = history()
            if placed and placed[-1].name == manifest.name and placed[-1].used:
                return False
            if placed and not allow_older:
                _must_follow(path, manifest, placed[-1])
            complete(staging / "rulesets")
            _must_pass(path, staging / "rulesets")
            record = {"version": manifest.version, "made": manifest.made, "sha256": manifest.sha256}
            record |= {"applied": int(time.time()), "signed_by": manifest.signed_by, "program": VERSION}
            _write(staging / "record.json", record)
            _settle(staging)
            target = folder / manifest.name
            if target.exists():
                # it was taken back, or another version of the program checked it: nobody reads it
                shutil.rmtree(target)
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        kept = [one for one in placed if one.name != manifest.name][1 - KEPT :]
        _put(folder, [*((one.name, one.program) for one in kept), (manifest.name, VERSION)])
    return True


def rollback() -> Placed | None:
    """Go back to the update before, which is returned; None: to the rules that came with the program."""
    folder = resources.updates()
    if not (folder / resources.STATE).exists():
        raise UpdateError("no update is in place: the rules are those that came with the program")
    with _locked(folder):
        placed = history()
        if not placed:
            raise UpdateError("no update is in place: the rules are those that came with the program")
        _put(folder, [(one.name, one.program) for one in placed[:-1]])
    return placed[-2] if len(placed) > 1 else None


def history() -> list[Placed]:
    """The updates on disk, the one in place last. UpdateError where the folder of updates is damaged."""
    path = resources.updates() / resources.STATE
    try:
        entries = json.loads(path.read_bytes())["history"]
        return [_placed(path.parent, entry["name"], entry["program"]) for entry in entries]
    except FileNotFoundError as error:
        if error.filename == str(path):
            return []
        raise UpdateError("{path}: damaged ({why}); delete the folder to go back to the shipped rules",
                          path=path.parent, why=error) from error  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UpdateError("{path}: damaged ({why}); delete the folder to go back to the shipped rules",
                          path=path.parent, why=error) from error  # fmt: skip


def complete(rulesets: Path) -> None:
    """Add what an update does not bring, from the program: whole folders, and what belongs to the program's code."""
    shipped = resources.shipped_rulesets()
    for source in sorted(shipped.iterdir()):
        if source.is_dir() and not (rulesets / source.name).exists():
            shutil.copytree(source, rulesets / source.name, copy_function=shutil.copyfile)
    for name in archive.NOT_BROUGHT:
        shutil.copyfile(shipped / name, rulesets / name)


def make(folder: Path, target: Path, version: str, key: Path | None) -> Manifest:
    """Check a folder as `apply` would, and write an update that brings it."""
    with tempfile.TemporaryDirectory() as temporary:
        rulesets = Path(temporary)
        for name, path in archive.files_in(folder).items():
            (rulesets / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, rulesets / name)
        complete(rulesets)
        _must_pass(folder, rulesets)
    return archive.make(folder, target, version, key)


def _must_follow(path: Path, manifest: Manifest, placed: Placed) -> None:
    if archive.order(manifest.version) < archive.order(placed.version):
        raise UpdateError(
            "{path}: version {new} is older than {old}, which is in place; --allow-older takes it all the same",
            path=path, new=manifest.version, old=placed.version,
        )  # fmt: skip
    if manifest.version == placed.version and manifest.name != placed.name:
        raise UpdateError(
            "{path}: another update of version {new} is in place; --allow-older takes it all the same",
            path=path, new=manifest.version,
        )  # fmt: skip


def _must_pass(path: Path, rulesets: Path) -> None:
    problems = check.problems(rulesets)
    if problems:
        error = UpdateError("{path}: refused: its rules, packs or knowledge do not pass the checks", path=path)
        error.problems = tuple(problems)
        raise error


def _placed(folder: Path, name: str, program: str) -> Placed:
    if not resources.NAME.fullmatch(name):
        raise ValueError(f"no name of an update: {name!r}")
    record: dict[str, Any] = json.loads((folder / name / "record.json").read_bytes())
    return Placed(name, record["version"], record["made"], record["applied"], record["signed_by"], program)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The folder of updates is this process's alone; what a killed one left unfinished is thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UpdateError("{path}: another update is at work", path=folder) from error
        for leftover in folder.glob(f"{_NEW}*"):
            shutil.rmtree(leftover)
        yield


def _settle(folder: Path) -> None:
    """On disk, and readable by everybody, whatever the umask says: the sensor runs as another user."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put(folder: Path, names: list[tuple[str, str]]) -> None:
    """Let the last of these count, and delete updates that are not among them."""
    temporary = folder / f"{_NEW}state"
    temporary.mkdir()
    _write(temporary / resources.STATE, {"history": [{"name": name, "program": program} for name, program in names]})
    _settle(temporary)
    (temporary / resources.STATE).replace(folder / resources.STATE)
    temporary.rmdir()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    kept = {name for name, _ in names}
    for old in folder.iterdir():
        if resources.NAME.fullmatch(old.name) and old.name not in kept:
            shutil.rmtree(old)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
