"""The offline bundle: what is in it, and that it installs, runs and goes away where there is no network at all."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from update_files import Keys

from sentinel.version import VERSION

ROOT = Path(__file__).resolve().parents[1]
WHEELS = next(ROOT.glob("build/wheels-*[0-9a-f]"), None)
TOOLS = ("openssl", "sha256sum")

pytest.importorskip("cryptography", reason="the sensor extra is not installed")
pytestmark = [
    pytest.mark.wheel,
    pytest.mark.slow,
    pytest.mark.skipif(WHEELS is None, reason="no wheels of what Sentinel needs: make bundle fetches them"),
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}"),
]


@pytest.fixture(scope="module")
def bundle() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundle", ROOT / "tools/bundle.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packed(bundle: ModuleType, wheel: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed bundle of this tree."""
    assert WHEELS is not None
    return bundle.pack(WHEELS, wheel.parent, keys.private, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def folder(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, unpacked."""
    where = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(packed) as tar:
        tar.extractall(where, filter="data")
    return where / packed.name.removesuffix(".tar.gz")


@pytest.fixture
def spoilt(folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The bundle again, to be changed; wheels are links to the same files until one is."""
    copy = tmp_path / "bundle"
    yield shutil.copytree(folder, copy, copy_function=os.link)
    shutil.rmtree(copy)


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run without a network, and without what would let this tree or its environment help."""
    words = ["unshare", "--net"]
    if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
        pytest.skip("this user may not make a network namespace")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*words, *map(str, command)], cwd="/", env=kept | {"LANG": "C.UTF-8"} | environment,
        capture_output=True, text=True,
    )  # fmt: skip


def install(folder: Path, root: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return run("sh", folder / "install.sh", "--root", root, "--python", sys.executable, *options)


def refused(folder: Path, root: Path, said: str, *options: object) -> None:
    done = install(folder, root, *options)
    assert done.returncode == 1 and said in done.stderr, done.stdout + done.stderr
    assert not root.exists()


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def test_it_installs_runs_and_goes_away_without_a_network(folder: Path, keys: Keys, tmp_path: Path) -> None:
    root = tmp_path / "root"
    done = install(folder, root, "--key", keys.public)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Sentinel {VERSION} is installed; signed by the key" in done.stdout
    command, settings = root / "usr/local/bin/sentinel", root / "etc/sentinel"
    home = {"HOME": str(tmp_path)}
    demo = run(command, "demo", "--no-report", "--case", tmp_path / "case", **home)
    assert demo.returncode == 0 and "S7 controller stopped" in demo.stdout, demo.stdout + demo.stderr
    doctor = run(command, "doctor", **home)
    assert doctor.returncode == 0 and f"{VERSION}, compiled" in doctor.stdout, doctor.stdout
    status = run(command, "update", "--status", "--json", **home)
    assert f'"folder": "{root}/opt/sentinel/updates"' in status.stdout
    assert (settings / "keys/release.pem").read_bytes() == keys.public.read_bytes()

    # again: nothing is made anew, and what a person wrote stays; the key is known by now
    (settings / "sentinel.toml").write_text("# mine\n")
    (release,) = (root / "opt/sentinel/releases").iterdir()
    before = (release / "complete").stat().st_mtime_ns
    again = install(folder, root)
    assert again.returncode == 0 and "Installing" not in again.stdout
    assert (release / "complete").stat().st_mtime_ns == before
    assert (settings / "sentinel.toml").read_text() == "# mine\n"

    gone = run("sh", folder / "install.sh", "--uninstall", "--root", root)
    assert gone.returncode == 0 and not (root / "opt/sentinel").exists() and not command.is_symlink()
    assert (settings / "sentinel.toml").exists() and (root / "var/lib/sentinel").is_dir()
    run("sh", folder / "install.sh", "--uninstall", "--purge", "--root", root)
    assert not settings.exists() and not (root / "var/lib/sentinel").exists()


def test_it_is_refused_where_nobody_vouches_for_it(folder: Path, keys: Keys, other_keys: Keys, tmp_path: Path) -> None:
    refused(folder, tmp_path / "root", "the signature was not checked")
    refused(folder, tmp_path / "root", "the signature does not fit", "--key", other_keys.public)
    refused(folder, tmp_path / "root", "the signature does not fit", "--key", other_keys.public, "--allow-unsigned")
    refused(folder, tmp_path / "root", "no such file", "--key", tmp_path / "none.pem")


def test_a_bundle_without_a_signature_is_not_taken_for_one_with(spoilt: Path, keys: Keys, tmp_path: Path) -> None:
    (spoilt / "SHA256SUMS.sig").unlink()
    refused(spoilt, tmp_path / "root", "the signature was not checked")
    refused(spoilt, tmp_path / "root", "the bundle is not signed", "--key", keys.public)
    refused(spoilt, tmp_path / "root", "the bundle is not signed", "--key", keys.public, "--allow-unsigned")


def test_changed_added_and_missing_files_are_noticed(spoilt: Path, keys: Keys, tmp_path: Path) -> None:
    options = (tmp_path / "root", "the bundle is damaged", "--key", keys.public)
    whole = (spoilt / "NOTICE").read_bytes()
    replace(spoilt / "NOTICE", whole[:-1])
    refused(spoilt, *options)
    (spoilt / "NOTICE").unlink()
    refused(spoilt, *options)
    (spoilt / "NOTICE").write_bytes(whole)
    (spoilt / "wheels/evil-1-py3-none-any.whl").touch()
    refused(spoilt, options[0], "SHA256SUMS does not name", *options[2:])
    (spoilt / "wheels/evil-1-py3-none-any.whl").unlink()
    (spoilt / "wheels/link.whl").symlink_to("/etc/passwd")
    refused(spoilt, options[0], "SHA256SUMS does not name", *options[2:])


def test_sums_that_were_made_to_fit_do_not_fit_the_signature(spoilt: Path, keys: Keys, tmp_path: Path) -> None:
    replace(spoilt / "SHA256SUMS", (spoilt / "SHA256SUMS").read_bytes().replace(b"NOTICE", b"NOTICF"))
    refused(spoilt, tmp_path / "root", "the signature does not fit", "--key", keys.public)


def test_it_says_which_machine_and_python_it_is_for(spoilt: Path, tmp_path: Path) -> None:
    (spoilt / "SHA256SUMS.sig").unlink()
    for name, value, said in (("machine", "vax", "is for vax"), ("python", "2.7", "is not Python 2.7")):
        lines = dict(line.split("=") for line in (spoilt / "BUNDLE").read_text().split())
        replace(spoilt / "BUNDLE", "".join(f"{k}={v}\n" for k, v in (lines | {name: value}).items()).encode())
        sums = run("sh", "-c", f"cd {spoilt} && find . -type f ! -name 'SHA256SUMS*' | sed 's|^./||' | xargs sha256sum")
        replace(spoilt / "SHA256SUMS", sums.stdout.encode())
        refused(spoilt, tmp_path / "root", said, "--allow-unsigned")
        replace(spoilt / "BUNDLE", "".join(f"{k}={v}\n" for k, v in lines.items()).encode())


def test_wrong_options_end_before_anything_is_done(folder: Path, tmp_path: Path) -> None:
    assert install(folder, tmp_path / "root", "--wrong").returncode == 2
    assert install(folder, tmp_path / "root", "--key").returncode == 2
    assert not (tmp_path / "root").exists()


def test_it_holds_each_wheel_once_at_its_pinned_version(folder: Path) -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split("\n") if "==" in line)
    known = {name.lower().replace("-", "_"): version for name, version in pins.items()}
    found = [path.name.split("-")[:2] for path in (folder / "wheels").iterdir()]
    assert len({name for name, _ in found}) == len(found)
    for name, version in found:
        wanted = VERSION if name == "sentinel_ics" else known.get(name.lower().replace(".", "_"), version)
        assert version == wanted, f"{name} {version}"
    assert {name.lower() for name, _ in found} >= {"pip", "sentinel_ics", "cryptography", "typst", "polars"}


def test_the_bundle_itself_is_signed_too(packed: Path, keys: Keys) -> None:
    from sentinel import signing

    signature = packed.with_name(f"{packed.name}.sig").read_bytes()
    assert signing.signer(packed.read_bytes(), signature, signing.trusted([keys.public])) is not None


def test_without_a_key_it_is_unsigned_and_otherwise_the_same(
    bundle: ModuleType, packed: Path, wheel: Path, tmp_path: Path
) -> None:
    assert WHEELS is not None
    plain = bundle.pack(WHEELS, wheel.parent, None, tmp_path)
    assert not plain.with_name(f"{plain.name}.sig").exists()
    with tarfile.open(plain) as unsigned, tarfile.open(packed) as signed:
        inside = f"{bundle.name()}/SHA256SUMS"
        assert unsigned.extractfile(inside).read() == signed.extractfile(inside).read()  # type: ignore[union-attr]
        assert set(signed.getnames()) - set(unsigned.getnames()) == {f"{inside}.sig"}
