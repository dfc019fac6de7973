"""Styles, lists, header and footer of a Word document; a template that has a style of the same name keeps its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from sentinel.report import _wordml as w
from sentinel.report.document import Meta

SONG, HEI, TIMES, ARIAL = "宋体", "黑体", "Times New Roman", "Arial"
BLUE, INK, QUIET = "0A4F86", "1B2733", "4F5B66"

# id: name, built on, size in half points, properties of the paragraph, bold, colour, fonts of headings
_STYLES: tuple[tuple[str, str, str, int, str, bool, str, bool], ...] = (
    (
        "BodyText",
        "Body Text",
        "Normal",
        21,
        '<w:spacing w:before="60" w:after="100" w:line="330" w:lineRule="auto"/>',
        False,
        "",
        False,
    ),
    (
        "SentinelList",
        "Sentinel List",
        "Normal",
        21,
        '<w:spacing w:before="0" w:after="40" w:line="290" w:lineRule="auto"/>',
        False,
        "",
        False,
    ),
    (
        "Heading1",
        "heading 1",
        "Normal",
        32,
        '<w:spacing w:before="120" w:after="200"/><w:outlineLvl w:val="0"/>',
        True,
        BLUE,
        True,
    ),
    (
        "Heading2",
        "heading 2",
        "Normal",
        26,
        '<w:spacing w:before="300" w:after="120"/><w:outlineLvl w:val="1"/>',
        True,
        INK,
        True,
    ),
    (
        "Heading3",
        "heading 3",
        "Normal",
        23,
        '<w:spacing w:before="200" w:after="80"/><w:outlineLvl w:val="2"/>',
        True,
        INK,
        True,
    ),
    (
        "Title",
        "Title",
        "Normal",
        52,
        '<w:spacing w:before="1600" w:after="240" w:line="300" w:lineRule="auto"/>',
        True,
        BLUE,
        True,
    ),
    ("Subtitle", "Subtitle", "Normal", 28, '<w:spacing w:before="0" w:after="2200"/>', False, QUIET, True),
    ("Caption", "caption", "Normal", 20, '<w:spacing w:before="160" w:after="80"/>', True, INK, True),
    ("TOCHeading", "TOC Heading", "Normal", 32, '<w:spacing w:before="120" w:after="200"/>', True, BLUE, True),
    (
        "TOC1",
        "toc 1",
        "Normal",
        21,
        '<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="9060"/></w:tabs><w:spacing w:before="100" w:after="20"/>',
        True,
        "",
        False,
    ),
    (
        "TOC2",
        "toc 2",
        "Normal",
        20,
        '<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="9060"/></w:tabs><w:spacing w:before="0" w:after="10"/>'
        '<w:ind w:left="360"/>',
        False,
        "",
        False,
    ),
    (
        "SentinelCell",
        "Sentinel Cell",
        "Normal",
        18,
        '<w:spacing w:before="0" w:after="0" w:line="260" w:lineRule="auto"/>',
        False,
        "",
        False,
    ),
    (
        "SentinelSmall",
        "Sentinel Cell Small",
        "SentinelCell",
        17,
        '<w:spacing w:before="0" w:after="0" w:line="245" w:lineRule="auto"/>',
        False,
        "",
        False,
    ),
    ("SentinelHead", "Sentinel Table Head", "SentinelCell", 18, "", True, "", True),
    ("SentinelLabel", "Sentinel Label", "SentinelCell", 18, "", False, QUIET, True),
    ("SentinelTitle", "Sentinel Sheet Title", "Normal", 22, '<w:spacing w:before="40" w:after="40"/>', True, "", True),
    ("SentinelNote", "Sentinel Note", "Normal", 17, '<w:spacing w:before="40" w:after="120"/>', False, QUIET, False),
    ("SentinelFigure", "Sentinel Figure", "Normal", 21, '<w:spacing w:before="160" w:after="40"/>', False, "", False),
    (
        "Header",
        "header",
        "Normal",
        17,
        f'<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="3" w:color="B9C2CA"/></w:pBdr><w:tabs><w:tab'
        f' w:val="right" w:pos="{w.TEXT_WIDTH}"/></w:tabs>',
        False,
        QUIET,
        False,
    ),
    ("Footer", "footer", "Normal", 17, "", False, QUIET, False),
    ("SentinelCover", "Sentinel Cover", "Normal", 24, '<w:spacing w:before="60" w:after="60"/>', False, "", False),
    (
        "SentinelMark",
        "Sentinel Watermark",
        "Normal",
        22,
        '<w:pBdr><w:top w:val="single" w:sz="8" w:space="4" w:color="A34700"/><w:left w:val="single" w:sz="8"'
        ' w:space="4" w:color="A34700"/>'
        '<w:bottom w:val="single" w:sz="8" w:space="4" w:color="A34700"/><w:right w:val="single" w:sz="8"'
        ' w:space="4" w:color="A34700"/></w:pBdr>'
        '<w:spacing w:before="900"/><w:ind w:left="1400" w:right="1400"/>',
        True,
        "8A3B00",
        True,
    ),
    (
        "SentinelCallout",
        "Sentinel Callout",
        "Normal",
        19,
        '<w:pBdr><w:left w:val="single" w:sz="24" w:space="8" w:color="E69F00"/></w:pBdr><w:shd w:val="clear"'
        ' w:color="auto" w:fill="FBEBC4"/>'
        '<w:spacing w:before="0" w:after="0" w:line="290" w:lineRule="auto"/><w:ind w:left="220" w:right="120"/>',
        False,
        "",
        False,
    ),
)


class Lists:
    """Numbers of the lists of one document."""

    def __init__(self, headings: int, annexes: int, bullets: int, counted: int):
        self.headings = headings
        self.annexes = annexes
        self.bullets = bullets
        self._counted = counted

    def ordered(self, word: Any) -> int:
        """A new numbered list that begins with 1."""
        return _instance(word, self._counted, restart=True)


def ensure_styles(word: Any, lang: str, own: bool) -> dict[str, str]:
    """Our name of a style -> its id in this document; what is missing is added, and replaced where `own`."""
    from docx.oxml import parse_xml

    styles = word.styles.element
    found: dict[str, str] = {}
    by_name = {s.element.find(f"{{{_W}}}name").get(f"{{{_W}}}val").lower(): s.element for s in word.styles}
    normal = by_name.get("normal")
    if own and normal is not None:
        _replace(styles, normal, parse_xml(_style("Normal", "Normal", "", 21, "", False, INK, False, lang)))
    for ident, name, base, size, paragraph, bold, colour, heading in _STYLES:
        present = by_name.get(name.lower())
        if present is not None and not own:
            found[ident] = present.get(f"{{{_W}}}styleId")
            continue
        parent = found.get(base, base if base != "Normal" or normal is None else normal.get(f"{{{_W}}}styleId"))
        made = parse_xml(_style(ident, name, parent, size, paragraph, bold, colour, heading, lang))
        if present is not None:
            _replace(styles, present, made)
        else:
            styles.append(made)
        found[ident] = ident
    return found


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def _replace(styles: Any, old: Any, new: Any) -> None:
    if old.get(f"{{{_W}}}default"):
        new.set(f"{{{_W}}}default", "1")
    styles.replace(old, new)


def _style(
    ident: str, name: str, base: str, size: int, paragraph: str, bold: bool, colour: str, heading: bool, lang: str
) -> str:
    east, latin = (HEI, ARIAL) if heading else (SONG, TIMES)
    fonts = f'<w:rFonts w:ascii="{latin}" w:hAnsi="{latin}" w:eastAsia="{east}" w:cs="{latin}"/>'
    based = f'<w:basedOn w:val="{escape(base)}"/>' if base else ""
    shown = f'<w:color w:val="{colour}"/>' if colour else ""
    language = '<w:lang w:val="en-US" w:eastAsia="zh-CN"/>' if not base else ""
    keep = "<w:keepNext/><w:keepLines/>" if name.startswith("heading") else ""
    return (
        f'<w:style xmlns:w="{_W}" w:type="paragraph" w:styleId="{ident}"><w:name w:val="{name}"/>{based}'
        f'<w:uiPriority w:val="9"/><w:qFormat/><w:pPr>{keep}{paragraph}</w:pPr>'
        f'<w:rPr>{fonts}{"<w:b/>" if bold else ""}{shown}<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'
        f"{language}</w:rPr></w:style>"
    )


def ensure_lists(word: Any, lang: str) -> Lists:
    """The lists of headings, annexes, bullets and numbered sentences."""
    annex = "附录 %1" if lang == "zh" else "Annex %1"
    headings = "".join(_level(i, "decimal", ".".join(f"%{n}" for n in range(1, i + 2)), 0, 0) for i in range(3))
    return Lists(
        _instance(word, _abstract(word, headings)),
        _instance(word, _abstract(word, _level(0, "upperLetter", annex, 0, 0))),
        _instance(word, _abstract(word, _level(0, "bullet", "•", 420, 260))),
        _abstract(word, _level(0, "decimal", "%1.", 460, 340)),
    )


def _level(level: int, form: str, words: str, left: int, hanging: int) -> str:
    return (
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:suff'
        f' w:val="{"tab" if left else "space"}"/>'
        f'<w:lvlText w:val="{words}"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{left}" w:hanging="{hanging}"/>'
        f"</w:pPr></w:lvl>"
    )


def _abstract(word: Any, levels: str) -> int:
    from docx.oxml import parse_xml

    root = word.part.numbering_part.element
    present = root.findall(f"{{{_W}}}abstractNum")
    number = max((int(a.get(f"{{{_W}}}abstractNumId")) for a in present), default=0) + 1
    made = parse_xml(
        f'<w:abstractNum xmlns:w="{_W}" w:abstractNumId="{number}"><w:multiLevelType w:val="multilevel"/>'
        f"{levels}</w:abstractNum>"
    )
    if present:
        present[-1].addnext(made)
    else:
        root.insert(0, made)
    return number


def _instance(word: Any, abstract: int, restart: bool = False) -> int:
    from docx.oxml import parse_xml

    root = word.part.numbering_part.element
    number = max((int(n.get(f"{{{_W}}}numId")) for n in root.findall(f"{{{_W}}}num")), default=0) + 1
    again = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>' if restart else ""
    root.append(
        parse_xml(f'<w:num xmlns:w="{_W}" w:numId="{number}"><w:abstractNumId w:val="{abstract}"/>{again}</w:num>')
    )
    return number


def ensure_settings(word: Any, own: bool) -> None:
    """Fields are brought up to date when the document is opened."""
    from docx.oxml import parse_xml

    settings = word.settings.element
    if settings.find(f"{{{_W}}}updateFields") is None:
        later = ("hdrShapeDefaults", "footnotePr", "endnotePr", "compat", "docVars", "rsids")
        place = next((e for e in settings if e.tag.rpartition("}")[2] in later), None)
        update = parse_xml(f'<w:updateFields xmlns:w="{_W}" w:val="true"/>')
        settings.append(update) if place is None else place.addprevious(update)
    for entry in settings.iter(f"{{{_W}}}compatSetting"):
        if entry.get(f"{{{_W}}}name") == "compatibilityMode" and own:
            # as in current versions of Word: tables begin where the text begins
            entry.set(f"{{{_W}}}val", "15")


def furnish(word: Any, meta: Meta, own: bool) -> None:
    """Page, header, footer and properties; a client's template keeps its own page, header and footer."""
    properties = word.core_properties
    properties.title = meta.title[:250]
    properties.subject = meta.subtitle[:250]
    properties.author = (meta.author or meta.organisation or "Sentinel")[:250]
    properties.last_modified_by = properties.author
    properties.comments = f"Sentinel {meta.program}, {meta.assessment}"
    properties.keywords = ", ".join(meta.keywords)[:250]
    properties.language = "zh-CN" if meta.lang == "zh" else "en-US"
    properties.revision = 1
    properties.created = properties.modified = datetime.fromtimestamp(meta.time // 1_000_000_000, UTC).replace(
        tzinfo=None
    )
    if not own:
        return
    from docx.oxml import parse_xml
    from docx.shared import Mm

    section = word.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(25)
    section.top_margin, section.bottom_margin = Mm(26), Mm(23)
    section.header_distance, section.footer_distance = Mm(12), Mm(11)
    section.different_first_page_header_footer = True
    colon = meta.words["colon"]
    left = f"{meta.words['classification']}{colon}{meta.classification}"
    right = " · ".join(part for part in (meta.title, meta.number) if part)
    header = f"{w.run(left)}<w:r><w:tab/></w:r>{w.run(right)}"
    _put(section.header, parse_xml(f'<w:p {w.NAMESPACES}><w:pPr><w:pStyle w:val="Header"/></w:pPr>{header}</w:p>'))
    before, between, after = meta.page_of.replace("{page}", "\x00").replace("{pages}", "\x00").split("\x00")
    footer = w.run(before) + w.field("PAGE", "1") + w.run(between) + w.field("NUMPAGES", "1") + w.run(after)
    _put(
        section.footer,
        parse_xml(f'<w:p {w.NAMESPACES}><w:pPr><w:pStyle w:val="Footer"/><w:jc w:val="center"/></w:pPr>{footer}</w:p>'),
    )


def _put(place: Any, made: Any) -> None:
    """What stands in a header or footer."""
    place.is_linked_to_previous = False
    element = place._element
    for old in list(element):
        element.remove(old)
    element.append(made)
