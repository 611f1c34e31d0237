"""The one place where what is kept about a person is opened: it stays `Kept` until a decision lets it go."""

from uuid import UUID

from broker.core.claim_categories import EVERY_CLAIM
from broker.core.departure import Kept
from broker.core.sealing import unseal
from broker.core.travel import SealedTemplate, template_context
from broker.core.traveller import CLAIMS, PORTRAIT, VOUCHED
from broker.flows.ports import Work
from broker.wire.identity_grant import VerifiedClaims, Vouched
from broker.wire.sealed_template import FaceTemplate


def open_claims(work: Work, sealed: bytes, *, traveller: UUID, key: bytes) -> Kept[VerifiedClaims]:
    """What an authority said about the person. `key`: theirs. Raises SealBroken."""
    claims = VerifiedClaims.model_validate_json(unseal(sealed, key=key, context=CLAIMS))
    return Kept(claims, departures=work.departures, traveller=traveller, categories=EVERY_CLAIM)


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
