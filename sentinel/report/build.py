"""From an assessment to a document: which chapters a variant has, in which order, in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sentinel.assess.model import Assessment
from sentinel.errors import AssessmentError
from sentinel.report import hashtree
from sentinel.report.chapters import _annexes as annexes
from sentinel.report.chapters import _basis, _front, _object, _remedies, _risks, _threats, _topics, _weaknesses
from sentinel.report.chapters._context import Context, Scope
from sentinel.report.document import Block, Document, Meta, harmless, number
from sentinel.report.texts import LANGUAGES, RENDERER, VARIANTS, titles

Chapter = Callable[[Context], Iterator[Block]]

_BODY: tuple[Chapter, ...] = (
    _basis.basis,
    _basis.method,
    _object.object_,
    _object.assets,
    _threats.threats,
    _weaknesses.weaknesses,
    _risks.risks,
    _topics.topics,
    _remedies.remediation,
    _remedies.residual,
)
_EVIDENCE: tuple[Chapter, ...] = (annexes.evidence, annexes.captures, annexes.packs, annexes.tools)

CHAPTERS: dict[str, tuple[Chapter, ...]] = {
    "full": (
        *_BODY,
        annexes.inputs,
        annexes.tables,
        annexes.checks,
        annexes.questionnaire,
        *_EVIDENCE,
    ),
    "gap": (
        _basis.basis,
        _basis.method,
        _object.object_,
        _object.assets,
        _weaknesses.weaknesses,
        _risks.findings_chapter,
        _remedies.remediation,
        _weaknesses.full_tables,
        annexes.questionnaire,
        *_EVIDENCE,
    ),
    "miit": (
        _basis.basis,
        _basis.method,
        _weaknesses.weaknesses,
        _risks.findings_chapter,
        _remedies.remediation,
        _weaknesses.full_tables,
        annexes.questionnaire,
        *_EVIDENCE,
    ),
    "iec": (
        _basis.basis,
        _basis.method,
        _object.object_,
        _object.assets,
        _weaknesses.weaknesses,
        _risks.risks,
        _remedies.remediation,
        _remedies.residual,
        _weaknesses.full_tables,
        annexes.inputs,
        annexes.tables,
        *_EVIDENCE,
    ),
    "sme": (),
    "indicators": (_basis.method, _topics.topics, annexes.evidence, annexes.captures, annexes.tools),
}
"""Variant -> its chapters after the front matter."""

SCOPES: dict[str, Scope] = {
    "full": Scope(),
    "gap": Scope(frameworks=("cn-22239",), risks=False),
    "miit": Scope(frameworks=("cn-miit-14",), risks=False),
    "iec": Scope(frameworks=("iec-62443",)),
    "sme": Scope(),
    "indicators": Scope(sheets=("indicators",), clauses=("M12", "M13", "M14", "M15", "M16", "M17"), risks=False),
}


def build(assessment: Assessment, lang: str, variant: str = "full") -> Document:
    """The report as a document; AssessmentError where there is no such language or variant."""
    if lang not in LANGUAGES:
        raise AssessmentError("there is no report in language {lang}; use zh or en", lang=lang)
    if variant not in VARIANTS:
        raise AssessmentError(
            "there is no variant {variant}; use one of {known}", variant=variant, known=", ".join(VARIANTS)
        )
    c = Context(assessment, lang, variant, SCOPES[variant])
    root = hashtree.root(digest for _, digest in hashtree.leaves(assessment))
    return number(_meta(c, root), _blocks(c, root))


def _blocks(c: Context, root: str) -> Iterator[Block]:
    if c.variant == "sme":
        yield from _front.one_page(c)
    else:
        yield from _front.cover(c)
        yield from _front.approval(c, root)
        yield from _front.contents(c)
        yield from _front.summary(c)
    for chapter in CHAPTERS[c.variant]:
        yield from chapter(c)


def _meta(c: Context, root: str) -> Meta:
    title, subtitle = titles(c.variant)
    said = {key: harmless(_front.engagement(c, key)) for key in ("organisation", "client", "site", "number", "author")}
    classification = _front.engagement(c, "classification") or c.pick("商业秘密", "Confidential")
    return Meta(
        c.lang,
        c.variant,
        c.t(title),
        c.t(subtitle),
        said["organisation"],
        said["client"],
        said["site"],
        said["number"],
        classification,
        c.day(c.a.as_of),
        c.a.as_of,
        said["author"],
        c.a.id,
        root,
        c.a.program,
        c.t(RENDERER["page"]),
        tuple(pack.id for pack in c.packs),
        {key: c.t(value) for key, value in RENDERER.items()},
    )
