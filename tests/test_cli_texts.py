"""Every sentence of the command line exists in Chinese, with the same fields, and none is left over."""

from __future__ import annotations

import ast
import importlib
import inspect
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.cli import _assessing, _coverage, _summary, main, questions
from sentinel.cli._settings import Settings
from sentinel.cli._texts import ZH, translated
from sentinel.errors import CaseError, Sentence, SentinelError
from sentinel.identify import LABEL_BY
from sentinel.store.case import ALERT_STATES

FOLDER = Path(main.__file__).parent
PROJECT = FOLDER.parents[1]
COMPUTED = {
    *_summary.ROLE_NAMES.values(), *_summary.SEVERITY_NAMES.values(), *(why for why in LABEL_BY.values() if why),
    _coverage.COVERS, _coverage.CUT, _coverage.LOST, _coverage.GAPS, _coverage.ONE_SIDED, _coverage.MIDSTREAM,
    _coverage.UNKNOWN, _coverage.GUESSED, _coverage.EVICTED, "answers", "asks", "both",
    "Usage:", "Options", "Commands", "Show this message and exit.",
    *_assessing.GRADES.values(), *_assessing.STATUSES.values(), *_assessing.HEADS, *questions.STATUS.values(),
    "{path}: refused: its rules, packs or knowledge do not pass the checks",
    "Finding", "Risk", "Title", "Status", *ALERT_STATES, "handshake", "payload", "port", "first-frame",
    "File", "Format", "Frames", "From", "Address", "Device", "Role", "Level", "Speaks",
}  # fmt: skip
"""Sentences that reach `say` through a variable."""


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b"):
            yield " ".join(paragraph.split())


def _said(tree: ast.Module) -> Iterator[str]:
    """Literals handed to `say`, `count` and `_mark`, and the help texts of commands and options."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = {"say": 0, "count": 2, "_mark": 3}.get(name)
        wanted = [node.args[place]] if place is not None and len(node.args) > place else []
        if name == "_mark":
            wanted.append(node.args[1].args[0] if isinstance(node.args[1], ast.Call) else node.args[1])
        for argument in wanted:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value:
                yield argument.value
        for keyword in node.keywords:
            if keyword.arg == "help" and isinstance(keyword.value, ast.Constant):
                yield from _paragraphs(keyword.value.value)


def _errors() -> set[str]:
    """Names of SentinelError and its subclasses, and of Sentence, which stands inside them."""
    for path in (PROJECT / "sentinel").rglob("*.py"):
        if "class " in (text := path.read_text(encoding="utf-8")) and "SentinelError" in text:
            importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
    found, left = {Sentence.__name__}, [SentinelError]
    while left:
        kind = left.pop()
        found.add(kind.__name__)
        left += kind.__subclasses__()
    return found


def _raised() -> Iterator[tuple[str, ast.Call]]:
    """Where each error is made, anywhere in the program, and the call that makes it."""
    names = _errors()
    for path in (PROJECT / "sentinel").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names and path.name != "errors.py":
                yield f"{path.relative_to(PROJECT)}:{node.lineno}", node


def _docstrings_of_commands(tree: ast.Module) -> Iterator[str]:
    """The help texts of groups and their commands, where no `help` is handed to click: their docstrings."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in node.decorator_list:
            name = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
            if name in ("command", "group") and not any(keyword.arg == "help" for keyword in call.keywords):
                yield from _paragraphs(ast.get_docstring(node) or "")


def _sentences() -> set[str]:
    found = {*COMPUTED, *(call.args[0].value for _, call in _raised())}
    for path in FOLDER.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.update(_said(tree))
        found.update(_docstrings_of_commands(tree))
        docstring = ast.get_docstring(tree)
        if not path.name.startswith("_") and path.name != "main.py" and docstring:
            found.add(docstring.partition("\n")[0])
    return found


def test_every_error_is_raised_with_a_sentence_that_has_a_translation():
    wrong = []
    for place, call in _raised():
        given = call.args[0].value if len(call.args) == 1 and isinstance(call.args[0], ast.Constant) else None
        if not isinstance(given, str) or given not in ZH or _fields(given) != {k.arg for k in call.keywords}:
            wrong.append(place)
    assert wrong == []


def test_what_an_error_says_is_in_the_language_of_the_person():
    error = CaseError("{path}: {why}", path="a", why=Sentence("the file is missing"))
    assert str(error) == Settings("en").said(error) == "a: the file is missing"
    assert Settings("zh").said(error) == "a：文件不见了"


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_sentence_has_a_translation_and_none_is_left_over():
    said = _sentences()
    assert sorted(said - ZH.keys()) == []
    assert sorted(ZH.keys() - said) == []


@pytest.mark.parametrize("sentence", sorted(ZH))
def test_a_translation_has_the_fields_of_its_sentence(sentence):
    if not sentence.endswith(".md."):
        assert _fields(ZH[sentence]) == _fields(sentence)


def test_a_sentence_without_translation_stays_english():
    assert translated("no such sentence", "zh") == "no such sentence"
    assert translated("PLC", "en") == "PLC"
