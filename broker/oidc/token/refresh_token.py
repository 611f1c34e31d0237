"""grant_type=refresh_token (RFC 6749 6), bound to the client that authenticates, or to the key of one that cannot.

Rotating, a token seen twice ends its whole family (RFC 9700 4.14.2); but not for fapi2, whose clients prove themselves:
there a lost answer must not cost the grant (FAPI 2.0 Security Profile 5.3.2.1).
"""

from dataclasses import replace
from datetime import datetime

from broker.core.authorization import digest
from broker.core.client import Authentication
from broker.core.ending import Ending
from broker.oidc.client import Client, Profile
from broker.oidc.dpop import Proof
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.issue import Issued, issue_tokens


def refresh(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    proof: Proof | None,
    parameters: Parameters,
    at: datetime,
) -> Issued | OAuthError:
    # (1) a token we issued to this client, of a grant that stands
    token = unit.refresh_token(digest(parameters.require("refresh_token")))
    grant = unit.grant(token.grant_id) if token else None
    if token is None or grant is None or grant.client_id != client.client_id:
        return _refuse("the refresh token is unknown")
    # (2) rotated away before: someone else holds a copy, and we cannot tell who is who
    if token.spent_at is not None:
        server.logins.grant(unit, grant.grant_id, Ending.REUSE, at=at)
        return _refuse("the refresh token was used before; its family is revoked")
    if grant.revoked_at is not None or token.expires_at <= at or grant.expires_at <= at:
        return _refuse("the refresh token has ended")
    # (3) a public client's token is bound to its key; one that authenticates may have another key by now, as after a
    # restart, but does not fall back to none (RFC 9449 5)
    jkt = proof.jkt if proof is not None else None
    if client.auth is Authentication.NONE and jkt != grant.jkt:
        return _refuse("the refresh token is bound to another DPoP key")
    if jkt is None and grant.jkt is not None:
        return _refuse("the tokens of this grant are bound to a key, and no proof came")
    grant = replace(grant, jkt=jkt)
    # (4) no wider than granted (RFC 6749 6)
    asked = parameters.get("scope")
    scopes = frozenset(asked.split(" ")) if asked else grant.scopes
    if not scopes <= grant.scopes:
        return OAuthError("invalid_scope", "scope exceeds what was granted")
    if client.profile is Profile.FAPI2:
        return issue_tokens(
            server, unit, grant, scopes, at, nonce=None, client=client, keep=parameters.require("refresh_token")
        )
    # (5) spent when the next one is there: a client that may be told nothing now keeps what it has
    tokens = issue_tokens(server, unit, grant, scopes, at, nonce=None, client=client)
    if isinstance(tokens, OAuthError):
        return tokens
    # (6) of two at once, one wins and the other is a second use, which revokes both their successors
    if not unit.spend_refresh_token(token.token_hash, at):
        server.logins.grant(unit, grant.grant_id, Ending.REUSE, at=at)
        return _refuse("the refresh token was used before; its family is revoked")
    return tokens


def _refuse(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
