"""Protected resources: what a wallet request must carry (RFC 9449 7, RFC 9068 4).

    @router.get("/wallet/v1/me")
    def me(token: Annotated[AccessToken, Depends(require_token("wallet"))]) -> ...:

The proof is remembered and the grant looked up in one short transaction that ends before the endpoint's own begins.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request

from broker.oidc import dpop
from broker.oidc.errors import OAuthError, ResourceError
from broker.oidc.server import AuthorizationServer, server_of

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  RFC 9068 2.1
_MAX_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified access token together with the grant it hangs on. `subject` is what the client knows; `traveller_id`
    stays inside.
    """

    subject: str
    traveller_id: UUID
    grant_id: UUID
    client_id: str
    provider: str
    acr: str
    auth_time: datetime
    scopes: frozenset[str]
    expires_at: datetime


def require_token(*scopes: str) -> Callable[[Request], AccessToken]:
    """A FastAPI dependency. Raises ResourceError (401, or 403 insufficient_scope), which `routes.install` renders."""

    def token(request: Request) -> AccessToken:
        server = server_of(request)
        try:
            return _verify(server, request, frozenset(scopes), server.clock())
        except ResourceError:
            raise
        except OAuthError as error:  # a DPoP refusal: same codes, resource shape (RFC 9449 7.1)
            raise _refuse(error.error, error.description) from error

    return token


def _verify(server: AuthorizationServer, request: Request, scopes: frozenset[str], at: datetime) -> AccessToken:
    # (1) exactly one Authorization header, scheme DPoP (RFC 9449 7.1); a bearer presentation of a bound token is
    # refused
    headers = request.headers.getlist("authorization")
    scheme, _, raw = headers[0].partition(" ") if headers else ("", "", "")
    if len(headers) != 1 or scheme.lower() != "dpop" or not raw or len(raw) > _MAX_TOKEN:
        raise _refuse("", "present the access token with the DPoP scheme")
    # (2) the token is ours, for this API, and live (RFC 9068 4)
    claims = server.token_keys.verified(raw, typ=ACCESS_TOKEN_TYPE)
    try:
        if (
            claims is None
            or claims["iss"] != server.issuer
            or claims["aud"] != server.wallet_audience
            or not claims["sub"]
        ):
            raise _refuse("invalid_token", "the access token does not verify")
        expires_at = datetime.fromtimestamp(claims["exp"], tz=at.tzinfo)
        grant_id, jkt = UUID(claims["grant"]), str(claims["cnf"]["jkt"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _refuse("invalid_token", "the access token does not verify") from error
    if expires_at <= at:
        raise _refuse("invalid_token", "the access token has expired")
    # (3) the proof, over this request and this token (RFC 9449 4.3)
    proof = dpop.verify(
        request.headers.getlist("dpop"),
        method=request.method,
        url=server.issuer + request.url.path,
        at=at,
        nonces=server.nonces,
        access_token=raw,
    )
    # (4) the token is bound to the key that made the proof (RFC 9449 4.3 step 12)
    if proof.jkt != jkt:
        raise _refuse("invalid_token", "the access token is bound to another key")
    # (5) the proof is new, and the grant still stands
    with server.open_unit() as unit:
        fresh = unit.remember_proof(proof.proof_hash, proof.replayable_until)
        grant = unit.grant(grant_id)
    if not fresh:
        raise dpop.InvalidProof("this proof was used before")
    if grant is None or grant.revoked_at is not None or grant.expires_at <= at:
        raise _refuse("invalid_token", "the grant behind the access token has ended")
    # (6) scope (RFC 6750 3.1)
    held = frozenset(str(claims.get("scope", "")).split()) & grant.scopes
    if not scopes <= held:
        raise _refuse("insufficient_scope", "the access token lacks a scope", status=403)
    return AccessToken(
        grant.subject,
        grant.traveller_id,
        grant.grant_id,
        grant.client_id,
        grant.provider,
        grant.acr,
        grant.auth_time,
        held,
        expires_at,
    )


def _refuse(error: str, description: str, *, status: int = 401) -> ResourceError:
    algorithms = " ".join(dpop.ALGORITHMS)
    challenge = f'DPoP algs="{algorithms}"'
    if error:
        challenge = f'DPoP error="{error}", error_description="{description}", algs="{algorithms}"'
    headers = {"WWW-Authenticate": challenge}
    return ResourceError(error, description, status=status, headers=headers)
