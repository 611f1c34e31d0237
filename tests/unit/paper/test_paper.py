"""Papers: legible in four languages, the same bytes each time, nothing of the text in a log."""

import logging
from datetime import UTC, datetime

import pypdfium2
import pytest

from broker.paper import Heading, Image, KeyValues, Language, Paper, Paragraph, Table, to_pdf

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
SAID: dict[Language, str] = {
    "zh-Hant": "個人資料保護影響評估，關於過關資料的處理。",
    "zh-Hans": "个人信息保护影响评估，关于过关数据的处理。",
    "en": "Impact assessment of what crosses the border.",
    "pt": "Avaliação de impacto: não são irreversíveis, à fronteira.",
}
BAR = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 6"><rect width="40" height="6" fill="#036"/></svg>'
WHOLE = Paper(
    "通關 Tongguan",
    "zh-Hant",
    (
        *(block for text in SAID.values() for block in (Heading(text[:6]), Paragraph(text))),
        KeyValues((("hash", "ab" * 60), ("unknown", "x\x07\U0001f600y"), ("long", "word " * 900))),
        Table(("甲", "乙"), tuple((f"row {i}", "關" * 80) for i in range(40))),
        Image(BAR, "a bar"),
    ),
)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return to_pdf(WHOLE, at=AT)


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_range() for page in document).replace("\r\n", "").replace("\n", "")


def test_every_language_can_be_read_back(pdf: bytes) -> None:
    said = text_of(pdf)
    for text in SAID.values():
        assert text in said


def test_no_row_is_lost_over_pages_and_what_cannot_be_drawn_is_marked(pdf: bytes) -> None:
    said = text_of(pdf)
    assert said.count("word") == 900
    assert all(f"row {i}" in said for i in range(40))
    assert "x〓y" in said


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_each_han_character_is_drawn_as_itself(language: Language) -> None:
    """Rasterised, 30 pixels to a character: each differs from all others, and a repeated one equals itself."""
    characters = "個人資料簡体数据隱私關关人"
    paper = Paper("-", language, (Paragraph(characters),))
    page = pypdfium2.PdfDocument(to_pdf(paper, at=AT))[0].render(scale=3).to_pil().convert("L")
    line = page.crop((0, 250, page.width, 350))
    left = next(x for x in range(line.width) if min(line.crop((x, 0, x + 1, 100)).tobytes()) < 128)
    cells = [line.crop((left - 1 + 30 * i, 0, left + 29 + 30 * i, 100)).tobytes() for i in range(len(characters))]
    assert len(set(cells)) == len(set(characters)) == len(cells) - 1


def test_same_content_and_time_give_the_same_bytes(pdf: bytes) -> None:
    assert to_pdf(WHOLE, at=AT) == pdf
    assert b"2026-11-22T01:02:03+00:00" in pdf
    assert pdf.count(b"T01:02:03") == pdf.count(b"Date=")


def test_it_says_its_title_its_language_and_its_outline(pdf: bytes) -> None:
    document = pypdfium2.PdfDocument(pdf)
    assert [item.get_title() for item in document.get_toc()] == [text[:6].strip() for text in SAID.values()]
    assert b"/Lang (zh-Hant)" in pdf
    assert b"<pdfaid:part>2</pdfaid:part>" in pdf


def test_nothing_of_the_text_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        to_pdf(Paper("الاسم", "en", (Paragraph("\U0001f600 नाम"),)), at=AT)
    assert caplog.records == []


def test_a_time_without_zone_and_a_ragged_table_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_pdf(WHOLE, at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="one cell"):
        Table(("a", "b"), (("only one",),))
