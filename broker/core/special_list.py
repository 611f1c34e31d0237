"""Lists of people whose data need more care: by keyed hashes of their documents, asked for one person at a time.

Whoever holds the list without its key can neither read it nor test a number; whoever holds the key can only ask about a
document they have in hand.
"""

import csv
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from io import StringIO
from typing import Final
from uuid import UUID, uuid5

from broker.core.change_body import Kind
from broker.core.denial import InvalidInput
from broker.wire import cbor
from broker.wire.identity_grant import DocumentType

MAX_ENTRIES: Final = 50_000
_DOMAIN: Final = b"tongguan/special-list/v1\x00"
_NAMESPACE: Final = UUID("5a0f3c5e-7f0c-4d5c-9a49-3b0a4b8b6f10")
# In ascending order of care: of two entries that are one person's the later counts.
GRADES: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.SPECIAL_IDENTITY: ("none", "family", "former", "temporary", "current"),
    Kind.SPECIAL_REGION: ("none", "sensitive", "core"),
}
_FORMER: Final = "former"

Document = tuple[DocumentType, str]


@dataclass(frozen=True, slots=True)
class Special:
    """What a list says of a person. `since`: when somebody who held an office left it; None otherwise."""

    grade: str
    since: date | None = None


@dataclass(frozen=True, slots=True)
class SpecialList:
    """The members of one change by their hashes. `repr` shows none."""

    change_id: UUID
    kind: Kind
    members: Mapping[bytes, Special] = field(repr=False)

    @property
    def key_id(self) -> UUID:
        """Under which name the key store holds this list's key. Each list has its own: two cannot be compared."""
        return key_id(self.change_id)

    def of(self, hashes: Iterable[bytes]) -> Special | None:
        """What it says of the person with these hashes; the strictest where several do. Of somebody whose documents
        nobody knows the strictest is assumed.
        """
        order, asked = GRADES[self.kind], tuple(hashes)
        if not asked:
            return Special(order[-1])
        found = [self.members[member] for member in asked if member in self.members]
        return max(found, key=lambda special: order.index(special.grade), default=None)

    def digest(self) -> str:
        """SHA-256 (hex) over the sorted entries, for the change's body."""
        return hashlib.sha256(
            cbor.encode(
                [
                    [member, special.grade, None if special.since is None else special.since.isoformat()]
                    for member, special in sorted(self.members.items(), key=lambda item: item[0])
                ]
            )
        ).hexdigest()


def key_id(change_id: UUID) -> UUID:
    return uuid5(_NAMESPACE, change_id.hex)


def member(key: bytes, kind: DocumentType, number: str) -> bytes:
    """The hash of a document: HMAC-SHA-256 over its type and normalised number. Raises InvalidInput."""
    return hmac.digest(key, _DOMAIN + f"{kind.value}\0{normalised(number)}".encode(), "sha256")


def normalised(number: str) -> str:
    """The number as providers give it: capitals and digits only. Raises InvalidInput when none is left that could be
    one.
    """
    folded = unicodedata.normalize("NFKC", number).upper()
    plain = "".join(letter for letter in folded if letter not in " -./()\u00b7\t")
    if not (7 <= len(plain) <= 18 and plain.isascii() and plain.isalnum()):
        raise InvalidInput("bad_document", "a document number has 7 to 18 letters and digits")
    return plain


def read_entries(text: str, kind: Kind) -> list[tuple[Document, Special]]:
    """Lines of `document_type,number,grade[,since]`; empty ones and those that begin with # are passed over.

    Raises InvalidInput, which names the line and none of its values.
    """
    entries: list[tuple[Document, Special]] = []
    for place, row in enumerate(csv.reader(StringIO(text)), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if len(entries) == MAX_ENTRIES:
            raise InvalidInput("too_many", f"a list has at most {MAX_ENTRIES} entries")
        try:
            entries.append(_entry(cells, kind))
        except (ValueError, IndexError) as error:
            raise InvalidInput("bad_entry", f"line {place}: document_type,number,grade[,since]") from error
    return entries


def made_of(change_id: UUID, kind: Kind, entries: Iterable[tuple[Document, Special]], *, key: bytes) -> SpecialList:
    """The list of hashes. Raises InvalidInput for a document that stands there twice with different words."""
    members: dict[bytes, Special] = {}
    for (document_type, number), special in entries:
        if members.setdefault(member(key, document_type, number), special) != special:
            raise InvalidInput("contradiction", "a document is listed twice, with different grades")
    return SpecialList(change_id, kind, members)


def _entry(cells: list[str], kind: Kind) -> tuple[Document, Special]:
    document_type, number, grade, *rest = cells
    if grade not in GRADES[kind] or len(rest) > 1:
        raise ValueError("no such grade")
    since = date.fromisoformat(rest[0]) if rest and rest[0] else None
    if (since is not None) is not (grade == _FORMER):
        raise ValueError("since when belongs to `former`, and to nothing else")
    return (DocumentType(document_type), normalised(number)), Special(grade, since)
