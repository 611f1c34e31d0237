"""grant_type=refresh_token (RFC 6749 6), rotating; a token seen twice ends its whole family (RFC 9700 4.14.2)."""

from datetime import datetime

from broker.core.authorization import digest
from broker.core.client import Authentication
from broker.oidc.client import Client
from broker.oidc.dpop import Proof
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.issue import TokenResponse, issue_tokens


def refresh(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    proof: Proof | None,
    parameters: Parameters,
    at: datetime,
) -> TokenResponse | OAuthError:
    # (1) a token we issued to this client, of a grant that stands
    token = unit.refresh_token(digest(parameters.require("refresh_token")))
    grant = unit.grant(token.grant_id) if token else None
    if token is None or grant is None or grant.client_id != client.client_id:
        return _refuse("the refresh token is unknown")
    # (2) rotated away before: someone else holds a copy, and we cannot tell who is who
    if token.spent_at is not None:
        unit.revoke_grant(grant.grant_id, at)
        return _refuse("the refresh token was used before; its family is revoked")
    if grant.revoked_at is not None or token.expires_at <= at or grant.expires_at <= at:
        return _refuse("the refresh token has ended")
    # (3) sender-constrained (RFC 9449 5): a public client by the key of the grant; another by its authentication, and
    # its new access token is bound to whatever key it proves now. A grant with a key never yields a bearer token.
    jkt = proof.jkt if proof is not None else None
    public = client.auth is Authentication.NONE
    if (public and jkt != grant.jkt) or (grant.jkt is not None and jkt is None):
        return _refuse("the refresh token is bound to another DPoP key")
    # (4) no wider than granted (RFC 6749 6)
    asked = parameters.get("scope")
    scopes = frozenset(asked.split(" ")) if asked else grant.scopes
    if not scopes <= grant.scopes:
        return OAuthError("invalid_scope", "scope exceeds what was granted")
    # (5) of two at once, one wins and the other is a second use
    if not unit.spend_refresh_token(token.token_hash, at):
        unit.revoke_grant(grant.grant_id, at)
        return _refuse("the refresh token was used before; its family is revoked")
    return issue_tokens(server, unit, grant, scopes, at, nonce=None, client=client, jkt=jkt)


def _refuse(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
