"""Tables of the regulator's console: the same rows on a page, in a CSV file and as JSON (specs/console.md 4)."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

SMALL: Final = 10
"""In a copy for publication no count below it is told, and every other one is rounded to a multiple of it."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """`counts`: what a copy for publication must not tell exactly. `exact`: a statutory figure, left out of such a
    copy altogether.
    """

    name: str
    heading: str
    number: bool = False
    counts: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """`name` is the file's; `title` the caption."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """RFC 4180, with a header line."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(column.name for column in self.columns)
        writer.writerows([_inert(cell) for cell in row] for row in self.rows)
        return out.getvalue()

    def json(self) -> Sequence[Mapping[str, Any]]:
        """One object a row."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def for_publication(self) -> "Sheet":
        """A copy that may leave the authority: small counts are not told, and every other one is rounded by itself, so
        that no total less its parts gives one away.
        """
        kept = [place for place, column in enumerate(self.columns) if not column.exact]
        columns = tuple(self.columns[place] for place in kept)
        rows = tuple(
            tuple(_coarse(row[place]) if self.columns[place].counts else row[place] for place in kept)
            for row in self.rows
        )
        return replace(self, columns=columns, rows=rows)


def _coarse(cell: Cell) -> Cell:
    if not isinstance(cell, int):
        return cell
    return f"<{SMALL}" if cell < SMALL else (cell + SMALL // 2) // SMALL * SMALL


def _inert(cell: Cell) -> Cell:
    """A spreadsheet takes a text that begins so for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
