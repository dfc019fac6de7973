"""WordprocessingML as text: runs, fields, bookmarks, paragraphs and tables, each safe for any content.

Parts of a document are built as strings and parsed once, which keeps a table of many thousand cells fast. Text is
escaped here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main"'
)
TEXT_WIDTH = 9071
"""Width of the text of an A4 page with margins of 25 mm, in twentieths of a point."""
LONG = 900
"""Characters in a row from which on it may break across pages."""


def words(text: str) -> str:
    """Text inside a run: line feeds become breaks."""
    return "<w:br/>".join(
        f'<w:t xml:space="preserve">{escape(part)}</w:t>' if part else "" for part in text.split("\n")
    )


def run(text: str, bold: bool = False, code: bool = False, style: str = "") -> str:
    """A run of text."""
    properties = (f"<w:rStyle w:val={quoteattr(style)}/>" if style else "") + (
        '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/>' if code else ""
    )
    properties += "<w:b/>" if bold else ""
    properties += '<w:sz w:val="17"/>' if code else ""
    return f"<w:r>{f'<w:rPr>{properties}</w:rPr>' if properties else ''}{words(text)}</w:r>"


def field(instruction: str, shown: str, bold: bool = False) -> str:
    """A field with what it shows until it is updated."""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return (
        f'<w:r>{weight}<w:fldChar w:fldCharType="begin"/></w:r>'
        f'<w:r>{weight}<w:instrText xml:space="preserve"> {escape(instruction)} </w:instrText></w:r>'
        f'<w:r>{weight}<w:fldChar w:fldCharType="separate"/></w:r>'
        f"<w:r>{weight}{words(shown)}</w:r>"
        f'<w:r>{weight}<w:fldChar w:fldCharType="end"/></w:r>'
    )


def link(bookmark: str, content: str) -> str:
    """Runs that lead to a bookmark."""
    return f'<w:hyperlink w:anchor={quoteattr(bookmark)} w:history="1">{content}</w:hyperlink>'


def bookmark(name: str, number: int, content: str = "") -> str:
    """A bookmark around some runs, or at a point."""
    return f'<w:bookmarkStart w:id="{number}" w:name={quoteattr(name)}/>{content}<w:bookmarkEnd w:id="{number}"/>'


def paragraph(content: str, style: str, align: str = "", keep: bool = False, extra: str = "") -> str:
    """A paragraph; `keep` holds it together with the next one, `extra` are further properties in schema order."""
    properties = f"<w:pStyle w:val={quoteattr(style)}/>" if style else ""
    properties += "<w:keepNext/>" if keep else ""
    properties += extra
    properties += f'<w:jc w:val="{align}"/>' if align and align != "left" else ""
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def numbering(number: int, level: int = 0) -> str:
    """The property that puts a paragraph into a list."""
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'


def cell(paragraphs: str, width: int, fill: str = "", span: int = 1) -> str:
    """A table's cell."""
    properties = f'<w:tcW w:w="{width}" w:type="dxa"/>'
    properties += f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    properties += f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraphs}</w:tc>"


def row(cells: Iterable[str], head: bool = False, whole: bool = True, height: int = 0) -> str:
    """A table's row: `head` is repeated on every page, `whole` never breaks across two."""
    properties = "<w:cantSplit/>" if whole else ""
    properties += f'<w:trHeight w:val="{height}" w:hRule="atLeast"/>' if height else ""
    properties += "<w:tblHeader/>" if head else ""
    return f"<w:tr>{f'<w:trPr>{properties}</w:trPr>' if properties else ''}{''.join(cells)}</w:tr>"


def table(rows: Iterable[str], widths: list[int], edges: str = "B9C2CA", inner: bool = True, left: str = "") -> str:
    """A table of fixed widths; `edges` is the colour of its rules, empty for none, `left` one of a thick left edge."""
    rules = ""
    if edges:
        sides = ("top", "left", "bottom", "right", *(("insideH", "insideV") if inner else ("insideH",)))
        for side in sides:
            thick = side == "left" and left
            size, colour = (36, left) if thick else (4, edges)
            rules += f'<w:{side} w:val="single" w:sz="{size}" w:space="0" w:color="{colour}"/>'
        rules = f"<w:tblBorders>{rules}</w:tblBorders>"
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/>{rules}<w:tblLayout w:type="fixed"/>'
        '<w:tblCellMar><w:top w:w="40" w:type="dxa"/><w:left w:w="85" w:type="dxa"/><w:bottom w:w="40" w:type="dxa"/>'
        f'<w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(rows)}</w:tbl>'
    )


def widths(shares: Iterable[float], whole: int = TEXT_WIDTH) -> list[int]:
    """Widths that add up to `whole`, in proportion to the shares."""
    parts = list(shares)
    scale = whole / (sum(parts) or 1)
    found = [int(part * scale) for part in parts]
    found[-1] += whole - sum(found)
    return found


def picture(number: int, png: str, svg: str, name: str, alt: str, width: int, height: int) -> str:
    """A drawing in the line: `png` and `svg` are relationship ids, sizes are in EMU (914,400 an inch)."""
    return (
        f'<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/>'
        f'<wp:docPr id="{number}" name={quoteattr(name)} descr={quoteattr(alt)}/>'
        '<wp:cNvGraphicFramePr><a:graphicFrameLocks noChangeAspect="1"/></wp:cNvGraphicFramePr>'
        '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
        f'<pic:nvPicPr><pic:cNvPr id="{number}" name={quoteattr(name)}/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="{png}"><a:extLst><a:ext uri="{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}">'
        f'<asvg:svgBlip r:embed="{svg}"/></a:ext></a:extLst></a:blip><a:stretch><a:fillRect/></a:stretch>'
        f"</pic:blipFill>"
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{width}" cy="{height}"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing></w:r>"
    )
