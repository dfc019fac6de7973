"""What a case says when it cannot do what was asked: `sentinel.errors.CaseError`, one sentence, nothing destroyed.

The message says what, which path, and what to do.
"""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from sentinel.errors import CaseError, Sentence

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def explain(error: OSError | sqlite3.Error, path: Path) -> CaseError:
    """The CaseError that says what `error` means to the person whose case or file `path` is."""
    if isinstance(error, OSError):
        return _explain_os(error, path)
    return _explain_sqlite(error, path)


def _explain_os(error: OSError, path: Path) -> CaseError:
    if error.errno in _FULL:
        return full(path, error.strerror or str(error))
    if error.errno in _DENIED:
        return read_only(path, error.strerror or str(error))
    return CaseError("{path}: {why}; check the path and the disk, then repeat.", path=path, why=error.strerror or error)


def _explain_sqlite(error: sqlite3.Error, path: Path) -> CaseError:
    # The extended code SQLITE_IOERR_WRITE is an I/O error, SQLITE_READONLY_DIRECTORY a read-only one, and so on.
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")):  # the second: its shared memory cannot grow
        return full(path, str(error))
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN")):
        return read_only(path, str(error))
    if name.startswith(_DAMAGED):
        return damaged(path, str(error))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return CaseError(
            "{path}: another program holds the case's database; wait until it has ended, then repeat.", path=path
        )
    return CaseError(
        "{path}: the case's database cannot be used ({why}); nothing in it was changed.", path=path, why=error
    )


def full(path: Path, why: str) -> CaseError:
    """No space: what was committed is whole, what was being written is not there."""
    return CaseError(
        "{path}: no space left to write ({why}); what was analysed before is whole: free some space and repeat.",
        path=path,
        why=why,
    )


def read_only(path: Path, why: str | Sentence) -> CaseError:
    """No permission to write."""
    return CaseError(
        "{path}: cannot be written or opened ({why}); change its permissions or take another folder.",
        path=path,
        why=why,
    )


def damaged(path: Path, why: str | Sentence) -> CaseError:
    """A database or part that is not what was once written there."""
    return CaseError(
        "{path}: the case is damaged or only half written ({why}); nothing was changed: restore it from a copy, or "
        "analyse the captures again into a new folder.",
        path=path,
        why=why,
    )
