"""Sigma rules to compiled rules (`sentinel.rules.ir`). The only module that imports pySigma and a YAML parser.

Understood: field conditions with wildcards; the modifiers all, base64, base64offset, cased, cidr, contains, endswith,
exists, fieldref, gt, gte, i, lt, lte, m, neq, re, s, startswith, utf16, wide, windash; conditions with and, or, not,
1 of, all of; correlations event_count, value_count and temporal. Whatever else a rule uses makes a problem with path
and line, never a rule that silently matches something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from sigma import conditions as sc
from sigma import exceptions as se
from sigma import types as st
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRuleLocation
from sigma.rule import SigmaRule

from sentinel import schema
from sentinel.rules.alerts import LANGUAGES, LEVELS, AlertKind, placeholders
from sentinel.rules.fields import CATEGORIES, Field, resolve
from sentinel.rules.ir import GIVEN, Correlation, Rule
from sentinel.rules.load import Problem

PRODUCT = "ics"
CORRELATIONS = ("event_count", "value_count", "temporal")
MAX_THRESHOLD = 10_000
MAX_DOCUMENTS = 100
OWN_KEYS = ("title_zh", "why", "action", "falsepositives_zh", "asker", "example", "counterexample")

_INT64 = range(-(1 << 63), 1 << 63)
_COMPARE = {
    st.CompareOperators.LT: "lt",
    st.CompareOperators.LTE: "lte",
    st.CompareOperators.GT: "gt",
    st.CompareOperators.GTE: "gte",
}
_REGULAR = {
    st.SigmaRegularExpressionFlag.IGNORECASE: "i",
    st.SigmaRegularExpressionFlag.MULTILINE: "m",
    st.SigmaRegularExpressionFlag.DOTALL: "s",
}
_ACTION = {"en": "Find out whether this was planned.", "zh": "核实此操作是否在计划之内。"}
_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?")
_KEY_OF_ERROR = (
    (se.SigmaTagError, "tags"),
    (se.SigmaLevelError, "level"),
    (se.SigmaStatusError, "status"),
    (se.SigmaTitleError, "title"),
    (se.SigmaLogsourceError, "logsource"),
    (se.SigmaDateError, "date"),
    (se.SigmaFalsePositivesError, "falsepositives"),
    (se.SigmaIdentifierError, "id"),
    (se.SigmaTimespanError, "timespan"),
    (se.SigmaCorrelationConditionError, "condition"),
    (se.SigmaConditionError, "condition"),
    (se.SigmaDetectionError, "detection"),
    (se.SigmaModifierError, "detection"),
    (se.SigmaCorrelationRuleError, "correlation"),
)


Sigma = SigmaRule | SigmaCorrelationRule


class Unfit(Exception):
    """The rule cannot be compiled: a sentence, and the key near which the reason stands."""

    def __init__(self, message: str, *keys: str) -> None:
        super().__init__(message)
        self.keys = keys


def compile_sources(sources: list[tuple[str, bytes]]) -> tuple[list[Rule], list[Problem]]:
    """The rules of these files (path, content) in their order, and what is wrong with the others."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path, content in sources:
        found, wrong = read_documents(path, content)
        documents += found
        problems += wrong
    generating = {name for d in documents if _generates(d.sigma) for name in d.references}
    feeding = {name for d in documents for name in d.references} - generating
    rules: dict[int, Rule] = {}
    known: dict[str, Rule] = {}
    # Correlations last: they need the rules that they count.
    for number, document in sorted(enumerate(documents), key=lambda entry: bool(entry[1].references)):
        try:
            rule = _rule(document, known)
            if rule.id in known:
                raise Unfit(f"id {rule.id} is that of {known[rule.id].path} already", "id")
        except Unfit as error:
            problems.append(Problem(document.path, document.line(*error.keys), str(error)))
            continue
        rules[number] = replace(rule, emit=not feeding & {rule.id, rule.name})
        known[rule.id] = rule
        known.setdefault(rule.name, rule)
    return [rules[number] for number in sorted(rules)], problems


class Document:
    """One YAML document that pySigma took for a rule."""

    def __init__(self, path: str, node: yaml.Node, data: dict[str, Any], sigma: Sigma) -> None:
        self.path = path
        self.data = data
        self.sigma = sigma
        self._node = node
        self.references = (
            [r.reference for r in sigma.rules or []] if isinstance(sigma, SigmaCorrelationRule) else []
        )  # fmt: skip

    def line(self, *keys: str) -> int:
        """Line of the innermost of these nested keys that the document has; of the document where it has none."""
        return line_of(self._node, *keys)


def line_of(node: yaml.Node, *keys: str) -> int:
    """As `Document.line`, below a node."""
    line = node.start_mark.line + 1
    for wanted in keys:
        found = next((pair for pair in _pairs(node) if pair[0].value.partition("|")[0] == wanted), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _pairs(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Every key below a node with its value, outermost first; anchors are visited once."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    yield key, value
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def read_documents(path: str, content: bytes) -> tuple[list[Document], list[Problem]]:
    """The rules of a file as pySigma reads them, and what it or YAML says against the others."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        loader = yaml.SafeLoader(content.decode("utf-8"))
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said so
            data = loader.construct_document(node)
            if not isinstance(data, dict):
                problems.append(Problem(path, line_of(node), "a rule is a mapping"))
                continue
            problems += [Problem(path, line, f"key {key} stands twice") for line, key in _twice(node)]
            sigma, errors = _sigma(path, data)
            problems += [Problem(path, line_of(node, *_keys(error)), _message(error)) for error in errors]
            if sigma is not None and not errors:
                documents.append(Document(path, node, data, sigma))
    except UnicodeDecodeError as error:
        problems.append(Problem(path, content[: error.start].count(b"\n") + 1, "not UTF-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(path, mark.line + 1 if mark else 0, f"not YAML: {error.problem or error.context}"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist
        problems.append(Problem(path, 0, f"not YAML: {error}"))
    if not documents and not problems:
        problems.append(Problem(path, 0, "no rule stands in it"))
    return documents, problems


def _twice(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and name of each key that stands twice in one mapping: YAML would silently keep the last."""
    mappings = [node, *(value for _, value in _pairs(node))]
    for mapping in mappings:
        if isinstance(mapping, yaml.MappingNode):
            seen = set()
            for key, _ in mapping.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    yield key.start_mark.line + 1, key.value
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))


def _sigma(path: str, data: dict[str, Any]) -> tuple[Sigma | None, list[Exception]]:
    """The rule as pySigma understands it, and its objections."""
    kind = SigmaCorrelationRule if "correlation" in data else SigmaRule
    try:
        rule = kind.from_dict(data, collect_errors=True, source=SigmaRuleLocation(Path(path)))
    except (SigmaError, TypeError, AttributeError, KeyError, ValueError) as error:
        # pySigma collects what it foresees; odd shapes it meets with exceptions of the language
        return None, [error]
    return rule, list(rule.errors)


def _keys(error: Exception) -> tuple[str, ...]:
    if type(error) is se.SigmaValueError and "tag" in _message(error):  # pySigma has no type of its own for these
        return ("tags",)
    return next(((key,) for kind, key in _KEY_OF_ERROR if isinstance(error, kind)), ())


def _message(error: Exception) -> str:
    if isinstance(error, SigmaError):
        return " ".join(str(arg) for arg in error.args)
    return f"not understood by pySigma: {type(error).__name__}: {error}"


def _generates(sigma: Sigma) -> bool:
    return isinstance(sigma, SigmaCorrelationRule) and sigma.generate


def _rule(document: Document, known: dict[str, Rule]) -> Rule:
    """The compiled rule; Unfit where it uses what is not understood."""
    sigma = document.sigma
    own = document.data.get("sentinel", {})
    if not isinstance(own, dict) or not own.keys() <= set(OWN_KEYS):
        raise Unfit(f"`sentinel` is a mapping of {', '.join(OWN_KEYS)}", "sentinel")
    if own.get("asker", "source") not in ("source", "destination"):
        raise Unfit("`asker` is source or destination", "sentinel", "asker")
    table, protocol, condition, correlation = "", "", None, None
    if isinstance(sigma, SigmaCorrelationRule):
        table, protocol, correlation = _correlation(sigma, known)
    else:
        table, protocol = _source(sigma)
        condition = _condition(sigma, table, protocol)
    falsepositives = {"en": _texts(sigma.falsepositives), "zh": _texts(own.get("falsepositives_zh"))}
    rule = Rule(
        kind=_kind(document, own), path=document.path, line=document.line(), table=table, protocol=protocol,
        condition=condition, correlation=correlation, asker=own.get("asker", "source"), falsepositives=falsepositives,
        example=_rows(own, "example"), counterexample=_rows(own, "counterexample"),
    )  # fmt: skip
    _check_sentences(rule)
    return rule


def _kind(document: Document, own: dict[str, Any]) -> AlertKind:
    """The texts of the alerts; a rule without texts of its own gets what Sigma has."""
    sigma = document.sigma
    if sigma.id is None:
        raise Unfit("a rule needs an id", "title")
    level = sigma.level.name.lower() if sigma.level is not None else "medium"
    if level not in LEVELS:
        raise Unfit(f"level {level} is none of {', '.join(LEVELS)}", "level")
    title = sigma.title or ""
    seen = _literal(sigma.description or title)
    return AlertKind(
        id=str(sigma.id),
        name=sigma.name or Path(document.path).stem,
        level=level,
        title={"en": title, "zh": str(own.get("title_zh") or title)},
        why=_bilingual(own, "why", dict.fromkeys(LANGUAGES, f"{seen} ({{src}} > {{dst}})")),
        action=_bilingual(own, "action", _ACTION),
        techniques=[t.name.upper() for t in sigma.tags if t.namespace == "attack" and _TECHNIQUE.fullmatch(t.name)],
    )


def _literal(text: str) -> str:
    """A text that is no template: what would be read as a placeholder or an optional part is not one."""
    return text.translate(str.maketrans("{}[]", "()()")).strip()


def _bilingual(own: dict[str, Any], key: str, otherwise: dict[str, str]) -> dict[str, str]:
    texts = own.get(key, otherwise)
    if not isinstance(texts, dict) or set(texts) != set(LANGUAGES):
        raise Unfit(f"`{key}` has a text for each of {', '.join(LANGUAGES)}", "sentinel", key)
    if not all(isinstance(text, str) and text.strip() for text in texts.values()):
        raise Unfit(f"a text of `{key}` is empty or no text", "sentinel", key)
    return {language: " ".join(text.split()) for language, text in texts.items()}


def _texts(value: Any) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


def _rows(own: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = own.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unfit(f"`{key}` is a list of rows", "sentinel", key)
    return rows


def _check_sentences(rule: Rule) -> None:
    """Every placeholder leads somewhere: to the subject, to a column, or for correlations to count and seconds."""
    columns = {column.name for column in schema.TABLES[rule.table].columns}
    for key in ("why", "action"):
        texts: dict[str, str] = getattr(rule.kind, key)
        for name in (name for text in texts.values() for name in placeholders(text)):
            only_counted = name in ("count", "seconds") and rule.correlation is None
            if only_counted or not (name in GIVEN or name in columns or "." in name):
                raise Unfit(f"placeholder {{{name}}} is no column of {rule.table}", "sentinel", key)


def _source(sigma: SigmaRule) -> tuple[str, str]:
    """Table and protocol that logsource names."""
    source = sigma.logsource
    if source.product != PRODUCT or source.category not in CATEGORIES:
        raise Unfit(f"logsource is product: {PRODUCT} and category: {' | '.join(CATEGORIES)}", "logsource")
    table = CATEGORIES[source.category]
    if source.service and not any(column.name == "protocol" for column in schema.TABLES[table].columns):
        raise Unfit(f"{table} do not tell the protocol: leave out service", "logsource", "service")
    return table, source.service or ""


def _condition(sigma: SigmaRule, table: str, protocol: str) -> list[Any]:
    try:
        trees = [_node(condition.parsed, table) for condition in sigma.detection.parsed_condition]
    except SigmaError as error:
        raise Unfit(_message(error), "detection", "condition") from error
    condition = _joined("or", trees)
    return _joined("and", [["test", "protocol", "is", [protocol.casefold()]], condition]) if protocol else condition


def _node(item: Any, table: str) -> list[Any]:
    """A node of pySigma's condition tree as a node of ours."""
    if isinstance(item, sc.ConditionNOT):
        return ["not", _node(item.args[0], table)]
    if isinstance(item, sc.ConditionAND | sc.ConditionOR):
        return _joined("and" if isinstance(item, sc.ConditionAND) else "or", [_node(arg, table) for arg in item.args])
    if isinstance(item, sc.ConditionFieldEqualsValueExpression):
        try:
            field = resolve(table, item.field)
        except LookupError as error:
            raise Unfit(str(error.args[0]), "detection", item.field) from error
        return _test(field, item.field, item.value, table)
    raise Unfit("keywords without a field are not understood", "detection")


def _joined(join: str, nodes: list[list[Any]]) -> list[Any]:
    """The nodes under one join; lists of alternatives for the same column become one test."""
    flat: list[list[Any]] = []
    for node in nodes:
        flat += node[1] if node[0] == join else [node]
    if join == "or":
        merged: dict[tuple[str, str], list[Any]] = {}
        others = []
        for node in flat:
            if node[0] == "test" and node[2] in ("is", "exact", "num"):
                merged.setdefault((node[1], node[2]), []).extend(node[3])
            else:
                others.append(node)
        flat = [["test", *key, list(dict.fromkeys(values))] for key, values in merged.items()] + others
    return flat[0] if len(flat) == 1 else [join, flat]


def _test(field: Field, name: str, value: Any, table: str) -> list[Any]:
    """One field condition. A protocol's own column has no type here: the value tells text from number."""
    column = field.column
    if isinstance(value, st.SigmaExpansion):
        return _joined("or", [_test(field, name, one, table) for one in value.values])
    if isinstance(value, st.SigmaNull):
        return ["test", column, "absent", True]
    if isinstance(value, st.SigmaExists):
        absent = ["test", column, "absent", True]
        return ["not", absent] if value.exists else absent
    if isinstance(value, st.SigmaFieldReference):
        try:
            other = resolve(table, value.field)
        except LookupError as error:
            raise Unfit(str(error.args[0]), "detection", name) from error
        return ["test", column, "same", other.column]
    if isinstance(value, st.SigmaTimestampPart) or not isinstance(value, _UNDERSTOOD):
        raise Unfit(f"{name}: {type(value).__name__} is not understood", "detection", name)
    if isinstance(value, st.SigmaNumber | st.SigmaBool | st.SigmaCompareExpression):
        return _number_test(field, name, value)
    if field.type not in ("", "text"):
        raise Unfit(f"{name} is a number ({field.type})", "detection", name)
    return _text_test(column, value)


_UNDERSTOOD = (
    st.SigmaString,
    st.SigmaNumber,
    st.SigmaBool,
    st.SigmaRegularExpression,
    st.SigmaCIDRExpression,
    st.SigmaCompareExpression,
)


def _number_test(field: Field, name: str, value: Any) -> list[Any]:
    if isinstance(value, st.SigmaCompareExpression):
        if field.type == "text" or value.op not in _COMPARE:
            raise Unfit(f"{name} is text and is not more or less than a number", "detection", name)
        return ["test", field.column, _COMPARE[value.op], _number(field, name, value.number.number)]
    if isinstance(value, st.SigmaBool):
        if field.type not in ("", "bool"):
            raise Unfit(f"{name} is not true or false", "detection", name)
        return ["test", field.column, "num", [int(value.boolean)]]
    if field.type == "text":
        return ["test", field.column, "is", [str(value.number)]]
    return ["test", field.column, "num", [_number(field, name, value.number)]]


def _number(field: Field, name: str, number: int | float) -> int | float:
    """The number as the column's type has it: comparing is exact."""
    if field.type == "f64":
        return float(number)
    if isinstance(number, float) and field.type:
        raise Unfit(f"{name} is a whole number ({field.type})", "detection", name)
    if isinstance(number, int) and number not in _INT64:
        raise Unfit(f"{name}: {number} has more than 64 bits", "detection", name)
    return number


def _text_test(column: str, value: Any) -> list[Any]:
    if isinstance(value, st.SigmaCIDRExpression):
        return ["test", column, "cidr", str(value.network)]
    if isinstance(value, st.SigmaRegularExpression):
        return ["test", column, "re", [str(value.regexp), "".join(sorted(_REGULAR[flag] for flag in value.flags))]]
    cased = isinstance(value, st.SigmaCasedString)
    if any(isinstance(part, st.Placeholder) for part in value.s):
        raise Unfit("placeholders in values are not understood", "detection")
    if not value.contains_special():
        text = "".join(value.s)
        return ["test", column, "exact", [text]] if cased else ["test", column, "is", [text.casefold()]]
    wild = {st.SpecialChars.WILDCARD_MULTI: ".*", st.SpecialChars.WILDCARD_SINGLE: "."}
    pattern = "".join(re.escape(part) if isinstance(part, str) else wild[part] for part in value.s)
    return ["test", column, "re", [rf"\A{pattern}\Z", "s" if cased else "is"]]


def _correlation(sigma: SigmaCorrelationRule, known: dict[str, Rule]) -> tuple[str, str, Correlation]:
    """Table and common protocol of the rules that are counted, and the correlation."""
    kind = sigma.type.name.lower()
    condition = sigma.condition
    if kind not in CORRELATIONS or not isinstance(condition, SigmaCorrelationCondition) or len(sigma.aliases):
        known_types = ", ".join(CORRELATIONS)
        raise Unfit(f"only {known_types} without aliases and with a simple condition are understood", "correlation")
    bases = []
    for reference in sigma.rules or []:
        base = known.get(reference.reference)
        if base is None or base.correlation is not None:
            raise Unfit(f"{reference.reference} is no rule that can be counted here", "correlation", "rules")
        bases.append(base)
    tables = {base.table for base in bases}
    if len(tables) != 1:
        raise Unfit("the rules of a correlation read one table", "correlation", "rules")
    table = tables.pop()
    more = {SigmaCorrelationConditionOperator.GTE: 0, SigmaCorrelationConditionOperator.GT: 1}.get(condition.op)
    if more is None or not isinstance(condition.count, int):
        raise Unfit("the condition is gte or gt and a whole number", "correlation", "condition")
    threshold = condition.count + more
    if not 1 <= threshold <= MAX_THRESHOLD or kind == "temporal" and threshold > len(bases):
        raise Unfit(f"the threshold {threshold} is above {MAX_THRESHOLD} or out of reach", "correlation", "condition")
    value = ""
    if kind == "value_count":
        if not isinstance(condition.fieldref, str):
            raise Unfit("value_count counts the values of one field", "correlation", "condition")
        value = _column(table, condition.fieldref)
    correlation = Correlation(
        type=kind,
        rules=[base.id for base in bases],
        group_by=[_column(table, name) for name in sigma.group_by or []],
        span=sigma.timespan.seconds * 1_000_000_000,
        threshold=threshold,
        value=value,
    )
    protocols = {base.protocol for base in bases}
    return table, protocols.pop() if len(protocols) == 1 else "", correlation


def _column(table: str, name: str) -> str:
    try:
        return resolve(table, name).column
    except LookupError as error:
        raise Unfit(str(error.args[0]), "correlation", name) from error
