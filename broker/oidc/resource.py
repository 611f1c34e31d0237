"""Protected resources: what a request must carry (RFC 9449 7, RFC 9068 4, RFC 6750 2).

    @router.get("/wallet/v1/me")
    def me(token: Annotated[AccessToken, Depends(require_token("wallet"))]) -> ...:

The proof is remembered and grant and client looked up by one statement that ends before the endpoint's own transaction
begins.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from starlette.requests import Request

from broker.core.authorization import Admission, AdmissionQuestion, Grant, digest
from broker.core.identity_release import IdentityRelease
from broker.oidc import dpop
from broker.oidc.authorize.check_acr import acr_met
from broker.oidc.client import Client
from broker.oidc.errors import OAuthError, ResourceError
from broker.oidc.server import AuthorizationServer, server_of

ACCESS_TOKEN_TYPE: Final = "at+jwt"  # noqa: S105  RFC 9068 2.1
WALLET_API: Final = "/wallet/v1"
AGENCIES_API: Final = "/agencies/v1"
_MAX_TOKEN: Final = 4096


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
    client: Client
    grant: Grant

    @property
    def releases(self) -> tuple[IdentityRelease, ...]:
        return self.grant.releases


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A verified access token of a client for itself (client_credentials)."""

    client: Client
    scopes: frozenset[str]
    expires_at: datetime

    @property
    def client_id(self) -> str:
        return self.client.client_id

    @property
    def partner_id(self) -> str | None:
        return self.client.partner_id


def require_token(
    *scopes: str, audience: str = WALLET_API, acr: str | None = None, max_age: timedelta | None = None
) -> Callable[[Request], AccessToken]:
    """A FastAPI dependency. `audience` is the path of the API beneath the issuer; `acr` and `max_age` ask for a login
    that strong and that fresh (RFC 9470). Raises ResourceError (401, or 403 insufficient_scope), which
    `routes.install` renders.
    """

    def token(request: Request) -> AccessToken:
        server = server_of(request)
        at = server.clock()
        found = _checked(server, request, frozenset(scopes), audience, at)
        if not isinstance(found, AccessToken):
            raise refuse("invalid_token", "the access token is for no person")
        need_login(found, acr=acr, max_age=max_age, at=at)
        return found

    return token


def need_login(token: AccessToken, *, acr: str | None = None, max_age: timedelta | None = None, at: datetime) -> None:
    """RFC 9470 3: raises ResourceError whose challenge says what login would do."""
    weak = acr is not None and not acr_met(token.acr, (acr,))
    old = max_age is not None and token.auth_time + max_age < at
    if weak or old:
        asked = {"acr_values": acr} if acr is not None else {}
        asked |= {"max_age": str(int(max_age.total_seconds()))} if max_age is not None else {}
        raise refuse("insufficient_user_authentication", "a stronger or fresher login is needed", parameters=asked)


def require_client_token(*scopes: str, audience: str = AGENCIES_API) -> Callable[[Request], ClientToken]:
    """A FastAPI dependency for tokens of client_credentials. Raises ResourceError."""

    def token(request: Request) -> ClientToken:
        server = server_of(request)
        found = _checked(server, request, frozenset(scopes), audience, server.clock())
        if not isinstance(found, ClientToken):
            raise refuse("invalid_token", "the access token is for a person, not for the client itself")
        return found

    return token


@dataclass(frozen=True, slots=True)
class Presented:
    """A token whose signature, audience, time and proof are good; whether it still counts is `question`, put to what
    the server remembers.
    """

    client_id: str
    grant_id: UUID | None
    scopes: frozenset[str]
    expires_at: datetime
    question: AdmissionQuestion


def verify_token(
    server: AuthorizationServer,
    request: Request,
    raw: str,
    *,
    scheme: str,
    scopes: frozenset[str],
    audience: str,
    at: datetime,
) -> AccessToken | ClientToken:
    """The checks, in order. `scheme` is how the token was presented: dpop or bearer. Raises OAuthError."""
    presented = read_token(server, request, raw, scheme=scheme, audience=audience, at=at)
    # (4) the proof is new, the client active, the grant stands: one statement
    asked = presented.question
    admission = server.admit(
        asked.marks, client_id=asked.client_id, grant_id=asked.grant_id, token_hash=asked.token_hash
    )
    return admitted(server, presented, admission, scopes=scopes, at=at)


def read_token(
    server: AuthorizationServer, request: Request, raw: str, *, scheme: str, audience: str, at: datetime
) -> Presented:
    """Checks (1) to (3), which need no memory. Raises OAuthError."""
    # (1) the token is ours, for this API, and live (RFC 9068 4)
    claims = server.token_keys.verified(raw, typ=ACCESS_TOKEN_TYPE, limit=_MAX_TOKEN)
    if claims is None:
        raise refuse("invalid_token", "the access token does not verify")
    try:
        expires_at = datetime.fromtimestamp(claims["exp"], tz=at.tzinfo)
        grant_id = UUID(claims["grant"]) if "grant" in claims else None
        client_id, subject, jkt = str(claims["client_id"]), claims["sub"], _thumbprint(claims)
        token_hash = revocation_mark(claims) if grant_id is None else None
        meant = claims["iss"] == server.issuer and _names(claims["aud"], server.issuer + audience)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise refuse("invalid_token", "the access token does not verify") from error
    if not meant or not isinstance(subject, str):
        raise refuse("invalid_token", "the access token is not meant for this API")
    if expires_at <= at:
        raise refuse("invalid_token", "the access token has expired")
    # (2) a bound token comes with DPoP, another as a bearer (RFC 9449 7.1, 7.2)
    if (jkt is not None) != (scheme == "dpop"):
        raise refuse("invalid_token", "the access token is presented with the wrong scheme")
    # (3) the proof, over this request and this token (RFC 9449 4.3), by the key the token is bound to (step 12)
    proof = None
    if jkt is not None:
        proof = dpop.verify(
            request.headers.getlist("dpop"),
            method=request.method,
            url=server.issuer + request.scope["path"],
            at=at,
            nonces=server.nonces,
            access_token=raw,
        )
        if proof.jkt != jkt:
            raise refuse("invalid_token", "the access token is bound to another key")
    marks = (proof.mark,) if proof is not None else ()
    question = AdmissionQuestion(marks, client_id, grant_id, token_hash)
    return Presented(client_id, grant_id, frozenset(str(claims.get("scope", "")).split()), expires_at, question)


def admitted(
    server: AuthorizationServer,
    presented: Presented,
    admission: Admission,
    *,
    scopes: frozenset[str],
    at: datetime,
) -> AccessToken | ClientToken:
    """What the token is good for. Raises OAuthError."""
    if not admission.fresh:
        raise dpop.InvalidProof("this proof was used before")
    client = server.clients.find_held(presented.client_id)
    if client is not None and client.version != (admission.client_version or 0):
        client = server.clients.find(presented.client_id)
    grant, held = admission.grant, presented.scopes
    ended = grant is None or grant.revoked_at is not None or grant.expires_at <= at
    if client is None or admission.token_revoked or (presented.grant_id is not None and ended):
        raise refuse("invalid_token", "the grant or the client behind the access token has ended")
    # (5) scope (RFC 6750 3.1)
    if not scopes <= (held & grant.scopes if grant is not None else held):
        raise refuse("insufficient_scope", "the access token lacks a scope", status=403)
    if grant is None:
        return ClientToken(client, held, presented.expires_at)
    return AccessToken(
        grant.subject,
        grant.traveller_id,
        grant.grant_id,
        grant.client_id,
        grant.provider,
        grant.acr,
        grant.auth_time,
        held & grant.scopes,
        presented.expires_at,
        client,
        grant,
    )


def revocation_mark(claims: Mapping[str, Any]) -> bytes:
    """By which a client's own token is remembered as revoked: its `jti`, never its text, for a signature has two
    spellings that verify. Raises KeyError.
    """
    return digest(f"{claims['client_id']}\0{claims['jti']}")


def refuse(
    error: str, description: str, *, status: int = 401, parameters: Mapping[str, str] | None = None
) -> ResourceError:
    """With the challenge of RFC 6750 3 under the DPoP scheme (RFC 9449 7.1)."""
    given = {"error": error, "error_description": description, **(parameters or {})} if error else {}
    algorithms = " ".join(dpop.ALGORITHMS)
    challenge = ", ".join(f'{name}="{value}"' for name, value in {**given, "algs": algorithms}.items())
    return ResourceError(error, description, status=status, headers={"WWW-Authenticate": f"DPoP {challenge}"})


def offering_bearer(error: ResourceError) -> ResourceError:
    """The same refusal where tokens without a key are taken too: a challenge for each scheme (RFC 9449 7.1, RFC 6750
    3).
    """
    if error.error in ("invalid_dpop_proof", "use_dpop_nonce"):
        return error  # somebody who uses DPoP, and means to
    challenge = error.headers.get("WWW-Authenticate", "")
    said = [part for part in challenge.removeprefix("DPoP ").split(", ") if not part.startswith("algs=")]
    bearer = " ".join(["Bearer", ", ".join(said)]).rstrip()
    headers = {**error.headers, "WWW-Authenticate": f"{challenge}, {bearer}"}
    return ResourceError(error.error, error.description, status=error.status, headers=headers)


def authorization_header(request: Request) -> tuple[str, str]:
    """(scheme in lower case, token) of exactly one Authorization header. Raises ResourceError."""
    headers = request.headers.getlist("authorization")
    scheme, _, raw = headers[0].partition(" ") if headers else ("", "", "")
    if len(headers) != 1 or scheme.lower() not in ("dpop", "bearer") or not raw:
        raise refuse("", "present the access token with the DPoP scheme")
    return scheme.lower(), raw


def as_resource_error(error: OAuthError) -> OAuthError:
    """A DPoP refusal: same codes, resource shape (RFC 9449 7.1). A failure that no other token would mend stays one."""
    return error if isinstance(error, ResourceError) or error.status >= 500 else refuse(error.error, error.description)


def _checked(
    server: AuthorizationServer, request: Request, scopes: frozenset[str], audience: str, at: datetime
) -> AccessToken | ClientToken:
    scheme, raw = authorization_header(request)
    try:
        return verify_token(server, request, raw, scheme=scheme, scopes=scopes, audience=audience, at=at)
    except OAuthError as error:
        raise as_resource_error(error) from error


def _thumbprint(claims: Mapping[str, Any]) -> str | None:
    return str(claims["cnf"]["jkt"]) if "cnf" in claims else None


def _names(audience: object, wanted: str) -> bool:
    return wanted in audience if isinstance(audience, list) else audience == wanted
