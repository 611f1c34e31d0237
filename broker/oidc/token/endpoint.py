"""The token endpoint (RFC 6749 3.2): client, proof of possession, then one grant type per file."""

from starlette.requests import Request

from broker.oidc.client import Client, Profile
from broker.oidc.client_auth.authenticate import authenticate, confirm
from broker.oidc.errors import OAuthError
from broker.oidc.parameters import Parameters
from broker.oidc.proof import marks_of, read_proof, replay
from broker.oidc.server import AuthorizationServer
from broker.oidc.token.authorization_code import redeem_code
from broker.oidc.token.client_credentials import grant_to_client
from broker.oidc.token.id_token import with_id_token
from broker.oidc.token.issue import TokenResponse
from broker.oidc.token.refresh_token import refresh

EXCHANGES = {"authorization_code": redeem_code, "refresh_token": refresh}
_REQUIRED = {"authorization_code": "code", "refresh_token": "refresh_token"}
CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (*EXCHANGES, CLIENT_CREDENTIALS)


def token(server: AuthorizationServer, request: Request, parameters: Parameters) -> TokenResponse:
    """The token response. Raises OAuthError, after whatever the refusal changed is committed."""
    at = server.clock()
    # (1) who asks (RFC 6749 3.2.1), (2) for what
    known = authenticate(server, request, parameters, at)
    grant_type = parameters.get("grant_type") or ""
    incomplete = _incomplete(grant_type, parameters)
    # (3) with which key (RFC 9449 5); only an oidc_basic client may do without, and gets a bearer token
    proof = read_proof(server, request, at, required=_must_prove(known.client))
    marks = marks_of(known, proof)
    # (4) a client for itself, or nothing: one statement, for nothing is kept but that the marks are used up
    if incomplete is not None or grant_type == CLIENT_CREDENTIALS:
        admission = server.admit(marks, client_id=known.client.client_id)
        if not admission.fresh:
            raise replay(admission, proof)
        if incomplete is not None:
            raise incomplete
        known = confirm(server, known, admission.client_version, at)
        return grant_to_client(server, known.client, proof, parameters, at)
    with server.open_unit() as unit:
        # (5) a replayed proof or assertion must spend nothing, and a spent one stays spent whatever the exchange says
        admission = unit.admit(marks, client_id=known.client.client_id)
        if admission.fresh:
            known = confirm(server, known, admission.client_version, at)
            outcome = EXCHANGES[grant_type](server, unit, known.client, proof, parameters, at)
        else:
            outcome = replay(admission, proof)
    if isinstance(outcome, OAuthError):
        raise outcome
    # (6) the ID token, with what is released into it
    return with_id_token(server, outcome)


def _incomplete(grant_type: str, parameters: Parameters) -> OAuthError | None:
    """The refusal of a request that names no exchange of ours, or not what is exchanged."""
    if not grant_type:
        return OAuthError("invalid_request", "grant_type is required")
    if grant_type not in GRANT_TYPES:
        return OAuthError("unsupported_grant_type", "grant_type must be one of " + ", ".join(GRANT_TYPES))
    needed = _REQUIRED.get(grant_type)
    if needed is not None and parameters.get(needed) is None:
        return OAuthError("invalid_request", f"{needed} is required")
    return None


def _must_prove(client: Client) -> bool:
    return client.profile is not Profile.OIDC_BASIC
