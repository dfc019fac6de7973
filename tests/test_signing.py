"""Signatures are those of OpenSSL, and a key is a key or one sentence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the sensor extra is not installed")

from update_files import Keys

from sentinel import signing
from sentinel.errors import UpdateError

DATA = b"what is signed"


def test_only_the_signer_fits(keys: Keys, other_keys: Keys) -> None:
    signature = signing.sign(DATA, keys.private)
    own, other = signing.trusted([keys.public]), signing.trusted([other_keys.public])
    assert len(signature) == signing.LENGTH
    assert signing.signer(DATA, signature, [*other, *own]) == own[0].name == signing.name_of(keys.private)
    assert signing.signer(DATA, signature, other) is None
    assert signing.signer(DATA + b".", signature, own) is None
    assert signing.signer(DATA, bytes(64), own) is None
    assert signing.signer(DATA, b"", own) is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_agrees(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "sig").write_bytes(signing.sign(DATA, keys.private))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(keys.public)]
    subprocess.run([*command, "-in", "data", "-sigfile", "sig"], cwd=tmp_path, check=True, capture_output=True)


def test_the_machine_has_a_folder_of_keys(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTINEL_KEYS", str(tmp_path / "none"))
    assert signing.trusted() == []
    monkeypatch.setenv("SENTINEL_KEYS", str(keys.public.parent))
    assert [one.name for one in signing.trusted()] == [signing.name_of(keys.private)]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_key_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(UpdateError, match="no Ed25519 key"):
        signing.trusted([path])
    with pytest.raises(UpdateError, match="no Ed25519 key"):
        signing.sign(DATA, path)


def test_a_key_of_another_kind_is_refused(keys: Keys, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    path = tmp_path / "ec.key"
    path.write_bytes(Keys.text(generate_private_key(SECP256R1())))
    with pytest.raises(UpdateError, match="no Ed25519 key"):
        signing.sign(DATA, path)
    with pytest.raises(UpdateError, match="no Ed25519 key"):
        signing.sign(DATA, keys.public)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=r"none\.pem: the key cannot be read \(No such file"):
        signing.trusted([tmp_path / "none.pem"])
