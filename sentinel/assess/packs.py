"""Packs: standards and measures as data, one folder each; a new measure is a folder and no code.

A folder holds pack.yaml (what it is, checksums), controls*.yaml (the requirements, in our own words) and tables.yaml
where it brings more (due dates, forms, thresholds). `rulesets/frameworks/pack.schema.json` says what they look like.
`load` reads a pack to assess with; `check` says everything that is wrong with one to whoever writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentinel import resources
from sentinel.assess import _yaml
from sentinel.assess.model import Control, Observability, Pack, Test, Text
from sentinel.errors import AssessmentError, MissingExtra

MAX_FILES = 64
"""Files of controls in one pack."""

WATERMARK = Text(
    "本清单为我方转述，尚未与正式文本逐条核对；条款编号、级别和内容以正式发布的文本为准。",
    "These rows are our own paraphrase and were not compared item by item with the official text; "
    "clause numbers, levels and content of the official publication prevail.",
)

_OWN_FILES = re.compile(r"pack\.yaml|tables\.yaml|controls[\w.-]*\.yaml|CHANGELOG\.md")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_INHERITED = ("title", "paraphrase", "group", "observability", "zones", "maps_to", "tests", "report")


@dataclass(frozen=True, slots=True)
class _Row:
    """A control as it stands in its file, and where."""

    path: Path
    number: int
    """In the file, from 1."""
    control: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id, which is text in every row that was read."""
        return self.control["id"]

    def __str__(self) -> str:
        return f"{self.path}: control {self.number} ({self.id})"


@dataclass(slots=True)
class _Raw:
    """The files of a pack as they were read, nothing judged yet."""

    folder: Path
    pack: dict[str, Any] = field(default_factory=dict)
    rows: list[_Row] = field(default_factory=list)
    tables: dict[str, Any] = field(default_factory=dict)

    def whole(self) -> Iterator[dict[str, Any]]:
        """The controls with what they take over from another one; KeyError where there is no such other."""
        by_id = {row.id: row.control for row in self.rows}
        for row in self.rows:
            base = by_id[row.control["like"]] if "like" in row.control else {}
            yield {key: base[key] for key in _INHERITED if key in base} | row.control


def shipped() -> Path:
    """The folder of the packs that come with the program."""
    return resources.rulesets() / "frameworks"


def available() -> list[str]:
    """Ids of the packs that come with the program, sorted."""
    return sorted(path.parent.name for path in shipped().glob("*/pack.yaml"))


def folder_of(pack: str | Path) -> Path:
    """The folder of a pack: of a shipped one by its id, of any by its path; AssessmentError where there is none."""
    known = available()
    if isinstance(pack, str) and pack in known:
        return shipped() / pack
    folder = Path(pack)
    if (folder / "pack.yaml").is_file():
        return folder
    raise AssessmentError(
        "{pack}: no pack of that id and no folder with a pack.yaml; there are {known}",
        pack=pack,
        known=", ".join(known),
    )


def load(pack: str | Path) -> Pack:
    """A pack by its id or folder; AssessmentError with file and place where it cannot be used."""
    raw = _read(folder_of(pack))
    place = str(raw.folder / "pack.yaml")
    try:
        about = raw.pack
        groups = {key: _text(text) for key, text in about["groups"].items()}
        controls = []
        for row, control in zip(raw.rows, raw.whole(), strict=True):
            place = str(row)
            controls.append(_control(about, control, groups))
        place = str(raw.folder / "tables.yaml")
        tables = _texts(raw.tables)
        place = str(raw.folder / "pack.yaml")
        said = {"updated": about["updated"], "basis": _text(about["basis"]), "notes": _texts(about.get("notes"))}
        return Pack(
            id=about["id"],
            kind=about["kind"],
            title=_text(about["title"]),
            edition=about["edition"],
            source=about["source"],
            verified_by=about["verified_by"],
            verified_on=about.get("verified_on"),
            valid_from=about.get("valid_from"),
            valid_to=about.get("valid_to"),
            checksum=dict(about["checksum"]),
            controls=tuple(controls),
            tables={"about": said, **tables},
            watermark=WATERMARK if about["verified_by"] is None else None,
        )
    except KeyError as error:
        raise AssessmentError(
            "{place}: nothing is called {name}; `sentinel pack check` says more", place=place, name=error
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise AssessmentError("{place}: {why}; `sentinel pack check` says more", place=place, why=error) from error


def check(
    folder: str | Path,
    checks: Mapping[str, Collection[str]] | None = None,
    questions: Collection[str] | None = None,
) -> list[str]:
    """What is wrong with a pack, as sentences with file and place; none: it can be used.

    `checks`: id -> names of its parameters; `questions`: ids. Where one is None, the tests are not compared with it.
    """
    place = folder_of(folder)
    try:
        raw = _read(place)
        # each row takes for granted that the one before it found nothing
        return (
            [*_strangers(place), *_against_schema(raw)]
            or [*_names(raw)]
            or [
                *_languages(raw),
                *_tests(raw, checks, questions),
                *_maps(raw),
                *_counts(raw),
                *_knowledge(raw),
                *_references(raw, questions),
            ]
        )
    except AssessmentError as error:
        return [str(error)]


def new(folder: str | Path, id_: str) -> Path:
    """Writes the skeleton of a pack into a new folder named by its id below `folder`; that folder."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,63}", id_):
        raise AssessmentError("{id}: a pack's id has small letters, digits and hyphens, 2 to 64 of them", id=id_)
    target = Path(folder) / id_
    try:
        target.mkdir(parents=True)
        for name, content in _SKELETON.items():
            (target / name).write_text(content.replace("ID", id_), encoding="utf-8")
    except FileExistsError as error:
        raise AssessmentError("{path}: is already there; choose another id or folder", path=target) from error
    except OSError as error:
        raise AssessmentError("{path}: cannot be written: {why}", path=target, why=error.strerror) from error
    return target


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(folder: Path) -> _Raw:
    raw = _Raw(folder, _mapping(folder / "pack.yaml"))
    files = sorted(folder.glob("controls*.yaml"))
    if not files:
        raise AssessmentError("{path}: no controls*.yaml beside pack.yaml", path=folder)
    if len(files) > MAX_FILES:
        raise AssessmentError("{path}: more than {n} files of controls", path=folder, n=MAX_FILES)
    for path in files:
        listed = _mapping(path).get("controls")
        if not isinstance(listed, list):
            raise AssessmentError("{path}: `controls` is no list", path=path)
        for number, control in enumerate(listed, 1):
            if not isinstance(control, dict) or not isinstance(control.get("id"), str):
                raise AssessmentError(
                    "{path}: control {number} has no id that is text; quote a number", path=path, number=number
                )
            raw.rows.append(_Row(path, number, control))
    tables = folder / "tables.yaml"
    if tables.exists():
        raw.tables = _mapping(tables)
    return raw


def _mapping(path: Path) -> dict[str, Any]:
    content = _yaml.read(path)
    if not isinstance(content, dict):
        raise AssessmentError("{path}: not a mapping of keys to values", path=path)
    return content


def _control(about: dict[str, Any], raw: dict[str, Any], groups: dict[str, Text]) -> Control:
    min_coverage = about.get("coverage", {}).get(raw["observability"])
    return Control(
        framework=about["id"],
        id=raw["id"],
        title=_text(raw["title"]),
        paraphrase=_text(raw["paraphrase"]),
        group=groups[raw["group"]],
        levels=tuple(str(level) for level in raw.get("levels", ())),
        observability=Observability(raw["observability"]),
        unit=raw.get("unit", ""),
        zones=tuple(raw.get("zones", about.get("zones", ()))),
        maps_to=tuple(raw.get("maps_to", ())),
        tests=tuple(_test(test, min_coverage) for test in raw.get("tests", ())),
        report=raw.get("report", ""),
    )


def _test(raw: dict[str, Any], min_coverage: float | None) -> Test:
    if "question" in raw:
        return Test(question=raw["question"], satisfied_by=tuple(raw.get("satisfied_by", ("yes",))))
    return Test(
        check=raw["check"], params=_texts(raw.get("params", {})), min_coverage=raw.get("min_coverage", min_coverage)
    )


def _text(raw: Any) -> Text:
    return Text(zh=raw["zh"], en=raw["en"])


def _texts(raw: Any) -> Any:
    """Plain values with every pair of languages as a `Text`."""
    if isinstance(raw, dict):
        return _text(raw) if raw.keys() == {"zh", "en"} else {str(key): _texts(value) for key, value in raw.items()}
    return tuple(_texts(value) for value in raw) if isinstance(raw, list) else raw


# --- checking ---------------------------------------------------------------------------------------------------------


def _strangers(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if not _OWN_FILES.fullmatch(path.name):
            yield f"{path}: no file of a pack (pack.yaml, controls*.yaml, tables.yaml, CHANGELOG.md)"
    if not (folder / "CHANGELOG.md").is_file():
        yield f"{folder}: no CHANGELOG.md; say in one line what this edition of the pack is"


def _against_schema(raw: _Raw) -> Iterator[str]:
    try:
        import jsonschema
    except ModuleNotFoundError as error:
        raise MissingExtra("checking a pack needs jsonschema: pip install 'sentinel-ics[report]'") from error
    schema = json.loads((shipped() / "pack.schema.json").read_bytes())

    def complaints(definition: str, value: Any, place: str) -> Iterator[str]:
        part = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
        errors = sorted(
            jsonschema.Draft202012Validator(part).iter_errors(value), key=lambda error: list(map(str, error.path))
        )
        for error in errors:
            where = "/".join(map(str, error.path))
            yield f"{place}: {where + ': ' if where else ''}{_first_line(error.message)}"

    yield from complaints("pack", raw.pack, str(raw.folder / "pack.yaml"))
    for row in raw.rows:
        yield from complaints("control", row.control, str(row))
    yield from complaints("tables", raw.tables, str(raw.folder / "tables.yaml"))


def _first_line(message: str) -> str:
    line = message.splitlines()[0]
    return line if len(line) <= 300 else line[:300] + " ..."


def _names(raw: _Raw) -> Iterator[str]:
    """The folder's name, ids that stand twice, likenesses and groups that do not exist."""
    if raw.pack["id"] != raw.folder.resolve().name:
        yield f"{raw.folder / 'pack.yaml'}: id: {raw.pack['id']} lies in a folder of another name"
    first: dict[str, _Row] = {}
    by_id = {row.id: row.control for row in raw.rows}
    for row in raw.rows:
        other = first.setdefault(row.id, row)
        if other is not row:
            yield f"{row}: the id stands already at {other.path.name}: control {other.number}"
        like = row.control.get("like")
        if like is not None and (like not in by_id or "like" in by_id[like]):
            yield f"{row}: like: {like} is no control of this pack that says everything itself"
        group = row.control.get("group")
        if group is not None and group not in raw.pack["groups"]:
            yield f"{row}: group: {group} is none of the groups of pack.yaml"


def _languages(raw: _Raw) -> Iterator[str]:
    """Texts whose Chinese has no Chinese character, or whose English has one; texts in one language only."""
    yield from _one_language(raw.pack, str(raw.folder / "pack.yaml"))
    for row in raw.rows:
        yield from _one_language(row.control, str(row))
    yield from _one_language(raw.tables, str(raw.folder / "tables.yaml"))


def _one_language(value: Any, place: str, where: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _one_language(item, place, f"{where}{number}/")
    elif isinstance(value, dict):
        if value.keys() & {"zh", "en"}:
            missing = {"zh", "en"} - value.keys()
            if missing:
                yield f"{place}: {where}{missing.pop()} is missing"
            elif not _CHINESE.search(str(value["zh"])):
                yield f"{place}: {where}zh holds no Chinese"
            elif _CHINESE.search(str(value["en"])):
                yield f"{place}: {where}en holds Chinese"
            return
        for key, item in value.items():
            yield from _one_language(item, place, f"{where}{key}/")


def _tests(raw: _Raw, checks: Mapping[str, Collection[str]] | None, questions: Collection[str] | None) -> Iterator[str]:
    for row in raw.rows:
        for test in row.control.get("tests", ()):
            name = test.get("check")
            if name is not None and checks is not None:
                if name not in checks:
                    yield f"{row}: there is no check {name}"
                    continue
                for parameter in sorted(test.get("params", {}).keys() - set(checks[name])):
                    yield f"{row}: {name} has no parameter {parameter}"
            question = test.get("question")
            if question is not None and questions is not None and question not in questions:
                yield f"{row}: there is no question {question}"


def _maps(raw: _Raw) -> Iterator[str]:
    """Maps to a framework or control that does not exist; frameworks lie beside this one, or come with the program."""
    known: dict[str, set[str] | None] = {raw.pack["id"]: {row.id for row in raw.rows}}
    for row in raw.rows:
        for target in row.control.get("maps_to", ()):
            framework, _, wanted = target.partition(":")
            if framework not in known:
                known[framework] = _ids(framework, raw.folder.resolve().parent)
            ids = known[framework]
            if ids is None or wanted not in ids:
                what = "no such pack" if ids is None else f"{framework} has no control {wanted}"
                yield f"{row}: maps_to: {target}: {what}"


def _ids(framework: str, beside: Path) -> set[str] | None:
    folders = (beside / framework, shipped() / framework)
    folder = next((folder for folder in folders if (folder / "pack.yaml").is_file()), None)
    return None if folder is None else {row.id for row in _read(folder).rows}


def _counts(raw: _Raw) -> Iterator[str]:
    """Counts that differ from the checksum, levels that it forgot, and groups without a control."""
    place = f"{raw.folder / 'pack.yaml'}: checksum"
    controls = list(raw.whole())
    for group in raw.pack["groups"]:
        if not any(_counted(control, "all", group) for control in controls):
            yield f"{raw.folder / 'pack.yaml'}: groups: {group} has no control"
    levels = {str(level) for control in controls for level in control.get("levels", ())}
    for key in sorted({"all", *levels} - raw.pack["checksum"].keys()):
        yield f"{place}: says nothing of {key}"
    for key, wanted in raw.pack["checksum"].items():
        level, _, group = key.partition("/")
        if level not in levels | {"all"}:
            yield f"{place}: {key}: no control has the level {level}"
            continue
        found = sum(_counted(control, level, group) for control in controls)
        if found != wanted:
            yield f"{place}: {key} says {wanted}, there are {found}"


def _counted(control: Mapping[str, Any], level: str, group: str) -> bool:
    at_level = level == "all" or level in map(str, control.get("levels", ()))
    own = control["group"]
    return at_level and (not group or own == group or own.startswith(f"{group}."))


def _knowledge(raw: _Raw) -> Iterator[str]:
    """Controls that are not the live techniques of the file of knowledge that the pack names."""
    name = raw.pack.get("knowledge")
    if name is None:
        return
    place = f"{raw.folder / 'pack.yaml'}: knowledge: {name}"
    path = resources.rulesets() / "knowledge" / name
    try:
        data = json.loads(path.read_bytes())
        tactics = {tactic["shortname"]: tactic["id"] for tactic in data["tactics"]}
        live = {t["id"]: t for t in data["techniques"] if not t["deprecated"] and not t["revoked"]}
    except (OSError, ValueError, KeyError, TypeError):
        yield f"{place}: no such file of techniques"
        return
    own = {control["id"]: control for control in raw.whole()}
    for id_ in sorted(live.keys() - own.keys()):
        yield f"{place}: {id_} is missing"
    for id_ in sorted(own.keys() - live.keys()):
        yield f"{place}: {id_} is no live technique"
    for id_ in sorted(own.keys() & live.keys()):
        if own[id_]["title"]["en"] != live[id_]["name"]:
            yield f"{place}: {id_} is called {live[id_]['name']}"
        if own[id_]["group"] not in {tactics[short] for short in live[id_]["tactics"]}:
            yield f"{place}: {id_} does not belong to {own[id_]['group']}"


def _references(raw: _Raw, questions: Collection[str] | None) -> Iterator[str]:
    """Controls and questions that the tables name and that do not exist."""
    place = str(raw.folder / "tables.yaml")
    ids = {row.id for row in raw.rows}
    named: list[tuple[str, Iterable[str]]] = [
        ("identifier_thresholds", [row["clause"] for row in raw.tables.get("identifier_thresholds", ())])
    ]
    named += [(f"phases/{phase['id']}", phase.get("controls", ())) for phase in raw.tables.get("phases", ())]
    for due in raw.tables.get("due_dates", ()):
        named.append((f"due_dates/{due['id']}", [due["control"]] if "control" in due else ()))
        if questions is not None and due["question"] not in questions:
            yield f"{place}: due_dates/{due['id']}: there is no question {due['question']}"
    for where, controls in named:
        for control in controls:
            if control not in ids:
                yield f"{place}: {where}: there is no control {control}"


_SKELETON = {
    "pack.yaml": """\
# What this pack is. `sentinel pack check FOLDER` says what is wrong with it; pack.schema.json explains every key.
id: ID
kind: catalog            # catalog, programme, workflow, method or technique
title: {zh: 标准或措施的名称, en: Name of the standard or measure}
edition: number and year of the edition
source: the document, as it is cited in any language
basis:
  zh: 各行的依据，以及哪些内容已与原文核对。
  en: What the rows rest on, and what of them was compared with the document.
updated: 2000-01-01      # day of the last change to this folder
verified_by: null        # who compared every row with the official text; null prints a watermark
verified_on: null
checksum: {all: 1, '1': 1}
coverage: {T: 0.9, P: 0.5}
groups:
  '1': {zh: 第一部分, en: First part}
""",
    "controls.yaml": """\
controls:
- id: '1.1'
  title: {zh: 要求的标题, en: Title of the requirement}
  paraphrase:
    zh: 用自己的话写出要求，不要照抄标准原文。
    en: The requirement in your own words; do not copy the text of a standard.
  group: '1'
  levels: ['1']
  observability: I       # T traffic can tell, P partly, I interview or document only
  tests: []              # - {check: SG-01}   - {question: Q-BLD-01, satisfied_by: ['yes']}
""",
    "CHANGELOG.md": "- first rows of ID\n",
}
