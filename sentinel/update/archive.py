"""The file of an update: a tar.gz with `manifest.json`, its signature, and the files that the manifest names.

    manifest.json   {"format": "sentinel-update-1", "version": "2026.11.23", "made": seconds since 1970,
                     "files": {path: [sha256, bytes]}}
    manifest.sig    Ed25519 over the bytes of manifest.json; absent in an unsigned update
    sigma/... frameworks/... knowledge/... profiles/... questionnaire/... remediation/...

The signature is checked before anything behind it is looked at, and every file against the manifest. Nothing is
unpacked by its name: a path must look like that of a rule, a pack or knowledge, and only plain files are taken.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel import signing
from sentinel.errors import OutputError, UpdateError

FORMAT = "sentinel-update-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
TOPS = ("sigma", "frameworks", "knowledge", "profiles", "questionnaire", "remediation")
"""The folders that an update may bring; one that it brings replaces the program's as a whole."""
NOT_BROUGHT = ("frameworks/pack.schema.json",)
"""Belongs to the program: it says what its code understands."""
MAX_MANIFEST = 1 << 20
MAX_FILE = 4 << 20
MAX_FILES = 5000
MAX_TOTAL = 64 << 20
"""Bytes behind the compression, headers included."""

_PATH = re.compile(
    r"sigma(/[a-z0-9_]{1,40}){0,3}/[a-z0-9_]{1,80}\.yml"
    r"|frameworks/[a-z0-9][a-z0-9-]{1,63}/((pack|tables|controls[a-z0-9_-]{0,40})\.yaml|CHANGELOG\.md)"
    r"|knowledge/[a-z0-9_-]{1,60}\.json"
    r"|(profiles|questionnaire|remediation)/[a-z0-9_-]{1,60}\.yaml"
)
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAMAGE = (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, RecursionError)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an update says of itself. `made`: seconds since 1970 UTC; `signed_by`: name of a key, None: unsigned."""

    version: str
    made: int
    files: dict[str, tuple[str, int]]
    """Path -> SHA-256 and bytes."""
    sha256: str
    """Of the manifest as it lies in the file."""
    signed_by: str | None = None

    @property
    def name(self) -> str:
        """The folder of this update; two of one content have one name."""
        return f"{self.version}-{self.sha256[:12]}"


def order(version: str) -> tuple[int, ...]:
    """A version as numbers that compare."""
    return tuple(map(int, version.split(".")))


def is_version(text: str) -> bool:
    """One to four numbers with dots between."""
    return _VERSION.fullmatch(text) is not None


def files_in(folder: Path) -> dict[str, Path]:
    """What an update of this folder brings. UpdateError where something in it is no rule, pack or knowledge."""
    found: dict[str, Path] = {}
    for top in TOPS:
        for path in sorted((folder / top).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir() and not path.is_symlink() or name in NOT_BROUGHT:
                continue
            if path.is_symlink() or not path.is_file() or not _PATH.fullmatch(name):
                raise UpdateError("{path}: not a file that an update may bring; see docs/updates.md", path=path)
            found[name] = path
    if not found:
        names = ", ".join(TOPS)
        raise UpdateError("{path}: none of the folders {names} with something in it", path=folder, names=names)
    return found


def make(folder: Path, target: Path, version: str, key: Path | None) -> Manifest:
    """Write an update that brings what is in `folder`; the same folder, version and time make the same bytes.

    The time is SOURCE_DATE_EPOCH, else now.
    """
    made = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    contents = {name: path.read_bytes() for name, path in files_in(folder).items()}
    for name, content in contents.items():
        if len(content) > MAX_FILE:
            raise UpdateError("{path}: larger than {n} bytes", path=folder / name, n=MAX_FILE)
    files = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in contents.items()}
    said = {"format": FORMAT, "version": version, "made": made, "files": files}
    text = (json.dumps(said, indent=1, sort_keys=True) + "\n").encode()
    first = {MANIFEST: text} if key is None else {MANIFEST: text, SIGNATURE: signing.sign(text, key)}
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, made) as out:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for name, content in (first | contents).items():
                    member = tarfile.TarInfo(name)
                    member.size, member.mtime, member.mode = len(content), made, 0o644
                    tar.addfile(member, io.BytesIO(content))
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError("{path}: cannot be written: {why}", path=target, why=error.strerror) from error
    signed_by = None if key is None else signing.name_of(key)
    return Manifest(version, made, files, hashlib.sha256(text).hexdigest(), signed_by)


def unpack(path: Path, into: Path, keys: list[signing.Trusted], allow_unsigned: bool) -> Manifest:
    """Check an update and write its files below `into`, an empty folder. UpdateError where it is refused.

    What was written before a refusal stays in `into`: whoever calls throws that away.
    """
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as plain:
            return _unpack(path, _Capped(plain, path), into, keys, allow_unsigned)
    except _DAMAGE as error:
        raise UpdateError("{path}: no update, or a damaged one ({why})", path=path, why=error) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if error.filename != str(path):
            raise
        raise UpdateError("{path}: cannot be read: {why}", path=path, why=error.strerror) from error


def _unpack(path: Path, plain: _Capped, into: Path, keys: list[signing.Trusted], allow_unsigned: bool) -> Manifest:
    with tarfile.open(fileobj=plain, mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
        members = _members(path, tar)
        name, text = next(members, ("", b""))
        if name != MANIFEST or len(text) > MAX_MANIFEST:
            raise UpdateError("{path}: no update: it does not begin with {name}", path=path, name=MANIFEST)
        name, content = next(members, ("", b""))
        signed_by = None
        if name == SIGNATURE:
            signed_by = _signer(path, text, content, keys, allow_unsigned)
            name, content = next(members, ("", b""))
        elif not allow_unsigned:
            raise UpdateError("{path}: not signed; --allow-unsigned takes it all the same", path=path)
        manifest = _manifest(path, text, signed_by)
        left = dict(manifest.files)
        while name:
            wanted = left.pop(name, None)
            if wanted is None:
                raise UpdateError("{path}: {name} is not in its manifest, or stands twice", path=path, name=name)
            if (hashlib.sha256(content).hexdigest(), len(content)) != wanted:
                raise UpdateError("{path}: {name} is not what its manifest says", path=path, name=name)
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            name, content = next(members, ("", b""))
    if left:
        raise UpdateError("{path}: {name} is missing", path=path, name=min(left))
    return manifest


def _signer(path: Path, text: bytes, signature: bytes, keys: list[signing.Trusted], allow_unsigned: bool) -> str | None:
    """Who signed. A signature that fits no key is refused even where none is asked for, unless no key is known."""
    if len(signature) != signing.LENGTH:
        raise UpdateError("{path}: its signature has {n} bytes instead of 64", path=path, n=len(signature))
    if not keys and allow_unsigned:
        return None
    if not keys:
        raise UpdateError("{path}: no key is trusted on this machine: name one with --trust, or put it into {folder}",
                          path=path, folder=os.environ.get("SENTINEL_KEYS") or signing.KEYS)  # fmt: skip
    found = signing.signer(text, signature, keys)
    if found is None:
        raise UpdateError("{path}: not signed by a key that is trusted, or changed since", path=path)
    return found


def _members(path: Path, tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Name and content of each member, which must be a plain file of bounded size."""
    for count, member in enumerate(tar):
        if not member.isreg() or member.issparse():
            raise UpdateError("{path}: {name} is no plain file", path=path, name=member.name[:200])
        if member.size > MAX_FILE or count > MAX_FILES:
            raise UpdateError("{path}: too large: at most {n} files of {m} bytes", path=path, n=MAX_FILES, m=MAX_FILE)
        stream = tar.extractfile(member)
        assert stream is not None, "a regular file has content"
        yield member.name, stream.read()


def _manifest(path: Path, text: bytes, signed_by: str | None) -> Manifest:
    try:
        said = json.loads(text)
        files = {name: _entry(name, entry) for name, entry in said["files"].items()}
        version, made = said["version"], said["made"]
        good = said.keys() == {"format", "version", "made", "files"} and said["format"] == FORMAT
        good = good and isinstance(version, str) and is_version(version) and type(made) is int and made >= 0
        if not good or not 0 < len(files) <= MAX_FILES:
            raise ValueError("format, version, time or number of files")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UpdateError("{path}: its manifest cannot be used ({why})", path=path, why=error) from error
    return Manifest(version, made, files, hashlib.sha256(text).hexdigest(), signed_by)


def _entry(name: str, entry: Any) -> tuple[str, int]:
    digest, size = entry
    if not _PATH.fullmatch(name):
        raise ValueError(f"{name[:200]!r} is no path of a rule, a pack or knowledge")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest) or type(size) is not int or size < 0:
        raise ValueError(name)
    return digest, size


class _Capped:
    """A stream that ends with an error where more comes out of it than any update holds."""

    def __init__(self, plain: gzip.GzipFile, path: Path):
        self._plain = plain
        self._path = path
        self._left = MAX_TOTAL

    def read(self, size: int) -> bytes:
        """At most `size` bytes more."""
        content = self._plain.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise UpdateError("{path}: holds more than {n} bytes", path=self._path, n=MAX_TOTAL)
        return content
