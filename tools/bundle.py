"""Packs the offline bundle: the wheels of Sentinel and of what it needs, install script, checksums, signature.

    python tools/bundle.py --wheels FOLDER [--own FOLDER] [--key FILE] [-o FOLDER]

The same wheels give the same bytes (SOURCE_DATE_EPOCH is the time of everything in it, else 0).
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sentinel import signing  # noqa: E402
from sentinel.errors import SentinelError  # noqa: E402
from sentinel.version import VERSION  # noqa: E402

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.sig"


def name() -> str:
    """The bundle's name without suffix, which is that of the folder in it."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return f"sentinel-{VERSION}-linux-{platform.machine()}-{tag}"


def pack(wheels: Path, own: Path, key: Path | None, out: Path) -> Path:
    """Write the bundle into `out`, beside it its own signature where there is a key."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name()
        _fill(folder, wheels, own)
        listed = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        sums = "".join(f"{hashlib.sha256((folder / one).read_bytes()).hexdigest()}  {one}\n" for one in listed)
        (folder / SUMS).write_text(sums)
        if key is not None:
            (folder / SIGNATURE).write_bytes(signing.sign(sums.encode(), key))
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"{name()}.tar.gz"
        _write(folder, target)
    beside = target.with_name(f"{target.name}.sig")
    beside.unlink(missing_ok=True)
    if key is not None:
        beside.write_bytes(signing.sign(target.read_bytes(), key))
    return target


def _fill(folder: Path, wheels: Path, own: Path) -> None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    compiled = list(own.glob(f"sentinel_ics-{VERSION}-{tag}-{tag}-*.whl"))
    if len(compiled) != 1:
        raise SystemExit(f"{own}: {len(compiled)} compiled wheels of version {VERSION} for this Python; run make wheel")
    if not list(wheels.glob("pip-*.whl")):
        raise SystemExit(f"{wheels}: no wheel of pip, which installs the others; make bundle fetches them")
    (folder / "wheels").mkdir(parents=True)
    for path in (*sorted(wheels.glob("*.whl")), *compiled):
        shutil.copyfile(path, folder / "wheels" / path.name)
    (folder / "packaging").mkdir()
    for path in (ROOT / "packaging").iterdir():
        shutil.copyfile(path, folder / "packaging" / path.name)
    shutil.copyfile(ROOT / "packaging/install.sh", folder / "install.sh")
    for path in (ROOT / "LICENSE", ROOT / "NOTICE", ROOT / "docs/install.md"):
        shutil.copyfile(path, folder / path.name)
    if (ROOT / "sentinel/cli/config.py").exists():
        command = [sys.executable, "-m", "sentinel", "--lang", "en", "config", "example"]
        example = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        (folder / "packaging/sentinel.toml").write_bytes(example)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = {"version": VERSION, "python": python, "machine": platform.machine()}
    (folder / "BUNDLE").write_text("".join(f"{key}={value}\n" for key, value in said.items()))


def _write(folder: Path, target: Path) -> None:
    when = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = when
        member.mode = 0o755 if member.isdir() or member.name.endswith("install.sh") else 0o644
        return member

    temporary = target.with_name(f".{target.name}")
    # wheels are compressed already
    with temporary.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, when) as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(folder, folder.name, filter=plain)
    temporary.replace(target)


def main() -> int:
    """Pack, and say what was packed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, required=True, help="folder with the wheels of everything it needs")
    parser.add_argument("--own", type=Path, default=ROOT / "dist", help="folder with the wheel of Sentinel")
    parser.add_argument("--key", type=Path, help="private key (PEM) to sign with; without it nobody signed")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    try:
        target = pack(arguments.wheels, arguments.own, arguments.key, arguments.output)
    except SentinelError as error:
        print(error, file=sys.stderr)
        return 1
    signed = f"signed by {signing.name_of(arguments.key)}" if arguments.key else "NOT SIGNED: KEY=file signs it"
    print(f"{target}: {target.stat().st_size / 1e6:.0f} MB, {signed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
