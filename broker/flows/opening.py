"""The one place where what is kept about a person is opened: it stays `Kept` until a decision lets it go."""

from uuid import UUID

from broker.core.claim_categories import EVERY_CLAIM, NUMBER
from broker.core.departure import Kept
from broker.core.travel import SealedTemplate, template_context
from broker.core.traveller import CLAIMS, PORTRAIT, VOUCHED
from broker.core.unsealing import unseal
from broker.flows.ports import Work
from broker.wire.identity_grant import DocumentType, VerifiedClaims, Vouched
from broker.wire.sealed_template import FaceTemplate


def open_claims(work: Work, sealed: bytes, *, traveller: UUID, key: bytes) -> Kept[VerifiedClaims]:
    """What an authority said about the person. `key`: theirs. Raises SealBroken."""
    claims = VerifiedClaims.model_validate_json(unseal(sealed, key=key, context=CLAIMS))
    return Kept(claims, departures=work.departures, traveller=traveller, categories=EVERY_CLAIM)


def open_number(work: Work, sealed: bytes, of: DocumentType, *, traveller: UUID, key: bytes) -> Kept[str] | None:
    """The number of the person's document of that type; None where theirs is another. Raises SealBroken."""
    claims = VerifiedClaims.model_validate_json(unseal(sealed, key=key, context=CLAIMS))
    if claims.document_type is not of:
        return None
    return Kept(claims.document_number, departures=work.departures, traveller=traveller, categories=(NUMBER,))


def open_vouched(work: Work, sealed: bytes, *, traveller: UUID, key: bytes) -> Kept[Vouched]:
    """Who said it and how: of no kind of its own, it goes with what else goes. Raises SealBroken."""
    vouched = Vouched.model_validate_json(unseal(sealed, key=key, context=VOUCHED))
    return Kept(vouched, departures=work.departures, traveller=traveller, categories=())


def open_template(work: Work, kept: SealedTemplate, *, key: bytes) -> Kept[FaceTemplate]:
    """The face. Raises SealBroken, DecodeError."""
    template = FaceTemplate.decode(unseal(kept.sealed, key=key, context=template_context(kept.template_id)))
    return Kept(template, departures=work.departures, traveller=kept.traveller, categories=("face_template",))


def open_portrait(work: Work, sealed: bytes, *, traveller: UUID, key: bytes) -> Kept[bytes]:
    """The authority's picture, JPEG or PNG. Raises SealBroken."""
    portrait = unseal(sealed, key=key, context=PORTRAIT)
    return Kept(portrait, departures=work.departures, traveller=traveller, categories=("portrait",))


def open_words(work: Work, sealed: bytes, *, traveller: UUID, key: bytes, context: str) -> Kept[str]:
    """What a person wrote to a reviewer, or a reviewer to them. Raises SealBroken."""
    words = unseal(sealed, key=key, context=context).decode()
    return Kept(words, departures=work.departures, traveller=traveller, categories=())
