"""The journal's public side (specs/journal.md 5): the newest checkpoint, and the proof that an entry is under it.

Anybody may ask. A leaf hash covers a random handle, so whoever holds one was given it; a proof is made of hashes alone.
"""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from starlette.responses import Response

from broker.flows.ports import InclusionProof
from broker.web.fields import Message, answer_with
from broker.web.problems import Problem
from broker.web.services import Transaction

router = APIRouter(prefix="/journal/v1")

_RETRY = {"Retry-After": "1"}


class Proof(Message):
    """Hashes in hexadecimal, `checkpoint` the signed note. `proof`: RFC 9162 2.1.3, from the leaf upwards."""

    leaf: str
    index: int
    size: int
    proof: list[str]
    checkpoint: str

    @classmethod
    def of(cls, leaf: bytes, found: InclusionProof) -> Self:
        """The proof as JSON carries it."""
        return cls(
            leaf=leaf.hex(),
            index=found.position,
            size=found.size,
            proof=[node.hex() for node in found.path],
            checkpoint=found.checkpoint,
        )


@router.get("/checkpoint")
def checkpoint(work: Transaction) -> Response:
    note = work.journal.latest_checkpoint()
    if note is None:
        raise Problem("not-found", "The journal has no checkpoint yet.", headers=_RETRY)
    return Response(note, media_type="text/plain")


@router.get("/proofs/{leaf}")
def proof(leaf: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")], work: Transaction) -> Response:
    found = work.journal.proof(bytes.fromhex(leaf))
    if found is None:
        raise Problem("entry-unknown", headers=_RETRY)
    return answer_with(Proof.of(bytes.fromhex(leaf), found))
