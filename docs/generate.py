"""Writes docs/fields.md, docs/protocols.md and docs/checks.md from what the program declares: `make docs`.

fields.md: the tables of sentinel/schema.py, the enumerations of sentinel/model.py, each parser's own columns.
protocols.md: each parser's operations, and how many rows the golden tables of the tests hold of each
(tests/golden/operations.json, `{protocol: {operation: count}}`, which the golden tests keep).
checks.md: the checks of the assessment, what each needs, and the requirements of the shipped packs that it serves.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from sentinel import model, schema
from sentinel.assess import packs
from sentinel.assess.checks.registry import Check, checks
from sentinel.plugins import Protocol, load_parsers

DOCS = Path(__file__).resolve().parent
GOLDEN = DOCS.parent / "tests/golden/operations.json"
HEAD = "<!-- Written by docs/generate.py (make docs): edit what it reads, not this file. -->\n"
ENUMERATIONS = (model.Kind, model.Activity, model.Direction, model.DType, model.Access, model.Fault)


def fields(protocols: Sequence[Protocol]) -> str:
    """The text of fields.md."""
    parts = [
        HEAD + "# Fields",
        "Every table is declared once, in `sentinel/schema.py`, and each protocol's own columns in its parser. *Rule"
        " field* is the name that Sigma rules and Elasticsearch documents use: that of the Elastic Common Schema where"
        " it has one, `ics.*` where it has not. *Null* marks columns in which absence is told apart from zero.\n\n"
        "Types: " + ", ".join(f"`{t}`" for t in schema.TYPES) + "; `time` is nanoseconds since 1970-01-01 UTC.",
    ]
    rows: list[tuple[str, ...]]
    for table in schema.TABLES.values():
        prefix = "ics." if table.name == "messages" else f"ics.{table.name}."
        rows = [
            (f"`{c.name}`", c.type, c.unit, "yes" if c.null else "", f"`{c.ecs or prefix + c.name}`", c.sentence)
            for c in table.columns
        ]
        parts.append(f"## {table.name}")
        key = f" Key: {', '.join(f'`{k}`' for k in table.key)}." if table.key else ""
        parts.append(f"{table.sentence} Stored in {'SQLite' if table.store == 'sqlite' else 'Parquet'}.{key}")
        parts.append(markdown(("Column", "Type", "Unit", "Null", "Rule field", "What it says"), rows))
    parts.append("## What facts tell")
    parts.append(markdown(("Kind", "What it tells"), [(f"`{k}`", s) for k, s in schema.FACT_KINDS.items()]))
    parts.append("## Enumerations")
    parts.append("Texts in the tables are the lower-case names; numbers never change.")
    said = member_docstrings()
    for enumeration in ENUMERATIONS:
        parts.append(f"### {enumeration.__name__}")
        parts.append((enumeration.__doc__ or "").strip())
        name = enumeration.__name__
        rows = [(str(m.value), f"`{m.name.lower()}`", said.get((name, m.name), "")) for m in enumeration]
        parts.append(markdown(("Number", "Name", "What it says"), rows))
    parts.append("## Columns of single protocols")
    for protocol in protocols:
        if protocol.table:
            prefix = f"ics.{protocol.name}."
            rows = [(f"`{e.name}`", e.type, e.unit, f"`{prefix}{e.name}`", e.sentence) for e in protocol.table]
            parts.append(f"### {protocol.title}")
            parts.append(markdown(("Column", "Type", "Unit", "Rule field", "What it says"), rows))
    return "\n\n".join(parts) + "\n"


def protocols_page(protocols: Sequence[Protocol], exercised: dict[str, dict[str, int]]) -> str:
    """The text of protocols.md."""
    parts = [
        HEAD + "# Protocols",
        "What each parser decodes. *Tests* is the number of messages with that operation in the golden tables of the"
        " test suite; an empty cell means that the operation is decoded from its standard, and no golden capture shows"
        " it.",
    ]
    rows: list[tuple[str, ...]] = []
    for protocol in protocols:
        seen = exercised.get(protocol.name, {})
        names = {operation.name for operation in protocol.operations.values()}
        ports = ", ".join(f"{t}/{p}" for t, numbers in protocol.ports.items() for p in numbers)
        share = f"{sum(1 for name in names if seen.get(name))} of {len(names)}"
        over = ", ".join(protocol.transports or protocol.over)
        rows.append((f"[{protocol.title}](#{protocol.name})", over, ports, share))
    parts.append(markdown(("Protocol", "Over", "Usual ports (hints only)", "Operations in the golden tables"), rows))
    for protocol in protocols:
        seen = exercised.get(protocol.name, {})
        parts.append(f"## {protocol.name}")
        parts.append(f"{protocol.title}. {source(protocol)}".strip())
        rows = [
            (str(code), f"`{o.name}`", o.title, o.activity.name.lower(), o.technique, str(seen.get(o.name) or ""))
            for code, o in sorted(protocol.operations.items())
        ]
        parts.append(markdown(("Code", "Operation", "Title", "Activity", "ATT&CK", "Tests"), rows))
        if protocol.objects:
            objects = dict.fromkeys(protocol.objects.values())
            parts.append("Objects: " + ", ".join(f"`{name}`" for name in objects) + ".")
        if protocol.statuses:
            rows = [(str(code), title) for code, title in sorted(protocol.statuses.items())]
            parts.append(f"### Result codes of {protocol.name}")
            parts.append(markdown(("Code", "Meaning"), rows))
    return "\n\n".join(parts) + "\n"


def checks_page(library: dict[str, Check], decoded: set[str]) -> str:
    """The text of checks.md; `decoded`: names of the protocols that are parsed."""
    parts = [
        HEAD + "# Checks",
        "What the assessment asks of the traffic. A check is a pure function from the tables of a case to a result with"
        " evidence (`sentinel/assess/checks`); packs name checks by their id and may override parameters. *Needs* lists"
        " tables of the case, protocols and knowledge; what does not exist yet is named under *Today*: such a check"
        " judges by what is there, or says `not_assessable` with that reason, never anything else. *Serves* counts the"
        " requirements of the shipped packs that ask it.",
    ]
    serves: dict[str, int] = {}
    for name in packs.available():
        for control in packs.load(name).controls:
            for id_ in {test.check for test in control.tests if test.check}:
                serves[id_] = serves.get(id_, 0) + 1
    rows = [
        (
            f"[{check.id}](#{check.id.lower()})",
            f"{check.title.en} · {check.title.zh}",
            today(check, decoded),
            str(serves.get(check.id, 0)),
        )
        for check in library.values()
    ]
    parts.append(markdown(("Check", "Title", "Today", "Serves"), rows))
    for check in library.values():
        parts.append(f"## {check.id}")
        parts.append(f"{check.question.en}\n{check.question.zh}")
        needs = ", ".join(f"`{need}`" for need in check.sources)
        parts.append(f"Needs: {needs}. {today(check, decoded).capitalize()}.")
        if check.params:
            parts.append(markdown(("Parameter", "Default"), [(f"`{k}`", default(v)) for k, v in check.params.items()]))
    return "\n\n".join(parts) + "\n"


def today(check: Check, decoded: set[str]) -> str:
    """Whether everything that a check needs is there, and what is not."""
    there = set(schema.TABLES) | {f"protocol:{name}" for name in decoded}
    missing = [need.partition(":")[2] or need for need in check.sources if need not in there]
    if not missing:
        return "works"
    return f"{'in part' if len(missing) < len(check.sources) else 'not yet'}, without {', '.join(missing)}"


def default(value: object) -> str:
    """The default of a parameter in one cell; long lists are cut."""
    items = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    shown = ", ".join(f"`{item}`" for item in items[:12]) or "none"
    return shown + (f" and {len(items) - 12} more" if len(items) > 12 else "")


def source(protocol: Protocol) -> str:
    """The paragraph of the parser's docstring that names its standards; empty where none does."""
    text = sys.modules[protocol.parse.__module__].__doc__ or ""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return next((p[p.index("Source:") :] for p in paragraphs if "Source:" in p), "")


def member_docstrings() -> dict[tuple[str, str], str]:
    """(enumeration, member) -> the string literal under the member in sentinel/model.py."""
    found = {}
    for node in ast.parse(Path(model.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for member, after in pairwise(node.body):
                text = after.value if isinstance(after, ast.Expr) else None
                if isinstance(member, ast.Assign) and isinstance(text, ast.Constant):
                    found[node.name, ast.unparse(member.targets[0])] = " ".join(str(text.value).split())
    return found


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars inside cells are escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """Every generated page: where it stands, and what it must hold; RuntimeError names a parser that is broken."""
    parsers = load_parsers()
    if parsers.broken:
        raise RuntimeError("; ".join(f"parser {b.name}: {b.reason}" for b in parsers.broken))
    own = [p for p in parsers.protocols if p.parse.__module__.startswith("parsers.")]
    exercised = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    return {
        DOCS / "fields.md": fields(own),
        DOCS / "protocols.md": protocols_page(own, exercised),
        DOCS / "checks.md": checks_page(checks(), {protocol.name for protocol in own}),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"{path.name}: {len(text.splitlines())} lines")
