"""The operator changes what a partner may ask for, which keys it has and where it hears of things."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from broker.core.partner import Ceilings, Partner, check_partner_url
from broker.flows.onboard_partner import ceilings_of_client, known_partner
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def change_ceilings(work: Work, *, partner_id: str, ceilings: Ceilings, at: datetime, entropy: Entropy) -> Partner:
    """Set the ceilings. Clients that stood higher come down with them, at once; raising lifts no client.

    Raises InvalidInput.
    """
    partner = known_partner(work, partner_id)
    work.partners.set_ceilings(partner_id, ceilings)
    lowered = []
    for client in work.clients.of_partner(partner_id):
        before = ceilings_of_client(client)
        after = before.clipped(ceilings)
        if after != before:
            work.clients.change(replace(client, scopes=after.scopes, purposes=after.purposes, claims=after.claims))
            lowered.append(client.client_id)
    clear: dict[str, Any] = {
        "partner": partner_id,
        "scopes": sorted(ceilings.scopes),
        "purposes": sorted(ceilings.purposes),
        "claims": sorted(ceilings.claims),
        "lowered": lowered,
    }
    work.journal.append(Entry("operator:ceiling:changed", clear), at=at, entropy=entropy)
    return replace(partner, ceilings=ceilings)


def register_keys(
    work: Work,
    *,
    partner_id: str,
    jwks_uri: str | None,
    key_set: Mapping[str, Any],
    at: datetime,
    entropy: Entropy,
) -> Partner:
    """Put the key set in place of the former one: as fetched from `jwks_uri`, or by value when that is None. Keys that
    are not in it are refused from the next request on.

    Raises InvalidInput.
    """
    partner = known_partner(work, partner_id)
    if jwks_uri is not None:
        check_partner_url(jwks_uri, sandbox=partner.sandbox)
    work.partners.set_keys(partner_id, jwks_uri=jwks_uri, jwks=key_set, at=at)
    for client in work.clients.of_partner(partner_id):
        by_value = None if jwks_uri is not None else key_set
        anew = client.keys_version + 1
        work.clients.change(replace(client, jwks_uri=jwks_uri, jwks=by_value, keys_version=anew))
    kids = [str(key.get("kid", ""))[:64] for key in key_set["keys"]]
    clear: dict[str, Any] = {"partner": partner_id, "jwks_uri": jwks_uri or "", "kids": kids}
    work.journal.append(Entry("operator:keys:rotated", clear), at=at, entropy=entropy)
    return replace(partner, jwks_uri=jwks_uri, jwks=key_set, jwks_at=at)


def refresh_keys(work: Work, *, partner_id: str, jwks_uri: str, key_set: Mapping[str, Any], at: datetime) -> bool:
    """Keep a newer copy of what `jwks_uri` serves; the partner rotates by serving it. False, and nothing is kept, when
    that is not the registered address any more, or the keys were taken after `at`. Raises InvalidInput.
    """
    partner = known_partner(work, partner_id)
    if partner.jwks_uri != jwks_uri or (partner.jwks_at is not None and partner.jwks_at > at):
        return False
    work.partners.set_keys(partner_id, jwks_uri=jwks_uri, jwks=key_set, at=at)
    return True


def register_webhook(work: Work, *, partner_id: str, url: str | None, at: datetime, entropy: Entropy) -> Partner:
    """Set where notices go; None ends them. Raises InvalidInput."""
    partner = known_partner(work, partner_id)
    if url is not None:
        check_partner_url(url, sandbox=partner.sandbox)
    work.partners.set_webhook(partner_id, url)
    work.journal.append(
        Entry("operator:webhook:changed", {"partner": partner_id, "url": url or ""}), at=at, entropy=entropy
    )
    return replace(partner, webhook_url=url)
