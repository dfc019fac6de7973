"""Reads the YAML of packs: plain values out of a file that may come from anybody.

Of YAML only what data need: mappings with keys that are text, sequences, text, whole and decimal numbers, true, false
and null. `yes`, `no` and dates stay the words that were written. Aliases, tags, a key that stands twice and whatever is
too deep or too large are refused, with the line.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sentinel.errors import AssessmentError, Sentence

MAX_FILE = 2 << 20
"""Bytes of a file; a larger one is refused."""

MAX_VALUES = 300_000
MAX_DEPTH = 32

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_DECIMAL = re.compile(r"-?\d{1,17}\.\d{1,17}")


def read(path: Path) -> Any:
    """The document in a file; None where it is empty. AssessmentError with file and line where it is none."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise AssessmentError("{path}: cannot be read: {why}", path=path, why=error.strerror) from error
    if len(content) > MAX_FILE:
        raise AssessmentError("{path}: larger than {size} bytes; split it", path=path, size=MAX_FILE)
    try:
        return parse(content.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise AssessmentError(
            "{path}: not UTF-8 at byte {offset}; save it as UTF-8", path=path, offset=error.start
        ) from error


def parse(text: str, place: str) -> Any:
    """The document in a text; `place` names it in the AssessmentError where it is none."""
    try:
        return _build(yaml.parse(text, Loader=_LOADER), place)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 0
        why = error.problem or error.context
        raise AssessmentError("{place}:{line}: no YAML: {why}", place=place, line=line, why=why) from error
    except yaml.YAMLError as error:
        raise AssessmentError("{place}: no YAML: {why}", place=place, why=" ".join(str(error).split())) from error


def _build(events: Any, place: str) -> Any:
    """The value that the events of a document describe.

    Built here and not by PyYAML, whose composer follows the depth of the file with its own stack and ends the process.
    """
    root: list[Any] = []
    stack: list[Any] = [root]
    keys: list[str | None] = [None]
    """The key that waits for its value, for each open mapping."""
    count = 0
    for event in events:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            value = _scalar(event)
        elif kind is yaml.MappingStartEvent:
            value = {}
        elif kind is yaml.SequenceStartEvent:
            value = []
        else:
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                stack.pop()
                keys.pop()
            elif kind is yaml.AliasEvent:
                raise _refused(event, place, Sentence("an alias; write the value out"))
            elif kind is yaml.DocumentStartEvent and root:
                raise _refused(event, place, Sentence("a second document; keep one in a file"))
            continue
        if event.tag is not None and event.tag != "!":
            raise _refused(event, place, Sentence("the tag {tag}; write a plain value", tag=event.tag))
        count += 1
        if count > MAX_VALUES:
            raise _refused(event, place, Sentence("more than {n} values; split the file", n=MAX_VALUES))
        top = stack[-1]
        if isinstance(top, list):
            top.append(value)
        elif keys[-1] is None:
            if kind is not yaml.ScalarEvent:
                raise _refused(event, place, Sentence("a key that is no text"))
            if event.value in top:
                raise _refused(event, place, Sentence("the key {key} for the second time", key=event.value))
            keys[-1] = event.value
            continue
        else:
            top[keys[-1]] = value
            keys[-1] = None
        if kind is not yaml.ScalarEvent:
            if len(stack) > MAX_DEPTH:
                raise _refused(event, place, Sentence("more than {n} levels", n=MAX_DEPTH))
            stack.append(value)
            keys.append(None)
    return root[0] if root else None


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _refused(event: Any, place: str, what: Sentence) -> AssessmentError:
    return AssessmentError("{place}:{line}: {what}", place=place, line=event.start_mark.line + 1, what=what)
