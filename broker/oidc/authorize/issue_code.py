"""The authorization code (RFC 6749 4.1.2): 256 random bits, single use, a minute, bound to everything the exchange
must repeat.
"""

from collections.abc import Sequence
from uuid import UUID

from broker.core.authorization import AuthorizationCode, AuthorizationRequest, Grant, LoginSession, digest
from broker.core.identity_release import IdentityRelease
from broker.oidc.ports import OidcUnit
from broker.oidc.server import AuthorizationServer


def issue_code(
    server: AuthorizationServer,
    unit: OidcUnit,
    request: AuthorizationRequest,
    session: LoginSession,
    *,
    releases: Sequence[IdentityRelease],
    consents: Sequence[UUID],
    grant: Grant | None = None,
) -> str:
    """The code; its digest is stored. `releases` are those of the request that `consents` cover; `grant` is the one
    that redeeming the code changes, if it founds none: what it is about by then, nobody knows yet.
    """
    code = server.secret()
    grant_id = UUID(bytes=server.entropy(16), version=4) if grant is None else grant.grant_id
    unit.add_code(
        AuthorizationCode(
            code_hash=digest(code),
            grant_id=grant_id,
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            scopes=request.scopes,
            nonce=request.nonce,
            dpop_jkt=request.dpop_jkt,
            traveller_id=session.traveller_id,
            provider=session.provider,
            acr=session.acr,
            auth_time=session.auth_time,
            expires_at=server.clock() + server.lifetimes.code,
            amr=session.amr,
            session_id=session.session_id,
            releases=tuple(releases),
            consents=tuple(consents),
            claims=request.claims,
            grant_action=None if grant is None else request.grant_action,
        )
    )
    return code
