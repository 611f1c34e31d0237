"""grant_type=authorization_code (RFC 6749 4.1.3). A refusal is a value, so that spending the code and revoking its
grant are kept.
"""

from datetime import datetime

from broker.core.authorization import Grant, digest
from broker.core.ending import Ending
from broker.core.grant_merge import GrantAction, changed
from broker.oidc.client import Client, Profile
from broker.oidc.dpop import Proof
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.ports import OidcUnit
from broker.oidc.released import wanted_in_id_token
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.issue import Issued, issue_tokens
from broker.oidc.token.verify_pkce import verifier_matches


def redeem_code(
    server: AuthorizationServer,
    unit: OidcUnit,
    client: Client,
    proof: Proof | None,
    parameters: Parameters,
    at: datetime,
) -> Issued | OAuthError:
    # (1) a code we issued, (2) never seen before: a second use revokes what the first founded (RFC 6749 4.1.2, RFC
    # 9700 4.5)
    spent = unit.spend_code(digest(parameters.require("code")), at)
    if spent is None:
        return _refuse("the code is unknown")
    code, first_use = spent
    if not first_use:
        server.logins.grant(unit, code.grant_id, Ending.REUSE, at=at)
        return _refuse("the code was used before; everything it founded is revoked")
    # (3) in time, (4) by the client it was issued to, (5) with the redirect URI of the request (4.1.3)
    if code.expires_at <= at:
        return _refuse("the code has expired")
    if code.client_id != client.client_id:
        return _refuse("the code was issued to another client")
    if parameters.get("redirect_uri") != code.redirect_uri:
        return _refuse("redirect_uri differs from the authorization request")
    # (6) by whoever began (RFC 7636 4.6)
    if not verifier_matches(parameters.get("code_verifier"), code.code_challenge):
        return _refuse("code_verifier does not match code_challenge")
    # (7) with the key announced at the beginning (RFC 9449 10)
    jkt = proof.jkt if proof is not None else None
    if code.dpop_jkt is not None and code.dpop_jkt != jkt:
        return _refuse("the code is bound to another DPoP key")
    # (8) the grant it founds, or changes: locked, so that of two changes at once neither is lost, and as it is by now:
    # revoked meanwhile, it stays revoked
    scopes, releases, consents = code.scopes, code.releases, code.consents
    if code.grant_action is not None:
        standing = unit.lock_grant(code.grant_id)
        if standing is None or standing.revoked_at is not None:
            return _refuse("the grant that the code was to change has ended")
        scopes, releases, consents = changed(
            standing, GrantAction(code.grant_action), scopes=scopes, releases=releases, consents=consents
        )
    grant = Grant(
        grant_id=code.grant_id,
        client_id=client.client_id,
        traveller_id=code.traveller_id,
        subject=unit.pairwise_subject(code.traveller_id, client.sector, server.secret()),
        provider=code.provider,
        acr=code.acr,
        auth_time=code.auth_time,
        scopes=scopes,
        jkt=jkt,
        created_at=at,
        expires_at=at + server.lifetimes.grant,
        amr=code.amr,
        session_id=code.session_id,
        releases=releases,
        consents=consents,
        claims=code.claims,
    )
    if code.grant_action is None:
        unit.add_grant(grant)
    elif not unit.renew_grant(grant):
        return _refuse("the grant that the code was to change has ended")
    if grant.session_id is not None:
        unit.note_login(grant.session_id, client.client_id, grant.subject)
    issued = issue_tokens(
        server, unit, grant, grant.scopes, at, nonce=code.nonce, client=client, wanted=wanted_in_id_token(grant)
    )
    if client.profile is Profile.FAPI2 and not isinstance(issued, OAuthError):
        issued.response["grant_id"] = str(grant.grant_id)  # Grant Management for OAuth 2.0, 5.4
    return issued


def _refuse(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
