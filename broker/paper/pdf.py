"""A paper as PDF/A-2U: outline, language, text that can be searched and copied, fonts embedded, no clock read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import zip_longest
from typing import Final, cast
from xml.sax.saxutils import escape

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace, TTFFont

from broker.paper.blocks import Block, Heading, Image, KeyValues, Paper, Paragraph, Table
from broker.paper.lines import wrapped
from broker.paper.typeface import collection, face, legible

_FONT: Final = "body"
_MARGIN: Final = 20.0
_BODY: Final = 10.0
_CELL: Final = 9.0
_SIZES: Final = {0: 18.0, 1: 14.0, 2: 11.5, 3: 10.5}
_LEADING: Final = 1.5
_INK: Final = 26
_QUIET: Final = 92
_RULE: Final = 176
_RULE_WIDTH: Final = 0.2
_HEAD_FILL: Final = (232, 238, 244)
_PADDING: Final = 1.2
_MM_PER_POINT: Final = 25.4 / 72
# A row is cut after as many lines, so that it fits any page.
_ROW_LINES: Final = 12
_AIR_UNDER_HEADING: Final = 28.0


def to_pdf(paper: Paper, *, at: datetime) -> bytes:
    """The same bytes for the same paper and time. Raises ValueError for a time without zone; a picture that is none
    raises what the drawing library raises.
    """
    if at.tzinfo is None:
        raise ValueError("a paper's time has a zone")
    page = _Page(paper, at)
    page.head()
    for block in paper.blocks:
        page.put(block)
    return bytes(page.output() or b"")


class _Page(FPDF):
    """The sheet in hand; the drawing library calls `footer` itself."""

    def __init__(self, paper: Paper, at: datetime) -> None:
        super().__init__(enforce_compliance="PDF/A-2U")
        self._paper, self._at = paper, at
        self.set_creation_date(at)
        self.set_draw_color(_RULE)
        self.set_line_width(_RULE_WIDTH)
        self.set_lang(paper.language)
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=_MARGIN)
        self.add_font(_FONT, fname=collection(), collection_font_number=face(paper.language))
        self.set_font(_FONT, size=_BODY)
        self._known = frozenset(cast(TTFFont, self.fonts[_FONT]).cmap)
        self._heading = self._clean(paper.title)
        self.set_title(self._heading)
        self.set_xmp_metadata(_xmp(self._heading, at))
        self.add_page()

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(_FONT, size=8)
        self.set_text_color(_QUIET)
        half = self.epw / 2
        self.cell(half, 5, self._at.isoformat(timespec="seconds"), align="L")
        self.cell(half, 5, f"{self.page_no()} / {{nb}}", align="R")
        self.set_text_color(_INK)

    def head(self) -> None:
        self._lines(self._heading, _SIZES[0])
        self.ln(2)

    def put(self, block: Block) -> None:
        match block:
            case Heading(text, level):
                self._section(self._clean(text), level)
            case Paragraph(text):
                self._lines(self._clean(text), _BODY)
                self.ln(2)
            case Table(headers, rows):
                self._table(headers, rows)
            case KeyValues(pairs):
                self._table((), pairs)
            case Image(data, alt, width):
                self._picture(data, alt, width)

    def _section(self, text: str, level: int) -> None:
        if self.get_y() + _AIR_UNDER_HEADING > self.page_break_trigger:
            self.add_page()
        self.ln(3)
        self.start_section(text.replace("\n", " "), level - 1, strict=False)
        self._lines(text, _SIZES[level])
        self.ln(1)

    def _lines(self, text: str, size: float) -> None:
        self.set_font(_FONT, size=size)
        for line in self._wrap(text, self.epw - 2 * self.c_margin):
            self.cell(self.epw, size * _MM_PER_POINT * _LEADING, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows and not headers:
            return
        self.set_font(_FONT, size=_CELL)
        head = [tuple(map(self._clean, headers))] if headers else []
        body = [tuple(map(self._clean, row)) for row in rows]
        widths = self._widths([*head, *body])
        with self.table(
            col_widths=tuple(widths),
            width=min(sum(widths), self.epw),  # the sum may be a rounding above the sheet
            align="L",
            text_align="L",
            v_align="T",
            padding=_PADDING,
            line_height=_CELL * _MM_PER_POINT * _LEADING,
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(fill_color=_HEAD_FILL),
            first_row_as_headings=bool(head),
            num_heading_rows=len(head),
        ) as table:
            for cells in [*head, *body]:
                for part in self._parts(cells, widths):
                    table.row(part)
        self.ln(3)

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[float]:
        """Each column as wide as its text asks, up to a share of the sheet that shrinks until all fit."""
        asked = [
            max(self.get_string_width(line) for cell in column for line in cell.split("\n")) + 2 * _PADDING + 0.6
            for column in zip(*rows, strict=True)
        ]
        cap, spare = self.epw, list(asked)
        while sum(spare) > self.epw:
            cap *= 0.95
            spare = [min(width, cap) for width in asked]
        spare[-1] += self.epw - sum(spare)
        return spare

    def _parts(self, cells: Sequence[str], widths: Sequence[float]) -> list[tuple[str, ...]]:
        lines = [self._wrap(cell, width - 2 * _PADDING - 0.4) for cell, width in zip(cells, widths, strict=True)]
        cut = [[column[i : i + _ROW_LINES] for i in range(0, len(column), _ROW_LINES)] for column in lines]
        return [tuple("\n".join(part) for part in row) for row in zip_longest(*cut, fillvalue=[])]

    def _picture(self, data: bytes, alt: str, width: float) -> None:
        self.image(BytesIO(data), w=min(width, self.epw), alt_text=self._clean(alt))
        self.ln(3)

    def _wrap(self, text: str, width: float) -> list[str]:
        return wrapped(text, width, self.get_string_width)

    def _clean(self, text: str) -> str:
        return legible(text, self._known)


def _xmp(title: str, at: datetime) -> str:
    """The metadata PDF/A asks for (ISO 19005-2 6.6). The library's own would carry the time of writing."""
    instant = at.astimezone(UTC).isoformat(timespec="seconds")
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" xmp:CreateDate="{instant}" xmp:ModifyDate="{instant}">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
