"""Breaking text into lines: between words, between Han characters, and within what is too long for any line."""

import re
from collections.abc import Callable, Iterator
from typing import Final

# No line begins with these, and none ends with those (GB/T 15834-2011 5.1; CLREQ 3.1.3).
_NEVER_FIRST: Final = frozenset("、。，．：；！？）」』】》〉〕］｝…—～·,.:;!?)]}%")
_NEVER_LAST: Final = frozenset("（「『【《〈〔［｛([{")
_HAN: Final = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
_PIECE: Final = re.compile(rf"[ ]+|[{_HAN}]|[^ {_HAN}]+")


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The lines of `text`, none wider than `width` by `measure` unless one character alone is."""
    return [line for part in text.split("\n") for line in _paragraph(part, width, measure)]


def _paragraph(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    line = ""
    for unit in _units(text):
        if measure((line + unit).rstrip()) <= width:
            line += unit
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = unit.lstrip()
        while measure(line) > width and len(line) > 1:
            fits = _fitting(line, width, measure)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line.rstrip()]


def _units(text: str) -> Iterator[str]:
    """What is not broken inside: words, Han characters with the punctuation that clings to them, runs of spaces."""
    held = ""
    for piece in _PIECE.findall(text):
        if held and (held[-1] in _NEVER_LAST or piece[0] in _NEVER_FIRST):
            held += piece
            continue
        if held:
            yield held
        held = piece
    if held:
        yield held


def _fitting(word: str, width: float, measure: Callable[[str], float]) -> int:
    """How many leading characters of `word` fit; at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(word[:middle]) <= width else (low, middle - 1)
    return low
