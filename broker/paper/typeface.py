"""The typeface of every paper: Noto Sans CJK, from a package (SIL Open Font License), of which each PDF embeds the
characters it uses.
"""

from importlib import resources
from pathlib import Path
from typing import Final

from broker.paper.blocks import Language

# Faces of the collection: one repertoire, the shapes of each place. Latin letters are the same in both.
_FACES: Final[dict[Language, int]] = {"zh-Hans": 2, "zh-Hant": 4, "en": 4, "pt": 4}
_MISSING: Final = "\N{GETA MARK}"


def collection() -> Path:
    """The font file as installed."""
    with resources.as_file(resources.files("noto_cjk_sans_otc") / "NotoSansCJK-Regular.ttc") as path:
        return path


def face(language: Language) -> int:
    """The place in the collection of the face for `language`."""
    return _FACES[language]


def legible(text: str, known: frozenset[int]) -> str:
    """`text` with one sign in place of what the typeface lacks: the drawing library would name it in its log. Control
    characters other than the newline are left out.
    """
    kept = (c for c in text.expandtabs(4).replace("\r\n", "\n") if c == "\n" or c.isprintable())
    return "".join(c if c == "\n" or ord(c) in known else _MISSING for c in kept)
