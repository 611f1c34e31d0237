"""How long what is kept, as data (data/retention.toml), and what a receipt says of a deletion (specs/rights.md 8)."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.core.rights import Confidence
from broker.wire.identity_grant import timestamp
from broker.wire.merkle import leaf_hash, root_of

TYP: Final = "deletion-receipt+jwt"
FORMAT: Final = "tongguan/deletion-receipt/v1"
_MINUTE: Final = 60


class Category(BaseModel):
    """One kind of thing that is kept. It is deleted `hours` after its clock began: its end, settling or making."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z_]{3,40}$")]
    hours: Annotated[int, Field(ge=0, le=87_600)]
    every: Annotated[int, Field(ge=1, le=60)]
    what: str
    why: str

    def before(self, at: datetime) -> datetime:
        """What began before this moment has had its time at `at`."""
        return at - timedelta(hours=self.hours)


class RetentionRules(BaseModel):
    """Every category, and the law behind all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    ground: str
    confidence: Confidence
    category: Annotated[tuple[Category, ...], Field(min_length=1)]

    @classmethod
    def load(cls) -> Self:
        """The packaged data. Raises ValueError for anything incomplete, or a category said twice."""
        source = (resources.files("broker.core") / "data" / "retention.toml").read_text(encoding="utf-8")
        try:
            rules = cls.model_validate(tomllib.loads(source))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
            raise ValueError(f"the data about retention are not valid: {wrong}") from None
        if len({category.id for category in rules.category}) != len(rules.category):
            raise ValueError("the data about retention say a category twice")
        return rules

    def due(self, at: datetime) -> Sequence[Category]:
        """What is looked at in the minute of `at`."""
        minute = int(at.timestamp()) // _MINUTE
        return [category for category in self.category if minute % category.every == 0]


@dataclass(frozen=True, slots=True)
class Deleted:
    """One thing that is gone: what it was called, and when its clock began."""

    key: bytes
    began: datetime


def hash_root(gone: Iterable[Deleted]) -> bytes:
    """The RFC 9162 root over the sorted leaf hashes of their keys. Whoever still has a key, from a backup say, can show
    that it was among them; nobody reads one out of it.
    """
    return root_of(sorted(leaf_hash(one.key) for one in gone))


def receipt_claims(
    receipt_id: UUID,
    category: Category,
    rules: RetentionRules,
    gone: Sequence[Deleted],
    *,
    issuer: str,
    journal_leaf: bytes,
    at: datetime,
) -> dict[str, Any]:
    """What is signed about one category of one run. `gone` is not empty."""
    return {
        "iss": issuer,
        "iat": int(at.timestamp()),
        "jti": str(receipt_id),
        "format": FORMAT,
        "category": category.id,
        "what": category.what,
        "deleted": len(gone),
        "began": {
            "from": timestamp(min(one.began for one in gone)),
            "until": timestamp(max(one.began for one in gone)),
        },
        "rule": {
            "hours": category.hours,
            "why": category.why,
            "ground": rules.ground,
            "confidence": rules.confidence,
            "version": rules.version,
        },
        "hash_list_root": hash_root(gone).hex(),
        "journal_leaf": journal_leaf.hex(),
    }
