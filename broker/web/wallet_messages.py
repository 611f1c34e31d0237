"""The JSON of the wallet API (`/wallet/v1`)."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from broker.core.travel import MAX_DEVICE_KEYS
from broker.web.fields import DevicePoint, Message, Moment, ZoneId

ConsentState = Literal["active", "paused", "withdrawn", "expired"]


class Me(Message):
    """Who is logged in. `traveller` is the pairwise pseudonym; `name` is as the authority writes it."""

    traveller: str
    provider: str
    name: str | None
    enrolled: bool
    enrolled_at: Moment | None
    portrait_waiting: bool


class PurposeOffer(Message):
    purpose: str
    title: str
    description: str
    per_zone: bool


class ZoneOffer(Message):
    zone: str
    name: str
    controller: str
    jurisdiction: str


class Offers(Message):
    purposes: list[PurposeOffer]
    zones: list[ZoneOffer]


class Consent(Message):
    """`latest_offline_effect`: were it withdrawn now, the latest moment a gate that is cut off could still accept a
    pass that rests on it. `receipt` is the signed JWS handed out when it was given; `earlier_receipts` those of the
    versions before, oldest first. `categories`, `frequency` and `retention` are in words; the last two None where the
    purpose alone sets them.
    """

    consent_id: UUID
    kind: Literal["travel", "partner"]
    purpose: str
    title: str
    zone: str | None
    recipient: str
    categories: list[str]
    frequency: str | None
    retention: str | None
    status: ConsentState
    version: int
    given_at: Moment
    valid_until: Moment
    settled_at: Moment | None
    latest_offline_effect: Moment | None
    receipt: str
    earlier_receipts: list[str]


class Consents(Message):
    consents: list[Consent]


class Withdrawal(Message):
    consent_id: UUID
    status: Literal["withdrawn", "expired"]
    withdrawn_at: Moment | None
    revoked_passes: int
    latest_offline_effect: Moment | None


class Pause(Message):
    """A paused consent covers nothing; passes that rested on it are revoked."""

    consent_id: UUID
    status: Literal["paused"] = "paused"
    revoked_passes: int
    latest_offline_effect: Moment | None


class Resumption(Message):
    consent_id: UUID
    status: Literal["active"] = "active"
    valid_until: Moment


class Enrolment(Message):
    enrolled: Literal[True] = True


class PassOrder(Message):
    """`device_keys`: P-256 points, 33 or 65 bytes in base64url, a fresh one for each pass. `consent_grant`: whether the
    signed statement of what an offline release rests on is wanted too.
    """

    zone: ZoneId
    mode: Literal["online", "offline"]
    device_keys: Annotated[list[DevicePoint], Field(min_length=1, max_length=MAX_DEVICE_KEYS)]
    consent_grant: bool = False


class Pass(Message):
    """`sealed_template` is there exactly when the pass is for offline use."""

    pass_id: str
    pass_: Annotated[str, Field(serialization_alias="pass")]
    sealed_template: str | None
    expires_at: Moment
    latest_offline_effect: Moment | None


class Passes(Message):
    """`consent_grant`: what the release of the templates to the zone rests on, a JWS; offline
    passes only, where it was asked for.
    """

    passes: list[Pass]
    consent_grant: str | None


class Revocation(Message):
    pass_id: str
    latest_offline_effect: Moment | None


class Use(Message):
    """One entry of the journal about this person. `entry` is its leaf hash, for an inclusion proof.

    `title` and `why` are in the language asked for. `against`: nothing left, for now (held) or at all (declined), and
    `why` says so in plain words; `review` is then the page on which to ask that a person looks at it.
    """

    entry: str
    at: Moment
    kind: str
    purpose: str | None
    zone: str | None
    recipient: str | None
    decision: str | None
    reasons: list[str]
    title: str
    against: Literal["held", "declined"] | None
    why: list[str]
    review: str | None


class Uses(Message):
    uses: list[Use]


class Erased(Message):
    """`complete_at`: when the last key that could open a code on the person's phone is gone too. `certificate`: the
    page of the erasure's certificate, which nobody else has the address of.
    """

    erased_at: Moment
    complete_at: Moment
    certificate: str
