"""One writer at a time: an advisory lock on a file in the case.

The kernel gives the lock back when its holder ends, however it ends, so a lock file that a killed program left behind
holds nobody up; the process id in it is only there to be named in the error.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sentinel.errors import CaseError
from sentinel.store._errors import explain


class Lock:
    """Holds `path` locked until `release`; CaseError where another program, or another Case of this one, holds it."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise explain(error, path) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, b"%d\n" % os.getpid(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip()
            os.close(self._handle)
            raise CaseError(
                "{path}: process {number} is writing this case; wait until it ends, or use another one.",
                path=path.parent,
                number=holder or "?",
            ) from error
        except OSError as error:
            os.close(self._handle)
            raise explain(error, path) from error

    def release(self) -> None:
        """Give the lock back; the file stays, because deleting it would race with the next holder."""
        os.close(self._handle)
