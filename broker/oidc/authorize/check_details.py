"""What a request asks to be released: `authorization_details` (RFC 9396 2, 5), and for sign-in `scope` and `claims`
(OpenID Connect Core 5.4, 5.5). Nothing beyond the client's registration, nothing beyond what the purpose allows.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from broker.core import claims_request
from broker.core.client import SIGN_IN
from broker.core.denial import InvalidInput
from broker.core.identity_release import Frequency, IdentityRelease, InvalidRelease, base_claim, read_details
from broker.core.json_text import read_json
from broker.oidc.client import Client
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.server import AuthorizationServer

# OpenID Connect Core 5.4; identity providers here vouch for no address, e-mail or telephone number.
SCOPE_CLAIMS: Final[Mapping[str, frozenset[str]]] = {
    "profile": frozenset({"name", "family_name", "given_name", "native_name", "birthdate"}),
}
_SIGN_IN_RETENTION: Final = timedelta(days=1)
_SIGN_IN_FREQUENCY: Final = Frequency(100, timedelta(hours=1))


def check_details(server: AuthorizationServer, parameters: Parameters, client: Client) -> tuple[IdentityRelease, ...]:
    """Raises OAuthError invalid_authorization_details (RFC 9396 5)."""
    value = parameters.get("authorization_details")
    if value is None:
        return ()
    try:
        releases = read_details(read_json(value))
    except InvalidRelease as error:
        raise _refuse(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _refuse("authorization_details is not JSON, or holds what cannot be stored") from error
    for release in releases:
        if release.recipient != client.partner_id:
            raise _refuse("recipient is not the partner that the client belongs to")
        if release.purpose not in client.purposes:
            raise _refuse("the client is not registered for this purpose")
        if not {base_claim(claim) for claim in release.claims} <= client.claims:
            raise _refuse("the client is not registered for one of these claims")
        try:
            server.check_release(release)
        except InvalidInput as error:
            raise _refuse(error.hint) from error
    return releases


def sign_in_release(
    client: Client, scopes: frozenset[str], claims: Mapping[str, Any] | None, details: tuple[IdentityRelease, ...]
) -> tuple[IdentityRelease, ...]:
    """What `scope` and `claims` ask for, as a release for sign-in; nothing unless the client is registered for that."""
    named = {release.purpose for release in details}
    if SIGN_IN not in client.purposes or SIGN_IN in named or client.partner_id is None:
        return ()
    asked = frozenset[str]().union(*(SCOPE_CLAIMS.get(scope, frozenset()) for scope in scopes))
    for place in claims_request.PLACES:
        asked |= claims_request.names(claims, place)
        asked = asked.union(*(one.claims for one in claims_request.verified(claims, place)))
    asked = frozenset(claim for claim in asked if base_claim(claim) in client.claims)
    if not asked:
        return ()
    optional = asked - claims_request.essential(claims)
    return (IdentityRelease(SIGN_IN, client.partner_id, asked, _SIGN_IN_RETENTION, _SIGN_IN_FREQUENCY, optional),)


def _refuse(why: str) -> OAuthError:
    return OAuthError("invalid_authorization_details", why)
