"""What a paper is made of, as frozen values."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh-Hant", "zh-Hans", "en", "pt"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A line of the outline. `level` 1 to 3; a level is not skipped on the way down."""

    text: str
    level: Literal[1, 2, 3] = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. A newline begins a new line."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers, which are repeated on every page. Every row has as many cells as there are headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.headers or any(len(row) != len(self.headers) for row in self.rows):
            raise ValueError("every row of a table has one cell for each header")


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Names with their values, one a line."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of our own making: PNG or SVG bytes, `alt` for who cannot see it, `width` in millimetres (<= 170)."""

    data: bytes
    alt: str
    width: float = 170.0


Block = Heading | Paragraph | Table | KeyValues | Image


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole document. `language` chooses the shapes of the Han characters and is stated to readers of the PDF."""

    title: str
    language: Language
    blocks: tuple[Block, ...]
