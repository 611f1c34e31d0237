"""The operator takes a partner on, and registers its clients beneath its ceilings."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from broker.core.client import Client, ClientStatus, Profile, check_redirects, check_registration
from broker.core.denial import InvalidInput
from broker.core.partner import Ceilings, Partner, check_partner_url
from broker.flows.ports import Entry, Work
from broker.wire.keys import Entropy


def onboard_partner(work: Work, partner: Partner, *, sandbox: bool, at: datetime, entropy: Entropy) -> Partner:
    """Enter a new partner. `sandbox`: whether this broker is one; sandbox partners and others never meet.

    Raises InvalidInput.
    """
    if partner.sandbox is not sandbox:
        raise InvalidInput("wrong_place", "a sandbox has sandbox partners, and no other broker has any")
    if not work.partners.add(partner):
        raise InvalidInput("partner_exists", "a partner of that id was onboarded before")
    clear: dict[str, Any] = {"partner": partner.partner_id, "sandbox": partner.sandbox, **_listed(partner.ceilings)}
    work.journal.append(Entry("operator:partner:onboarded", clear), at=at, entropy=entropy)
    return partner


def register_client(work: Work, client: Client, *, at: datetime, entropy: Entropy) -> Client:
    """Enter a client of a partner. It sees its partner's pseudonyms, keys and no more than its ceilings.

    Raises InvalidInput.
    """
    partner = known_partner(work, client.partner_id)
    if not partner.active:
        raise InvalidInput("partner_suspended", "resume the partner first")
    if client.profile is Profile.OIDC_BASIC and not partner.sandbox:
        raise InvalidInput("sandbox_only", "clients of the profile oidc_basic exist in a sandbox only")
    if client.profile is Profile.WALLET:
        raise InvalidInput("bad_client", "a partner's client is no wallet")
    if not ceilings_of_client(client).within(partner.ceilings):
        raise InvalidInput("above_ceiling", "the client may have only scopes, purposes and claims of its partner")
    entered = replace(client, sector=partner.partner_id, status=ClientStatus.ACTIVE)
    try:
        if entered.backchannel_logout_uri is not None:
            check_partner_url(entered.backchannel_logout_uri, sandbox=partner.sandbox)
        check_redirects(entered)
        check_registration(entered)
        work.clients.add(entered)
    except ValueError as error:
        raise InvalidInput("bad_client", str(error)) from error
    clear = {"partner": partner.partner_id, "client": client.client_id, "profile": client.profile.value}
    work.journal.append(Entry("operator:client:registered", clear), at=at, entropy=entropy)
    return entered


def known_partner(work: Work, partner_id: str | None) -> Partner:
    """The partner, locked. Raises InvalidInput when there is none."""
    partner = None if partner_id is None else work.partners.lock(partner_id)
    if partner is None:
        raise InvalidInput("unknown_partner", "no partner has that id")
    return partner


def ceilings_of_client(client: Client) -> Ceilings:
    return Ceilings(client.scopes, client.purposes, client.claims)


def _listed(ceilings: Ceilings) -> dict[str, list[str]]:
    return {
        "scopes": sorted(ceilings.scopes),
        "purposes": sorted(ceilings.purposes),
        "claims": sorted(ceilings.claims),
    }
