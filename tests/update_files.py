"""Keys and folders for the tests of updates, and update files with something wrong in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel import signing

RULE = "sigma/any/lone_rule.yml"
CONTENT = b"title: stands for a rule\n"


@dataclass(frozen=True, slots=True)
class Keys:
    """Files of one pair of keys; the public one lies alone in its folder."""

    private: Path
    public: Path

    @classmethod
    def make(cls, folder: Path) -> Keys:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = Ed25519PrivateKey.generate()
        made = cls(folder / "release.key", folder / "public" / "release.pem")
        made.public.parent.mkdir(parents=True)
        made.private.write_bytes(cls.text(key))
        made.public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        return made

    @staticmethod
    def text(private: Any) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def manifest(contents: dict[str, bytes], **changes: Any) -> bytes:
    """A manifest of these files, with keys changed, or taken out where the change is None."""
    listed = {name: [hashlib.sha256(content).hexdigest(), len(content)] for name, content in contents.items()}
    said = {"format": "sentinel-update-1", "version": "1.0", "made": 1, "files": listed} | changes
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def member(name: str, content: bytes, **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar file, with attributes changed."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in changes.items():
        setattr(info, attribute, value)
    return info, content


def write(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar.gz of exactly these members."""
    with gzip.open(path, "wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def signed(path: Path, key: Path, text: bytes, rest: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """An update with this manifest, whatever follows it."""
    first = [member("manifest.json", text), member("manifest.sig", signing.sign(text, key))]
    return write(path, [*first, *rest])
