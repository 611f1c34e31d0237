"""Claims on their way to a client: which of the granted ones are wanted here, released under their consents, in the
shape OpenID Connect Core 5.3.2 and OpenID Connect for Identity Assurance 5 give them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from broker.core import claims_request
from broker.core.authorization import Grant
from broker.core.claims_request import VerifiedRequest
from broker.core.client import SIGN_IN
from broker.core.comparison import MATCHING
from broker.core.identity_release import ReleasedClaims
from broker.flows.release_claims import ClaimOrder
from broker.oidc.authorize.check_details import SCOPE_CLAIMS
from broker.oidc.client import Client


@dataclass(frozen=True, slots=True)
class Told:
    """Claims for a client, and what their releases rest on at the identity provider (specs/consent-grant.md)."""

    claims: dict[str, Any]
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of a grant's claims are wanted at one place: by themselves, and as verified claims."""

    plain: frozenset[str]
    verified: tuple[VerifiedRequest, ...]
    names: frozenset[str]

    @classmethod
    def of(cls, grant: Grant, plain: frozenset[str], verified: tuple[VerifiedRequest, ...]) -> "Wanted":
        granted = frozenset[str]().union(*(release.claims for release in grant.releases))
        # A comparison is told to nobody who states no value.
        return cls(plain, verified, plain.union(*(request.claims for request in verified)) & (granted - MATCHING))


def wanted_at_userinfo(grant: Grant) -> Wanted:
    """What the grant gives at the userinfo endpoint."""
    plain = claims_request.names(grant.claims, "userinfo")
    for scope in grant.scopes:
        plain |= SCOPE_CLAIMS.get(scope, frozenset())
    if not (grant.claims or {}).get("userinfo"):
        details = (release.claims for release in grant.releases if release.purpose != SIGN_IN)
        plain = plain.union(*details)
    return Wanted.of(grant, plain, claims_request.verified(grant.claims, "userinfo"))


def userinfo_order(client: Client, grant: Grant) -> tuple[Wanted, ClaimOrder | None]:
    """What is to be released at the userinfo endpoint; None when the grant names nothing there."""
    wanted = wanted_at_userinfo(grant)
    order = ClaimOrder(grant.traveller_id, client, grant.releases, wanted.names) if wanted.names else None
    return wanted, order


def wanted_in_id_token(grant: Grant) -> Wanted:
    """What was asked for in the ID token itself."""
    plain = claims_request.names(grant.claims, "id_token")
    return Wanted.of(grant, plain, claims_request.verified(grant.claims, "id_token"))


def told(wanted: Wanted, released: ReleasedClaims, at: datetime) -> Told:
    """What was released, in the shape it was asked for."""
    claims: dict[str, Any] = {name: value for name, value in released.values.items() if name in wanted.plain}
    elements = _verified(wanted.verified, released.values, released.verification, at)
    if elements:
        claims[claims_request.VERIFIED] = elements[0] if len(elements) == 1 else elements
    return Told(claims, released.consent_grants)


def _verified(
    requests: tuple[VerifiedRequest, ...],
    values: Mapping[str, Any],
    verification: Mapping[str, Any] | None,
    at: datetime,
) -> list[dict[str, Any]]:
    if not requests or verification is None:
        return []
    return claims_request.render(requests, values, verification, at=at)
