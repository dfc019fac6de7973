"""What a rule must have before it ships, beyond compiling: each check is one function that yields sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from sentinel.model import Activity, Fault, Kind
from sentinel.plugins import Parsers, Protocol
from sentinel.rules import attack
from sentinel.rules.examples import failures
from sentinel.rules.ir import Rule, tests
from sentinel.rules.load import Problem, RuleSet

_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def lint(ruleset: RuleSet, parsers: Parsers) -> list[Problem]:
    """Everything that is wrong with the rules, sorted by file and line; empty when they may ship."""
    found = list(ruleset.problems)
    for rule in ruleset.rules:
        sentences = [*_name(rule), *_vocabulary(rule, parsers)]
        if rule.emit:
            sentences += [*_texts(rule), *_techniques(rule), *failures(ruleset, rule)]
        found += [Problem(rule.path, rule.line, sentence) for sentence in sentences]
    return sorted([*found, *_duplicates(ruleset)], key=lambda problem: (problem.path, problem.line))


def _name(rule: Rule) -> Iterator[str]:
    """The id is a UUID; a rule is named as its file, one that only feeds a correlation begins with that name."""
    try:
        UUID(rule.id)
    except ValueError:
        yield f"id {rule.id} is no UUID"
    stem = Path(rule.path).stem
    if not _NAME.fullmatch(rule.name):
        yield f"name {rule.name} is not made of lower-case letters, digits and _"
    if rule.name != stem and not (not rule.emit and rule.name.startswith(f"{stem}_")):
        yield f"name {rule.name} is not that of the file, {stem}"


def _texts(rule: Rule) -> Iterator[str]:
    """What a person reads is there, in both languages."""
    for name in ("title", "why", "action"):
        texts: dict[str, str] = getattr(rule.kind, name)
        if not texts["en"]:
            yield f"no English {name}"
        if not _CHINESE.search(texts["zh"]):
            yield f"no Chinese {name}"
    english, chinese = rule.falsepositives["en"], rule.falsepositives["zh"]
    if not english or len(english) != len(chinese) or not all(map(_CHINESE.search, chinese)):
        yield "falsepositives and falsepositives_zh do not say the same number of things in their languages"


def _techniques(rule: Rule) -> Iterator[str]:
    """Each technique is one that ATT&CK for ICS still has, and there is one."""
    known = {technique["id"]: technique for technique in attack.shipped()["techniques"]}
    if not rule.kind.techniques:
        yield "no ATT&CK for ICS technique (tags: attack.t0xxx)"
    for technique in rule.kind.techniques:
        if technique not in known:
            yield f"{technique} is no technique of ATT&CK for ICS"
        elif known[technique]["deprecated"] or known[technique]["revoked"]:
            yield f"{technique} ({known[technique]['name']}) is deprecated or revoked"


def _vocabulary(rule: Rule, parsers: Parsers) -> Iterator[str]:
    """Names of operations, objects, statuses and own columns are those of the parsers, or the test can never hold."""
    if rule.protocol and parsers.by_name(rule.protocol) is None:
        yield f"no parser is named {rule.protocol}"
        return
    spoken = [p for p in parsers.protocols if rule.protocol in ("", p.name)]
    for _, column, operator, value in tests(rule.condition) if rule.condition is not None else ():
        if "." in column:
            protocol, _, own = column.partition(".")
            parser = parsers.by_name(protocol)
            if parser is None or own not in {extra.name for extra in parser.table}:
                yield f"no parser has a column {column}"
        elif operator in ("is", "exact"):
            known = _words(rule.table, column, spoken)
            yield from (
                f"{column} is never {word}" for word in value if word and known and word.casefold() not in known
            )


def _words(table: str, column: str, spoken: list[Protocol]) -> set[str]:
    """Every value that a text column can have, case folded; empty where that is not known."""
    words: set[str] = set()
    if column == "protocol":
        words = {p.name for p in spoken}
    elif column == "operation":
        words = {operation.name for p in spoken for operation in p.operations.values()}
    elif column == "object" and table == "messages":
        words = {name for p in spoken for name in p.objects.values()}
    elif column == "status_name":
        words = {name for p in spoken for name in p.statuses.values()}
    elif (table, column) == ("messages", "kind"):
        words = {kind.name for kind in Kind}
    elif column == "activity":
        words = {activity.name for activity in Activity}
    elif column in ("fault", "code"):
        words = {fault.name for fault in Fault}
    return {word.casefold() for word in words}


def _duplicates(ruleset: RuleSet) -> Iterator[Problem]:
    """No two rules have one name, or say the same."""
    names: dict[str, Rule] = {}
    bodies: dict[str, Rule] = {}
    for rule in ruleset.rules:
        body = json.dumps([rule.table, rule.condition, rule.to_json()["correlation"]])
        for key, seen, what in ((rule.name, names, "has the name of"), (body, bodies, "says the same as")):
            other = seen.setdefault(key, rule)
            if other is not rule:
                yield Problem(rule.path, rule.line, f"{rule.name} {what} {other.path}:{other.line}")
