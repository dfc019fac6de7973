"""The `case.db` of a case: created whole, opened with care, changed in transactions.

Every SQLite error leaves here as a CaseError that names the file and says what to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sentinel.errors import CaseError, Sentence
from sentinel.schema import SCHEMA_VERSION
from sentinel.store import tables
from sentinel.store._errors import damaged, explain, read_only
from sentinel.store._parts import sync_folder

_BUSY_SECONDS = 10
_PAGE_BYTES = 8192
"""A page of a new database holds several alerts, whose sentences make them some 2,000 bytes each."""
_CACHE_KIB = 64 << 10
"""Pages that a transaction may hold before it writes them to the log, some of them several times."""
_CANNOT_SHARE = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR_SHM", "SQLITE_FULL")
"""What SQLite says where it cannot make the shared-memory file: no permission, read-only medium, full disk."""


class Database:
    """An open `case.db`. Statements outside `transaction` only read."""

    def __init__(self, path: Path, connection: sqlite3.Connection):
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path) -> None:
        """Make an empty case database; the name `path` holds the whole of it or nothing."""
        temporary = path.with_name(path.name + ".new")
        try:
            for leftover in path.parent.glob(temporary.name + "*"):
                leftover.unlink()
            connection = sqlite3.connect(temporary, isolation_level=None)
            try:
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.executescript(f"BEGIN; {tables.create_sql()} COMMIT;")  # synced once, not for each table
                connection.execute("PRAGMA journal_mode = WAL")
            finally:
                connection.close()
            temporary.replace(path)
            sync_folder(path.parent)
        except (OSError, sqlite3.Error) as error:
            raise explain(error, path) from error

    @classmethod
    def open(cls, path: Path, write: bool) -> Database:
        """Open and verify a case database; CaseError where it is another program's, damaged, or too new or old."""
        database = cls(path, _connect(path, write))
        try:
            database._verify(whole=write)
        except CaseError:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the connection; the last one to close folds the write-ahead log into the database."""
        self._connection.close()

    def _verify(self, whole: bool) -> None:
        application = self.one("PRAGMA application_id")[0]
        version = self.one("PRAGMA user_version")[0]
        if application != tables.APPLICATION_ID:
            raise damaged(self.path, Sentence("it is no database of this program"))
        if version > SCHEMA_VERSION:
            raise CaseError(
                "{path}: the case was written by a newer Sentinel (case version {version}, this program reads {own}); "
                "upgrade this program.",
                path=self.path,
                version=version,
                own=SCHEMA_VERSION,
            )
        if version < SCHEMA_VERSION:
            raise CaseError(
                "{path}: the case was written by an older Sentinel (case version {version}, this program reads {own}); "
                "analyse its captures again into a new folder.",
                path=self.path,
                version=version,
                own=SCHEMA_VERSION,
            )
        if whole:
            found = self.one("PRAGMA quick_check(1)")[0]
            if found != "ok":
                raise damaged(self.path, found)

    def all(self, sql: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """All rows that a query finds."""
        try:
            return self._connection.execute(sql, values if isinstance(values, dict) else tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def one(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Row:
        """The first row that a query finds; IndexError where it finds none."""
        return self.all(sql, values)[0]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing: committed and on disk when the block ends, taken back when it raises."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise explain(error, self.path) from error


def numbered(*values: Any) -> dict[str, Any]:
    """What `?1`, `?2`, ... stand for: numbers are names to Python's sqlite3, which from 3.14 on wants a mapping."""
    return {str(n): value for n, value in enumerate(values, start=1)}


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    name = f"file:{quote(str(path.resolve()))}"
    try:
        if write:
            # a sensor opens the case in one thread and uses it in another: one at a time, never both
            connection = sqlite3.connect(
                f"{name}?mode=rw", uri=True, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False
            )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        else:
            connection = _connect_to_read(path, name)
        connection.row_factory = sqlite3.Row
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return connection


def _connect_to_read(path: Path, name: str) -> sqlite3.Connection:
    """A reading connection, also on a medium where nothing can be written, and on a full disk.

    A database with a write-ahead log needs a shared-memory file beside it. Where that cannot be made, nobody else has
    the database open, and it is read as immutable: safe exactly when no log waits to be folded in.
    """
    connection = sqlite3.connect(f"{name}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        connection.execute("PRAGMA user_version").fetchone()
        return connection
    except sqlite3.OperationalError as error:
        connection.close()
        if not (error.sqlite_errorname or "").startswith(_CANNOT_SHARE):
            raise
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise read_only(path, Sentence("a write-ahead log waits to be folded in"))
    return sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True, isolation_level=None)
