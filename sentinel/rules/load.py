"""Finds rule files and gives the compiled rules, from the cache where the same files were compiled before.

A warm start reads the files to hash them and one JSON file: neither pySigma nor a YAML parser is imported.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sentinel import resources, schema
from sentinel.rules.fields import SUBJECTS
from sentinel.rules.ir import FORMAT, Rule
from sentinel.version import VERSION

MAX_FILE = 1 << 20
"""Bytes of a rule file; a larger one is refused."""

CACHE_FILES = 8
"""Compiled rule sets kept in the cache."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a rule file, and where; line 0 where it is the whole file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(slots=True)
class RuleSet:
    """Compiled rules. The rules of a file with a problem are left out; the others run."""

    rules: list[Rule] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def load(cls, paths: Iterable[Path] | None = None) -> RuleSet:
        """The rules of these files and folders (searched for *.yml); of the shipped folder where None is given."""
        sources, problems = _read(find([shipped()] if paths is None else paths))
        cache = _cache_file(sources)
        rules = _from_cache(cache)
        if rules is None:
            from sentinel.rules.compile import compile_sources

            rules, found = compile_sources(sources)
            problems += found
            if not found:
                _to_cache(cache, rules)
        return cls(rules, problems)

    def only(self, names: Iterable[str]) -> RuleSet:
        """The rules of these names or ids, with those that they refer to; KeyError where there is no such rule."""
        known = {key: rule for rule in self.rules for key in (rule.id, rule.name)}
        wanted: dict[str, Rule] = {}
        for name in names:
            rule = known[name]
            wanted[rule.id] = rule
            for other in rule.correlation.rules if rule.correlation is not None else ():
                wanted.setdefault(other, known[other])
        return RuleSet([rule for rule in self.rules if rule.id in wanted])

    def needed_columns(self, table: str) -> set[str]:
        """The columns that the engine reads, a protocol's own as `modbus.subfunction`; none: the table is not read."""
        own = [rule for rule in self.rules if rule.table == table]
        if not own:
            return set()
        names = {c.name for c in schema.TABLES[table].columns}
        always = {"capture", "frame", "time", "flow", *SUBJECTS[table]} | ({"protocol"} & names)
        return set().union(*(rule.columns() for rule in own)) | (always - {""})


def shipped() -> Path:
    """The folder of the rules that come with the program."""
    return resources.rulesets() / "sigma"


def find(paths: Iterable[Path]) -> list[Path]:
    """Rule files among these files and below these folders, in a stable order; each once."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(path.rglob("*.yml")) + sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    return list(found)


def _read(files: list[Path]) -> tuple[list[tuple[str, bytes]], list[Problem]]:
    """Path and content of each file, and what could not be read."""
    sources: list[tuple[str, bytes]] = []
    problems: list[Problem] = []
    for path in files:
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_FILE + 1)
        except OSError as error:
            problems.append(Problem(str(path), 0, error.strerror or str(error)))
            continue
        if len(content) > MAX_FILE:
            problems.append(Problem(str(path), 0, f"larger than {MAX_FILE} bytes"))
        else:
            sources.append((str(path), content))
    return sources, problems


def _cache_file(sources: list[tuple[str, bytes]]) -> Path:
    """Where the compiled form of exactly these files is kept."""
    digest = hashlib.sha256(f"{VERSION} {FORMAT} {schema.SCHEMA_VERSION}".encode())
    for path, content in sources:
        digest.update(hashlib.sha256(path.encode() + b"\0").digest() + hashlib.sha256(content).digest())
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "sentinel"
    own = os.environ.get("SENTINEL_CACHE")
    return (Path(own) if own else folder) / f"rules-{digest.hexdigest()[:32]}.json"


def _from_cache(path: Path) -> list[Rule] | None:
    """The rules kept there; None where there are none, or they cannot be read."""
    try:
        return [Rule.from_json(rule) for rule in json.loads(path.read_bytes())]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        _log.warning("rule cache %s is not readable and is made again: %s", path, error)
        return None


def _to_cache(path: Path, rules: list[Rule]) -> None:
    """Keeps the rules there, whole or not at all; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump([rule.to_json() for rule in rules], stream, ensure_ascii=False)
        os.replace(temporary, path)
        kept = sorted(path.parent.glob("rules-*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in kept[CACHE_FILES:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        _log.info("rules are not cached: %s", error)
