"""Finds parsers and detectors by file name and by entry point; a broken one is listed with its reason.

A parser is a module `parsers/<name>.py` (names that begin with `_` are helpers) or an entry point of the group
`sentinel.parsers`; what it must declare stands in docs/writing-a-parser.md and is checked here.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from sentinel.model import Extra, Operation
from sentinel.schema import TYPES

MAX_OPERATION = 65534


@dataclass(slots=True)
class Protocol:
    """One parser, as the core uses it; `index` is its number in this process and in the rows that it writes."""

    name: str
    title: str
    index: int
    parse: Callable[..., None]
    probe: Callable[..., int]
    orient: Callable[..., int] | None
    transports: tuple[str, ...]
    ports: dict[str, tuple[int, ...]]
    over: tuple[str, ...]
    operations: dict[int, Operation]
    objects: dict[int, str]
    statuses: dict[int, str]
    table: tuple[Extra, ...]
    stream_cap: int


@dataclass(slots=True)
class Broken:
    """A plugin that could not be used, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Parsers:
    """All parsers that can be used, in a stable order, and those that can not."""

    protocols: list[Protocol] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def by_name(self, name: str) -> Protocol | None:
        """The parser of that name, or None."""
        for protocol in self.protocols:
            if protocol.name == name:
                return protocol
        return None


def load_parsers(package: str = "parsers", group: str = "sentinel.parsers") -> Parsers:
    """Every parser of the package and of the entry-point group, sorted by name."""
    found: dict[str, Any] = {}
    result = Parsers()
    home = importlib.import_module(package)
    for info in pkgutil.iter_modules(home.__path__):
        if not info.name.startswith("_"):
            found[info.name] = lambda name=f"{package}.{info.name}": importlib.import_module(name)
    for entry in _entry_points(group):
        found.setdefault(entry.name, entry.load)
    for name in sorted(found):
        # whatever a plugin raises while it is imported is that plugin's trouble, not the program's
        try:
            module = found[name]()
            protocol = describe(module, len(result.protocols))
            if result.by_name(protocol.name) is not None:
                raise ValueError(f"there is another parser of the name {protocol.name}")
            result.protocols.append(protocol)
        except Exception as error:
            result.broken.append(Broken(name, f"{type(error).__name__}: {error}"))
    return result


def _entry_points(group: str) -> Iterable[Any]:
    """The entry points of a group. Mostly no installed package has one, and the library that knows is slow to load."""
    name = f"[{group}]".encode()
    folders = (Path(place or ".") for place in sys.path)
    lists = (file for folder in folders for file in folder.glob("*-info/entry_points.txt"))
    if not any(name in file.read_bytes() for file in lists):
        return ()
    from importlib.metadata import entry_points

    return entry_points(group=group)


def describe(module: ModuleType, index: int) -> Protocol:
    """The parser that a module declares; ValueError names what is missing or wrong."""
    for name in ("NAME", "TITLE", "TRANSPORTS", "PORTS", "OPERATIONS", "parse", "probe"):
        if not hasattr(module, name):
            raise ValueError(f"{module.__name__} declares no {name}")
    transports = module.TRANSPORTS
    if not isinstance(transports, tuple) or not set(transports) <= {"tcp", "udp", "eth"}:
        raise ValueError(f"{module.__name__}.TRANSPORTS is not a tuple of tcp, udp and eth: {transports!r}")
    over = getattr(module, "OVER", ())
    if not isinstance(over, tuple):
        raise ValueError(f"{module.__name__}.OVER is not a tuple of names: {over!r}")
    operations = module.OPERATIONS
    for key, operation in operations.items():
        if not isinstance(operation, Operation) or not isinstance(key, int) or not 0 <= key <= MAX_OPERATION:
            raise ValueError(
                f"{module.__name__}.OPERATIONS[{key!r}] is not an Operation with a key of 0 to {MAX_OPERATION}"
            )
    table = tuple(getattr(module, "TABLE", ()))
    for extra in table:
        if extra.type not in TYPES:
            raise ValueError(f"{module.__name__}.TABLE: {extra.name} has the unknown type {extra.type!r}")
    if len({extra.name for extra in table}) < len(table):
        raise ValueError(f"{module.__name__}.TABLE names a column twice")
    if len(table) > 62:
        raise ValueError(f"{module.__name__}.TABLE has more than 62 columns")
    return Protocol(
        name=module.NAME,
        title=module.TITLE,
        index=index,
        parse=module.parse,
        probe=module.probe,
        orient=getattr(module, "orient", None),
        transports=transports,
        ports=dict(module.PORTS),
        over=over,
        operations=operations,
        objects=dict(getattr(module, "OBJECTS", {})),
        statuses=dict(getattr(module, "STATUSES", {})),
        table=table,
        stream_cap=int(getattr(module, "STREAM_CAP", 65536)),
    )
