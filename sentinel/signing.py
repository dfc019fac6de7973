"""Ed25519 signatures of files: detached, 64 bytes, as `openssl pkeyutl -rawin` makes and checks them (RFC 8032).

Keys are PEM files as OpenSSL writes them; there is no format of our own that another tool could not read:

    openssl genpkey -algorithm ed25519 -out release.key
    openssl pkey -in release.key -pubout -out release.pem
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel.errors import MissingExtra, UpdateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LENGTH = 64
"""Bytes of a signature."""
MAX_KEY_FILE = 16 << 10
KEYS = Path("/etc/sentinel/keys")
"""Public keys (*.pem) that this machine trusts; the folder belongs to root."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A public key whose signatures count. `name`: 16 hexadecimal digits of the SHA-256 of its 32 bytes."""

    name: str
    key: Ed25519PublicKey


def sign(data: bytes, key: Path) -> bytes:
    """The signature of `data` by the private key of a PEM file. UpdateError where that is no such key."""
    private = _load(key, _private)
    return private.sign(data)


def name_of(key: Path) -> str:
    """The name of the public key that belongs to a private one."""
    return _named(_load(key, _private).public_key()).name


def trusted(paths: Iterable[Path] = ()) -> list[Trusted]:
    """The keys of these files; where none is given, those of the machine (SENTINEL_KEYS, else KEYS)."""
    files = list(paths)
    if not files:
        files = sorted(Path(os.environ.get("SENTINEL_KEYS") or KEYS).glob("*.pem"))
    return [_named(_load(path, _public)) for path in files]


def signer(data: bytes, signature: bytes, keys: Iterable[Trusted]) -> str | None:
    """The name of the key that made the signature; None where none of these did."""
    from cryptography.exceptions import InvalidSignature

    for one in keys:
        try:
            one.key.verify(signature, data)
        except InvalidSignature:
            continue
        return one.name
    return None


def _named(key: Any) -> Trusted:
    return Trusted(hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16], key)


def _load(path: Path, read: Any) -> Any:
    """The key in a file. UpdateError where it cannot be read, or is none."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
    except ModuleNotFoundError as error:
        raise MissingExtra("signatures need cryptography: pip install 'sentinel-ics[sensor]'") from error
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_FILE)
        return read(content)
    except OSError as error:
        raise UpdateError("{path}: the key cannot be read ({why})", path=path, why=error.strerror) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UpdateError("{path}: no Ed25519 key in PEM without a password", path=path) from error


def _private(content: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return _of_kind(load_pem_private_key(content, None), Ed25519PrivateKey)


def _public(content: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return _of_kind(load_pem_public_key(content), Ed25519PublicKey)


def _of_kind(key: Any, kind: type) -> Any:
    if not isinstance(key, kind):
        raise TypeError("a key of another kind")
    return key
