"""A batch of travel passes: one per fresh device key, for one zone, resting on consents that stand at this moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from broker.core.consent import ConsentRecord
from broker.core.consent_grant import ConsentGrant, ReleaseStatement
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.departure import Departure, Kept, OwnUse
from broker.core.epoch import epoch_of
from broker.core.purpose import OFFLINE_PASS
from broker.core.rulebook import Rulebook
from broker.core.transfer import Outgoing
from broker.core.travel import LIFETIME, MAX_DEVICE_KEYS, IssuedPass, payload_of
from broker.flows.covering import covering_among
from broker.flows.decide_transfer import decide_transfer, subject_of
from broker.flows.epoch_secrets import open_epoch, secret_of
from broker.flows.issue_consent_grant import Granting, issue_consent_grant
from broker.flows.opening import open_claims, open_template, open_vouched
from broker.flows.ports import Entry, KeyStore, OnDesk, StatusSpace, Work
from broker.wire.errors import DecodeError
from broker.wire.keys import Entropy, PublicKey, Signer
from broker.wire.reasons import Reason
from broker.wire.registry import Alg, KeyUse
from broker.wire.sealed_template import FaceTemplate, TemplatePayload, commitment, seal_for_qr
from broker.wire.status_list import draw_indices
from broker.wire.travel_pass import PassClaims, PassMode, mint

MINTED = "traveller:pass:minted"
SHOWN_AGAIN = "traveller:pass:repeated"
DRAWS = 16
"""A list counts as full when this many random draws in a row met indices given out before: about four fifths full."""


@dataclass(frozen=True, slots=True)
class MintedPass:
    """What the wallet shows: the signed pass and, offline, the sealed template to show beside it."""

    pass_id: bytes
    device_key: bytes
    pass_bytes: bytes
    sealed_template: bytes | None
    expires_at: datetime
    consent_grant: str | None = field(default=None, compare=False, repr=False)
    """Offline: what the release to the zone rests on at the identity provider, signed (JWS), the same for the call."""


@dataclass(frozen=True, slots=True)
class _Face:
    """The traveller's opened template for the length of one call."""

    traveller: UUID
    template_id: UUID
    template: Kept[FaceTemplate]
    key: bytes
    seeds: Sequence[bytes]

    def payload(self, mode: PassMode, pass_id: bytes) -> Kept[TemplatePayload]:
        return self.template.derive(
            lambda face: payload_of(mode, face, seeds=self.seeds, traveller_key=self.key, pass_id=pass_id)
        )


def mint_pass(
    work: Work,
    *,
    keys: KeyStore,
    rulebook: Rulebook,
    pass_signer: Signer,
    traveller: UUID,
    zone: str,
    device_keys: Sequence[bytes],
    mode: PassMode,
    at: datetime,
    entropy: Entropy,
    granting: Granting | None = None,
) -> tuple[MintedPass, ...] | Denied:
    """One pass for each of 1 to 20 compressed P-256 points, in their order.

    The same key asked for again gets the same pass while that is good. Denied, and journalled: consent_missing,
    template_unavailable, device_key_used. Raises InvalidInput, UnknownTraveller.
    """
    # (1) keys that are points, and each but once
    _check_device_keys(device_keys)
    uses = rulebook.uses_of_pass(traveller, zone, mode)

    # (2) the person, their consents, their face
    today = epoch_of(_minute(at))
    needed = (zone, today) if mode is PassMode.OFFLINE else None
    desk = work.minting.open(traveller, uses, device_keys, epoch=needed)
    key = keys.key(traveller)

    def refuse(denied: Denied, departure: Departure | None = None) -> Denied:
        clear = {"zone": zone, "mode": mode.name.lower(), "reasons": [denied.reason.value]}
        entry = Entry("traveller:pass:refused", clear, None, traveller, key, departure)
        work.journal.append(entry, at=at, entropy=entropy)
        return denied

    consents = covering_among(desk.consents, uses, at=at)
    if isinstance(consents, Denied):
        return refuse(consents)
    kept = desk.template
    if kept is None:
        return refuse(Denied(Reason.TEMPLATE_UNAVAILABLE, "no face is enrolled"))
    template = open_template(work, kept, key=key)
    face = _Face(traveller, kept.template_id, template, key, keys.seeds(traveller))

    # (3) keys that have a pass already: the same one, or none
    issued = dict(desk.issued)
    for known in issued.values():
        if not _same_again(known, zone, mode, face, at=at):
            return refuse(Denied(Refusal.DEVICE_KEY_USED, "each pass needs a device key of its own"))

    # (4) sealing the template into a pass lets it leave, so that is decided and counted now; for a pass shown again too
    fresh = [point for point in device_keys if point not in issued]
    departure = None
    if mode is PassMode.OFFLINE:
        departure = _decide(work, keys, rulebook, traveller, zone, desk, key, at=at)
        if departure.refusal is not None:
            told = "the law of the place where the data reside does not let it go now"
            return refuse(Denied(departure.refusal, told), departure)

    # (5) stated, entered and journalled together
    grant = (
        None if departure is None else _grant(work, desk, consents, departure, granting, key, at=at, entropy=entropy)
    )
    again = () if departure is None else issued.values()
    entries = [_entry(known, SHOWN_AGAIN, key, departure, grant) for known in again]
    if fresh:
        made = _make(work, desk.space, face, consents, pass_signer, zone, fresh, mode, at=at, entropy=entropy)
        entries += [_entry(new, MINTED, key, departure, grant) for new in made]
        issued |= {new.device_key: new for new in made}
    work.journal.append_all(entries, at=at, entropy=entropy)

    # (6) what to show; offline, the template under the zone's secret of the day each pass was issued
    ordered = [issued[point] for point in device_keys]
    epochs = {known.epoch for known in ordered if known.epoch is not None}
    secrets = {
        epoch: secret_of(keys, zone=zone, epoch=epoch)
        if desk.epoch_open and epoch == today
        else open_epoch(work, keys, zone=zone, epoch=epoch)
        for epoch in epochs
    }
    return tuple(_shown(known, face, secrets, departure, grant) for known in ordered)


def _check_device_keys(device_keys: Sequence[bytes]) -> None:
    if not 1 <= len(device_keys) <= MAX_DEVICE_KEYS:
        raise InvalidInput("bad_device_keys", f"1 to {MAX_DEVICE_KEYS} device keys a call")
    if len(set(device_keys)) != len(device_keys):
        raise InvalidInput("bad_device_keys", "a device key is named twice")
    for point in device_keys:
        try:
            PublicKey.of_point(Alg.ES256, KeyUse.PASS, point)
        except DecodeError:
            raise InvalidInput("bad_device_keys", "not a compressed P-256 point") from None


def _same_again(known: IssuedPass, zone: str, mode: PassMode, face: _Face, *, at: datetime) -> bool:
    """Whether a pass may be handed out once more. The template must be the very same, or its sealing would
    repeat a key.
    """
    same = (known.zone, known.mode, known.template_id) == (zone, mode, face.template_id)
    return same and known.revoked_at is None and not known.spent and at < known.expires_at


def _make(
    work: Work,
    space: StatusSpace | None,
    face: _Face,
    consents: Sequence[ConsentRecord],
    signer: Signer,
    zone: str,
    device_keys: Sequence[bytes],
    mode: PassMode,
    *,
    at: datetime,
    entropy: Entropy,
) -> list[IssuedPass]:
    """Sign and enter one pass per key. None outlives a consent it rests on."""
    # On the minute, so that the times in two passes say little about whether one call minted both.
    issued_at = _minute(at)
    ends = min(issued_at + LIFETIME[mode], *(_minute(consent.valid_until) for consent in consents))
    if ends <= at:
        raise InvalidInput("consent_ending", "a consent ends within this minute")

    def signed(point: bytes, index: int) -> IssuedPass:
        pass_id = entropy(16)
        payload = face.payload(mode, pass_id).for_own_use(OwnUse.COMMITTING)
        committed = commitment(payload.salt, payload.template.encode())
        claims = PassClaims(pass_id, zone, issued_at, issued_at, ends, point, index, committed, mode)
        return IssuedPass(
            zone=zone,
            pass_id=pass_id,
            traveller=face.traveller,
            consents=tuple(consent.consent_id for consent in consents),
            template_id=face.template_id,
            mode=mode,
            device_key=point,
            status_index=index,
            epoch=epoch_of(issued_at) if mode is PassMode.OFFLINE else None,
            issued_at=issued_at,
            expires_at=ends,
            pass_bytes=mint(claims, signer),
        )

    list_no = space.list_no if space is not None and space.needed_until >= ends else work.status.space(ends)
    made: dict[bytes, IssuedPass] = {}
    draws = 0
    while missing := [point for point in device_keys if point not in made]:
        if draws == DRAWS:
            list_no, draws = work.status.next_space(list_no, ends), 0
        indices = draw_indices(list_no, len(missing), entropy)
        entered = work.minting.enter([signed(*pair) for pair in zip(missing, indices, strict=False)])
        made |= {one.device_key: one for one in entered}
        draws += 1
    return list(made.values())


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _shown(
    issued: IssuedPass,
    face: _Face,
    secrets: Mapping[int, bytes],
    departure: Departure | None,
    grant: ConsentGrant | None,
) -> MintedPass:
    sealed, epoch = None, issued.epoch
    if epoch is not None and departure is not None:
        payload = face.payload(issued.mode, issued.pass_id)
        code = payload.derive(
            lambda face: seal_for_qr(face, epoch_secret=secrets[epoch], epoch=epoch, pass_id=issued.pass_id)
        )
        sealed = code.leave(departure)
    jws = None if grant is None else grant.jws
    return MintedPass(issued.pass_id, issued.device_key, issued.pass_bytes, sealed, issued.expires_at, jws)


def _decide(
    work: Work,
    keys: KeyStore,
    rulebook: Rulebook,
    traveller: UUID,
    zone: str,
    desk: OnDesk,
    key: bytes,
    *,
    at: datetime,
) -> Departure:
    purpose, recipient = rulebook.resolve(OFFLINE_PASS, zone)
    categories = tuple(sorted(purpose.categories))
    where = rulebook.zone(zone).jurisdiction
    outgoing = Outgoing(recipient.recipient_id, where, categories, purpose.terms, purpose=OFFLINE_PASS)
    claims = None if desk.claims is None else open_claims(work, desk.claims, traveller=traveller, key=key)
    subject = subject_of(desk.origin, claims, at=at)
    return decide_transfer(
        work, keys=keys, rules=rulebook.transfers, traveller=traveller, subject=subject, outgoing=outgoing, at=at
    )


def _grant(
    work: Work,
    desk: OnDesk,
    consents: Sequence[ConsentRecord],
    departure: Departure,
    granting: Granting | None,
    key: bytes,
    *,
    at: datetime,
    entropy: Entropy,
) -> ConsentGrant | None:
    """One for all codes of the call: it is one release to one zone."""
    if granting is None or desk.vouched is None:
        return None
    vouched = open_vouched(work, desk.vouched, traveller=departure.traveller, key=key).leave(departure)
    resting = [record for record in consents if record.purpose == OFFLINE_PASS]
    statement = ReleaseStatement(
        OFFLINE_PASS,
        departure.outgoing.recipient_id,
        frozenset[str]().union(*(record.categories for record in resting)),
        tuple(record.consent_id for record in consents),
    )
    return issue_consent_grant(granting, vouched, key=key, release=statement, verification=None, at=at, entropy=entropy)


def _entry(issued: IssuedPass, kind: str, key: bytes, departure: Departure | None, grant: ConsentGrant | None) -> Entry:
    stated = {} if grant is None else {"consent_grant": grant.sha256.hex()}
    return Entry(
        kind=kind,
        clear={"zone": issued.zone, "mode": issued.mode.name.lower()},
        personal={"pass": issued.pass_id.hex(), "consents": [str(one) for one in issued.consents], **stated},
        traveller=issued.traveller,
        traveller_key=key,
        departure=departure,
    )
