"""A partner asks that a person approve something at their provider."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from broker.core.approval import PURPOSE, ApprovalKind, ApprovalRequest
from broker.core.client import Client
from broker.core.denial import Denied, InvalidInput, Refusal
from broker.core.form_fields import FIELDS
from broker.core.partner_keys import encryption_key
from broker.core.rulebook import Rulebook
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy

IDEMPOTENCY_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the partner asks. `asked` is the form with its field names, or the document with its SHA-256."""

    kind: ApprovalKind
    asked: Mapping[str, Any]
    subject: str | None
    return_uri: str | None
    lifetime: timedelta

    def fingerprint(self) -> bytes:
        """SHA-256 over all of it: the same key with another wish is a mistake."""
        members = [self.kind.value, dict(self.asked), self.subject, self.return_uri, self.lifetime.total_seconds()]
        return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).digest()


def ask_approval(
    work: Work,
    wish: Wish,
    *,
    rulebook: Rulebook,
    client: Client,
    idempotency_key: str | None,
    at: datetime,
    entropy: Entropy,
) -> ApprovalRequest | Denied:
    """Enter the request. The same idempotency key and wish give the same request again; another wish is denied.

    Raises InvalidInput for fields beyond the client's ceilings or the purpose.
    """
    # (1) for whom: an active partner that results can be encrypted to
    partner = work.partners.find(client.partner_id or "")
    if partner is None or not partner.active:
        return Denied(Refusal.RECIPIENT_UNKNOWN, "the client belongs to no active partner")
    if partner.jwks is None or encryption_key(partner.jwks) is None:
        return Denied(Refusal.NO_ENCRYPTION_KEY, "the partner has no key to encrypt to")
    # (2) beneath the ceilings of client and purpose
    request_id = UUID(bytes=entropy(16), version=4)
    request = ApprovalRequest(
        request_id=request_id,
        partner_id=partner.partner_id,
        client_id=client.client_id,
        kind=wish.kind,
        asked=wish.asked,
        created_at=at,
        expires_at=at + wish.lifetime,
        subject=wish.subject,
        return_uri=wish.return_uri,
    )
    _check_ceilings(rulebook, client, request)
    if wish.return_uri is not None and wish.return_uri not in client.redirect_uris:
        raise InvalidInput("bad_return_uri", "`return_uri` is not one of the client's redirect URIs")
    # (3) once for each idempotency key
    if idempotency_key is not None:
        fingerprint = wish.fingerprint()
        known = work.approvals.reserve_key(
            client.client_id,
            idempotency_key,
            fingerprint=fingerprint,
            request_id=request_id,
            until=at + IDEMPOTENCY_WINDOW,
        )
        if known is not None:
            earlier = work.approvals.find(known[1])
            same = earlier is not None and known[0] == fingerprint
            return earlier if earlier is not None and same else Denied(Refusal.IDEMPOTENCY_CLASH, "key used before")
    # (4) entered and journalled
    work.approvals.add(request)
    clear = {"recipient": partner.partner_id, "purpose": request.purpose, "claims": sorted(request.claims())}
    work.journal.append(Entry("partner:approval:asked", clear), at=at, entropy=entropy)
    return request


def _check_ceilings(rulebook: Rulebook, client: Client, request: ApprovalRequest) -> None:
    claims, purpose = request.claims(), rulebook.partner.purpose(request.purpose)
    if request.kind is ApprovalKind.FORM_FILL and not claims <= FIELDS:
        raise InvalidInput("unknown_field", f"the fields are {', '.join(sorted(FIELDS))}")
    if request.purpose not in client.purposes or not claims <= client.claims or not claims <= purpose.claims:
        raise InvalidInput("above_ceiling", f"the client may not ask for this under {PURPOSE[request.kind]}")
