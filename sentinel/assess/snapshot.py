"""An assessment as one JSON document, and back: canonical, so that the same inputs give the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from sentinel.assess import model
from sentinel.assess.model import Assessment


def content(value: Any) -> Any:
    """Plain JSON values of the nouns: dataclasses become objects with their fields, tuples lists, enums their value."""
    # a large plant has millions of values, so the exact type is asked before anything that takes time to answer
    kind: type = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        return [content(item) for item in value]
    names = _fields(kind)
    if names:
        return {name: content(getattr(value, name)) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): content(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [content(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no place in an assessment")


_PLAIN = frozenset((str, int, float, bool, type(None)))


@cache
def _fields(class_: type) -> tuple[str, ...]:
    """Names of the fields of a dataclass; of any other type none."""
    return tuple(field.name for field in dataclasses.fields(class_)) if dataclasses.is_dataclass(class_) else ()


def dump(value: Any) -> bytes:
    """Canonical JSON: keys sorted, UTF-8, one line, no spaces; half a surrogate pair becomes `?`."""
    text = json.dumps(content(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def identify(assessment: Assessment) -> Assessment:
    """The assessment with its id: a hash of everything but the id."""
    digest = hashlib.sha256(dump(dataclasses.replace(assessment, id=""))).hexdigest()
    return dataclasses.replace(assessment, id=digest[:16])


def load(raw: bytes) -> Assessment:
    """An assessment out of its JSON; ValueError where it is none."""
    value = json.loads(raw)
    if not isinstance(value, dict):
        raise ValueError("not an assessment")
    try:
        return typing.cast(Assessment, _build(Assessment, value))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an assessment of this program: {error}") from error


@cache
def _hints(class_: type) -> dict[str, Any]:
    return typing.get_type_hints(class_, vars(model))


def _build(hint: Any, value: Any) -> Any:
    """A value of the type that a field's annotation names."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _build(next(a for a in arguments if a is not type(None)), value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = _hints(hint)
        return hint(**{name: _build(hints[name], item) for name, item in value.items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_build(arguments[0], item) for item in value)
        return tuple(_build(a, item) for a, item in zip(arguments, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _build(arguments[1], item) for key, item in value.items()}
    return _free(value) if hint is Any else value


def _free(value: Any) -> Any:
    """A value without a declared type: texts and evidence are known by their fields, lists become tuples."""
    if isinstance(value, Mapping):
        for class_ in (model.Text, model.Evidence):
            if value.keys() == {field.name for field in dataclasses.fields(class_)}:
                return _build(class_, value)
        return {key: _free(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_free(item) for item in value)
    return value
