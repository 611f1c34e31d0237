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
from broker.core.denial import Denied
from broker.oidc.authorize.check_details import SCOPE_CLAIMS
from broker.oidc.client import Client
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer


@dataclass(frozen=True, slots=True)
class Told:
    """Claims for a client, and what their releases rest on at the identity provider (specs/consent-grant.md)."""

    claims: dict[str, Any]
    grants: tuple[str, ...] = ()


def userinfo_claims(
    server: AuthorizationServer, unit: OidcUnit, client: Client, grant: Grant, at: datetime
) -> Told | Denied:
    """What the grant gives at the userinfo endpoint; empty when it names nothing."""
    plain = claims_request.names(grant.claims, "userinfo")
    verified = claims_request.verified(grant.claims, "userinfo")
    for scope in grant.scopes:
        plain |= SCOPE_CLAIMS.get(scope, frozenset())
    if not (grant.claims or {}).get("userinfo"):
        details = (release.claims for release in grant.releases if release.purpose != SIGN_IN)
        plain = plain.union(*details)
    return _released(server, unit, client, grant, plain, verified, at)


def id_token_claims(
    server: AuthorizationServer, unit: OidcUnit, client: Client, grant: Grant, at: datetime
) -> dict[str, Any]:
    """What was asked for in the ID token itself; nothing otherwise, and nothing when it is denied."""
    plain = claims_request.names(grant.claims, "id_token")
    verified = claims_request.verified(grant.claims, "id_token")
    found = _released(server, unit, client, grant, plain, verified, at)
    return {} if isinstance(found, Denied) else found.claims


def _released(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    grant: Grant,
    plain: frozenset[str],
    verified: tuple[VerifiedRequest, ...],
    at: datetime,
) -> Told | Denied:
    granted = frozenset[str]().union(*(release.claims for release in grant.releases))
    wanted = plain.union(*(request.claims for request in verified)) & granted
    if not wanted:
        return Told({})
    released = server.release_claims(
        unit, traveller=grant.traveller_id, client=client, releases=grant.releases, wanted=wanted, at=at
    )
    if isinstance(released, Denied):
        return released
    claims: dict[str, Any] = {name: value for name, value in released.values.items() if name in plain}
    elements = _verified(verified, released.values, released.verification, at)
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
